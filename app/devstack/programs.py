"""Programs that are not on this machine yet: made once, by whoever comes first, while the others wait."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tenacity import AsyncRetrying, retry_if_exception_type, wait_fixed

from app.devstack.errors import StackError

_log = logging.getLogger(__name__)

Provider = Callable[[Path], Awaitable[None]]
"""Makes a file or a folder at the path, or raises `StackError` that says why it cannot."""


async def made_once(target: Path, providers: Sequence[Provider]) -> Path:
    """``target``, made by the first provider that can when it is not there; it appears whole or not at all.

    Processes that want it at the same time wait for the one that makes it. Raises `StackError` with all reasons.
    """
    if not _is_there(target):
        async with _only_one(target.with_name(f"{target.name}.lock")):
            if not _is_there(target):
                await _make(target, providers)
    return target


def _is_there(target: Path) -> bool:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.exists()


async def _make(target: Path, providers: Sequence[Provider]) -> None:
    reasons = []
    for provider in providers:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
            made = Path(scratch) / target.name
            try:
                await provider(made)
            except StackError as error:
                _log.info("%s", error)
                reasons.append(str(error))
            else:
                made.replace(target)
                return
    raise StackError("; ".join(reasons))


async def run(*argv: str) -> tuple[int, str]:
    """Run a command to its end: its exit status and all that it printed. It ends with the task that runs it."""
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    return process.returncode or 0, output.decode(errors="replace")


@asynccontextmanager
async def _only_one(path: Path) -> AsyncIterator[None]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        await AsyncRetrying(retry=retry_if_exception_type(BlockingIOError), wait=wait_fixed(0.2))(_flock, fd)
        yield
    finally:
        os.close(fd)


async def _flock(fd: int) -> None:
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
