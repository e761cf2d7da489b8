"""An anchor in a store of objects with object lock. None comes with Interlock: `ObjectStore` is to be filled in.

Nothing here has been tried on a real store; the settings offer no anchor of this kind.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from app.ledger.anchors.anchor import differs, folder_of, head_of, place_of


class ObjectStore(Protocol):
    """What it takes of an S3-compatible bucket with versioning and object lock in compliance mode."""

    async def create(self, key: str, data: bytes) -> bool:
        """Keep an object under a retention period, only where none is (``If-None-Match: *``); False where one is."""

    async def read(self, key: str) -> bytes | None:
        """The oldest version of an object: a later one, or a delete marker, takes nothing back. None: there is none."""

    def keys(self, prefix: str) -> AsyncIterator[str]:
        """All keys below a prefix, in order, those with a delete marker too."""


class ObjectAnchor:
    """One object a checkpoint, at `place_of`."""

    def __init__(self, name: str, store: ObjectStore) -> None:
        """``store``: the bucket."""
        self.name = name
        self._store = store

    async def put(self, note: str) -> None:
        """Take a note."""
        head = head_of(note)
        place = place_of(head)
        if not await self._store.create(place, note.encode()) and await self._store.read(place) != note.encode():
            raise differs(head)

    async def newest(self, origin: str) -> str | None:
        """The note of the largest size."""
        last = None
        async for key in self._store.keys(f"{folder_of(origin)}/"):
            last = key
        found = None if last is None else await self._store.read(last)
        return None if found is None else found.decode()

    async def notes(self) -> AsyncIterator[str]:
        """All of them, log by log, the oldest first."""
        async for key in self._store.keys(""):
            found = await self._store.read(key)
            if found is not None:
                yield found.decode()
