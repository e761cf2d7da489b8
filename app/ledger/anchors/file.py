"""An anchor in a folder, such as one that another machine exports and only lets be added to."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from app.domain.note import Checkpoint
from app.ledger.anchors.anchor import SUFFIX, AnchorFailed, differs, folder_of, head_of

T = TypeVar("T")


class FileAnchor:
    """One file a checkpoint, ``<log>/<size>.checkpoint``. What is there is never written to again."""

    def __init__(self, name: str, folder: Path) -> None:
        """``folder``: made with the first checkpoint."""
        self.name = name
        self._folder = folder
        # a thread of its own: a file system that hangs keeps nobody else waiting
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"anchor-{name}")

    async def put(self, note: str) -> None:
        """Take a note: when this has returned, it is on the disk."""
        await self._run(lambda: self._put(head_of(note), note.encode()))

    async def newest(self, origin: str) -> str | None:
        """The note of the largest size."""
        return await self._run(lambda: self._newest(folder_of(origin)))

    async def notes(self) -> AsyncIterator[str]:
        """All of them, log by log, the oldest first."""
        for path in await self._run(self._all):
            yield await self._run(path.read_text)

    async def _run(self, what: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, what)

    def _put(self, head: Checkpoint, note: bytes) -> None:
        folder = self._folder / folder_of(head.origin)
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            _synced(self._folder)
            _synced(self._folder.parent)
        path = folder / f"{head.size}{SUFFIX}"
        scratch = folder / f".{uuid.uuid4().hex}"
        try:
            _write(scratch, note)
            os.link(scratch, path)  # appears whole, and only where nothing is
        except FileExistsError:
            if path.read_bytes() != note:
                raise differs(head) from None
        finally:
            scratch.unlink(missing_ok=True)
        _synced(folder)

    def _newest(self, log: str) -> str | None:
        found = _sizes(self._folder / log)
        return (self._folder / log / f"{found[-1]}{SUFFIX}").read_text() if found else None

    def _all(self) -> list[Path]:
        logs = sorted(path for path in self._folder.iterdir() if path.is_dir()) if self._folder.is_dir() else []
        return [log / f"{size}{SUFFIX}" for log in logs for size in _sizes(log)]


def _sizes(log: Path) -> list[int]:
    if not log.is_dir():
        return []
    names = [path.name.removesuffix(SUFFIX) for path in log.iterdir() if path.name.endswith(SUFFIX)]
    if wrong := [name for name in names if not name.isdecimal()]:
        raise AnchorFailed(f"{log / wrong[0]}{SUFFIX} is no checkpoint of ours: its name is no size")
    return sorted(map(int, names))


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _synced(folder: Path) -> None:
    """A new name is on the disk when its folder is."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
