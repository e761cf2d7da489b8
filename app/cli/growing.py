"""A file of lines that grows at its end, and survives a writer that was killed in the middle of one."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from app.cli.failing import RefusedByRule

BLOCK = 1 << 16


class GrowingFile:
    """Whole lines, and perhaps a torn one behind them until `cut`. ``last``: the last whole line, without its end."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._file = file
        self._whole = _behind_last(file, file.seek(0, os.SEEK_END))
        self.last = self._last_line()

    def _last_line(self) -> bytes | None:
        if not self._whole:
            return None
        begin = _behind_last(self._file, self._whole - 1)
        self._file.seek(begin)
        return self._file.read(self._whole - 1 - begin)

    def last_leaf(self) -> int:
        """The leaf of the last whole line. Raises RefusedByRule for a line that is none of an export's."""
        try:
            leaf = json.loads(self.last or b"")["leaf"]
        except (ValueError, KeyError, TypeError, RecursionError):
            leaf = None
        if type(leaf) is not int or not 0 <= leaf < 2**53:
            raise RefusedByRule(f"the last line of {self.path} is no entry of an export; nothing was written.")
        return leaf

    def cut(self) -> None:
        """Drop what is behind the last whole line: whoever wrote it was stopped."""
        self._file.truncate(self._whole)
        self._file.seek(self._whole)

    def write(self, data: bytes) -> None:
        """Append."""
        self._file.write(data)

    def flush(self) -> None:
        """What was written is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())


def _behind_last(file: BinaryIO, end: int) -> int:
    """Where the line begins that ends at ``end``."""
    while end > 0:
        begin = max(0, end - BLOCK)
        file.seek(begin)
        found = file.read(end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0


@contextmanager
def opened_file(path: Path) -> Iterator[GrowingFile]:
    """The file, made where there is none, for this process alone. Raises RefusedByRule while another writes it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RefusedByRule(f"another process writes {path}: stop that first, or name another file.") from None
        _keep_name(path)
        yield GrowingFile(path, file)


def _keep_name(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
