"""One part of the stack as a process: started, written down, waited for, ended."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tenacity import AsyncRetrying, retry_if_result, wait_fixed

from app.devstack.errors import PartFailed
from app.devstack.orphans import forget, kill_group, reap, write_down

Probe = Callable[[], Awaitable[bool]]

_PR_SET_PDEATHSIG = 1
_LOG_TAIL = 2_000


@dataclass(frozen=True, slots=True)
class Command:
    """How a part is run. ``record``: where its process is written down; ``uid``: the account to run as, if not ours."""

    name: str
    argv: tuple[str, ...]
    record: Path
    log: Path
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    uid: int | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals | None = signal.SIGKILL
    """What the part gets when its supervisor dies (Linux). None: it lives on until the next start ends it."""
    grace: float = 10


class Child:
    """A running part."""

    def __init__(self, command: Command, process: asyncio.subprocess.Process) -> None:
        self._command = command
        self._process = process

    @property
    def name(self) -> str:
        return self._command.name

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.returncode

    async def exited(self) -> int:
        """Wait for its end; the exit status, negative for a signal."""
        return await self._process.wait()

    async def stop(self) -> None:
        """End it: politely, and after its grace for good. Returns when it is gone."""
        if self.returncode is None:
            self._process.send_signal(self._command.stop_signal)
        try:
            await asyncio.wait_for(self._process.wait(), self._command.grace)
        except TimeoutError:
            kill_group(self.pid)
            await self._process.wait()
        forget(self._command.record)

    async def answers(self, probe: Probe, *, within: float) -> None:
        """Wait until ``probe`` says yes. Raises `PartFailed`; a part that never answered is ended."""
        try:
            async with asyncio.timeout(within):
                await AsyncRetrying(retry=retry_if_result(_is_no), wait=wait_fixed(0.05))(self._checked, probe)
        except TimeoutError:
            await self.stop()
            raise self._failed(f"did not answer within {within:g} s") from None
        except BaseException:
            await self.stop()
            raise

    async def _checked(self, probe: Probe) -> bool:
        if self.returncode is not None:
            raise self._failed(f"ended with status {self.returncode}")
        return await probe()

    def _failed(self, what: str) -> PartFailed:
        return PartFailed(f"{self.name} {what}; the end of {self._command.log}:\n{log_tail(self._command.log)}")


def _is_no(answer: bool) -> bool:
    return not answer


async def spawn(command: Command) -> Child:
    """Start ``command`` in a session of its own, after ending what an earlier run left. Its output goes to its log."""
    await reap(command.record, stop_signal=command.stop_signal, grace=command.grace)
    with command.log.open("ab") as log:
        process = await _start(command, log.fileno())
    write_down(command.record, process.pid)
    return Child(command, process)


async def _start(command: Command, log: int) -> asyncio.subprocess.Process:
    account = {} if command.uid is None else {"user": command.uid, "group": command.uid, "extra_groups": []}
    try:
        return await asyncio.create_subprocess_exec(
            *command.argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=command.env,
            cwd=command.cwd,
            start_new_session=True,
            preexec_fn=_tether(command.death_signal),
            **account,  # type: ignore[arg-type]
        )
    except OSError as error:
        raise PartFailed(f"{command.name} cannot be started: {error}") from error


def _tether(death_signal: signal.Signals | None) -> Callable[[], None] | None:
    """Code for the child, between fork and exec, that ties its life to its parent's (the thread that started it)."""
    if sys.platform != "linux" or death_signal is None:
        return None
    prctl, parent, number = ctypes.CDLL(None).prctl, os.getpid(), int(death_signal)

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # it died before the call above
            os._exit(1)

    return tie


def log_tail(log: Path) -> str:
    """The last lines of ``log``, for an error's sentence."""
    try:
        return log.read_bytes()[-_LOG_TAIL:].decode(errors="replace").strip()
    except FileNotFoundError:
        return "(no log)"
