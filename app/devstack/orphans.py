"""Ending what a dead supervisor left behind, and nothing else.

Each part's process is written down: pid, create time and command line. Only a process that still has all three is the
one that was started; a pid alone may have gone to a stranger. Call only under the data directory's lock.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from app.devstack.files import write_whole

_log = logging.getLogger(__name__)
_CLOCK_STEP = 2.0  # seconds; create times are told relative to a boot time that clock corrections may shift


@dataclass(frozen=True, slots=True)
class Record:
    """A process as it was when it was started."""

    pid: int
    create_time: float
    cmdline: list[str]


def write_down(path: Path, pid: int) -> None:
    """Remember the process ``pid`` in ``path``. One that has ended already is not remembered."""
    record = _of(pid)
    if record is not None:
        write_whole(path, json.dumps(asdict(record)))


async def reap(path: Path, *, stop_signal: signal.Signals, grace: float) -> None:
    """End the process that ``path`` names, if it still is that one: ``stop_signal`` first, after ``grace`` SIGKILL."""
    record = _read(path)
    if record is not None and _lives(record):
        _log.warning("ending process %d, left behind by an earlier stack: %s", record.pid, " ".join(record.cmdline))
        await asyncio.to_thread(end, record.pid, stop_signal, grace)


def forget(path: Path) -> None:
    """Drop what `write_down` wrote, once the process is known to have ended."""
    path.unlink(missing_ok=True)


def _of(pid: int) -> Record | None:
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            return Record(pid, process.create_time(), process.cmdline())
    except psutil.NoSuchProcess:
        return None


def _lives(record: Record) -> bool:
    now = _of(record.pid)
    if now is None or now.cmdline != record.cmdline:
        return False
    return abs(now.create_time - record.create_time) < _CLOCK_STEP


def _read(path: Path) -> Record | None:
    try:
        return Record(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        _log.warning("%s is damaged and names no process", path)
        return None


def end(pid: int, stop_signal: signal.Signals, grace: float) -> None:
    """End process ``pid`` and wait for it: ``stop_signal``, after ``grace`` seconds SIGKILL. Blocks."""
    try:
        process = psutil.Process(pid)
        process.send_signal(stop_signal)
        if not _ends_within(process, grace):
            kill_group(pid)
            _ends_within(process, grace)
    except psutil.NoSuchProcess:
        return


def is_gone(process: psutil.Process) -> bool:
    """Whether ``process`` runs no more; one that nobody has collected yet counts as gone."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _ends_within(process: psutil.Process, seconds: float) -> bool:
    waiting = Retrying(
        retry=retry_if_result(lambda gone: not gone),
        stop=stop_after_delay(seconds),
        wait=wait_fixed(0.05),
        retry_error_callback=lambda _: False,
    )
    return bool(waiting(is_gone, process))


def kill_group(pid: int) -> None:
    """SIGKILL to the process group that ``pid`` leads; a group that is gone already is fine."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
