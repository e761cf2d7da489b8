"""`interlock dev` with a worker of the test's choice.

Arguments: data, governance folder, ready file, worker module, and the URL of Slack's Web API (empty: no Slack).
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from app.cli.policy import install_for_dev
from app.devstack.dev import Processes, run_dev

data, governance, ready_file = (Path(argument) for argument in sys.argv[1:4])
logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
for noisy in ("httpx", "alembic"):
    logging.getLogger(noisy).setLevel(logging.WARNING)
processes = Processes(worker=(sys.executable, "-m", sys.argv[4]))
asyncio.run(run_dev(data, governance, 0, ready_file, sys.argv[5] or None, install=install_for_dev, processes=processes))
