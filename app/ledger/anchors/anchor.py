"""What an anchor is, and where it keeps a checkpoint."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Protocol

from app.domain.note import Checkpoint, parse, parse_checkpoint

SUFFIX = ".checkpoint"
LARGEST = 10**12 - 1
"""The largest size that has a place of fixed length."""


class AnchorFailed(Exception):
    """An anchor did not take a checkpoint, or cannot be read; says why."""


class Anchor(Protocol):
    """Keeps signed notes; what it has once taken under a log's name and a size it never replaces."""

    @property
    def name(self) -> str:
        """As the settings call it."""

    async def put(self, note: str) -> None:
        """Take a signed note; the same one again is fine. Raises AnchorFailed, OSError."""

    async def newest(self, origin: str) -> str | None:
        """The note of the largest size that it holds of a log. Raises AnchorFailed, OSError."""

    def notes(self) -> AsyncIterator[str]:
        """Everything that it holds, log by log, the oldest first. Raises AnchorFailed, OSError."""


def head_of(note: str) -> Checkpoint:
    """What a note says, whoever signed it. Raises NoteInvalid."""
    return parse_checkpoint(parse(note)[0])


def folder_of(origin: str) -> str:
    """The folder of a log: its name may hold signs that no file name may."""
    return hashlib.sha256(origin.encode()).hexdigest()[:16]


def place_of(head: Checkpoint) -> str:
    """A place in folders of a thousand at most, in the order of sizes: ``<log>/000/000/012/345.checkpoint``."""
    if head.size > LARGEST:
        raise AnchorFailed(f"a tree of {head.size} leaves has no place here")
    digits = f"{head.size:012}"
    return "/".join([folder_of(head.origin), *(digits[n : n + 3] for n in range(0, 12, 3))]) + SUFFIX


def differs(head: Checkpoint) -> AnchorFailed:
    """The error of an anchor that holds another note."""
    return AnchorFailed(
        f"it holds another checkpoint of {head.size} leaves of {head.origin}: run interlock ledger verify"
    )
