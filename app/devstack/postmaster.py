"""PostgreSQL's own note of who serves a data directory, after a crash."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import psutil

from app.devstack.orphans import end

_GRACE = 15.0


async def clear_away(pgdata: Path) -> None:
    """End a postmaster that still serves ``pgdata``; drop a ``postmaster.pid`` whose number went to another program.

    PostgreSQL would refuse to start in both cases. Call only under the data directory's lock.
    """
    file = pgdata / "postmaster.pid"
    pid = _noted(file)
    if pid is None or not psutil.pid_exists(pid):
        return  # PostgreSQL sees for itself that nobody is there
    if _serves(pid, pgdata):
        await asyncio.to_thread(end, pid, signal.SIGINT, _GRACE)
    else:
        _drop(file)


def _noted(file: Path) -> int | None:
    try:
        return int(file.read_text().split(maxsplit=1)[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None


def _serves(pid: int, pgdata: Path) -> bool:
    try:
        cmdline = psutil.Process(pid).cmdline()
    except psutil.NoSuchProcess:
        return False
    return str(pgdata) in cmdline


def _drop(file: Path) -> None:
    file.unlink(missing_ok=True)
