"""Starts a process that nothing ties to its parent, as on systems without a death signal, and is killed.

Arguments: the record file, then what to run.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from app.devstack.process import Command, spawn


async def main() -> None:
    record = Path(sys.argv[1])
    await spawn(Command("orphan", tuple(sys.argv[2:]), record, record.with_suffix(".log"), death_signal=None))
    os.kill(os.getpid(), signal.SIGKILL)


asyncio.run(main())
