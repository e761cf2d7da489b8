"""`interlock dev` with small processes in place of ours. Arguments: data, ready file, port, what to do.

``fails``: installing the governance files raises; ``broken``: the API does not start; ``quiet``: no address of Slack.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from app.devstack.dev import Processes, run_dev
from app.devstack.errors import StackError
from app.domain.errors import Misconfigured
from app.settings import Settings

MODE = sys.argv[4]
API = "tests.devstack.small_api" if MODE != "broken" else "tests.devstack.no_such_module"
SLACK = None if MODE == "quiet" else "http://slack.test/api/"
PROCESSES = Processes(
    api=(sys.executable, "-m", API),
    worker=(sys.executable, "-m", "tests.devstack.small_worker"),
)


async def install(settings: Settings, governance: Path) -> None:
    if MODE == "fails":
        raise StackError(f"{governance} is no governance folder for {settings.environment}")


logging.basicConfig(level=logging.INFO)
data, ready_file, port = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
try:
    asyncio.run(run_dev(data, Path("rules"), port, ready_file, SLACK, install=install, processes=PROCESSES))
except (StackError, Misconfigured) as error:
    sys.exit(str(error))
