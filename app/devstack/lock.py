"""One process for one data directory: a file lock, which the kernel drops however its holder ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from app.devstack.errors import AlreadyRunning

NAME = "lock"


class DirectoryLock:
    """The lock of ``directory``; the file holds its holder's pid, for people.

    ``name``: another one, for a process that holds the directory around the one that works in it.
    """

    def __init__(self, directory: Path, name: str = NAME) -> None:
        self._path = directory / name
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock, or keep it if it is ours. Raises `AlreadyRunning` naming the holder."""
        if self._fd is not None:
            return
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _locked(fd, fcntl.LOCK_EX):
            os.close(fd)
            raise AlreadyRunning(self._sentence())
        os.ftruncate(fd, 0)
        os.write(fd, str(os.getpid()).encode())
        self._fd = fd

    def release(self) -> None:
        """Let the lock go. Nothing happens if it is not held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _sentence(self) -> str:
        return (
            f"{self._path.parent} is in use by process {self._path.read_text() or '?'}: "
            "stop that one first, or choose another data directory"
        )


def is_held(directory: Path) -> bool:
    """Whether a living process holds the lock of ``directory``."""
    try:
        fd = os.open(directory / NAME, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _locked(fd, fcntl.LOCK_SH)
    finally:
        os.close(fd)


def _locked(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
