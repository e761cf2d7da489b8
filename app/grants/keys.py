"""The keys that grants are signed with, which change under a process that runs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from joserfc.jwk import OKPKey

from app.grants.grants import JWKS_FOR
from app.keys import KeyRing, KeysInvalid, grants_path, grants_ring

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks at the file at least."""

Seen = tuple[int, int, int, int]


class GrantKeys(Protocol):
    """Where the ring of the grant keys comes from."""

    def ring(self) -> KeyRing[OKPKey]:
        """The ring as it is now."""
        ...

    @property
    def amiss(self) -> str | None:
        """What is wrong with the key file, while an earlier ring stays in use; None when nothing is."""
        ...


@dataclass(frozen=True, slots=True)
class StandingKeys:
    """A ring that stays as it is."""

    standing: KeyRing[OKPKey]
    amiss: str | None = None

    def ring(self) -> KeyRing[OKPKey]:
        """Always the same."""
        return self.standing


class LiveKeys:
    """The ring in a key directory, read again when its file has changed.

    What cannot be used is logged, and the ring that was good stays in use until the file is good again.
    """

    def __init__(
        self,
        directory: Path,
        ring: KeyRing[OKPKey],
        *,
        ticks: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``ring``: as it was read before; ``ticks``: seconds of a clock that never jumps; ``now``: the wall clock."""
        self._directory, self._ring = directory, ring
        self._ticks, self._now = ticks, now
        self._seen: Seen | None = None  # whatever was read before, the file may have changed since
        self._looked = ticks() - LOOK_EVERY
        self._amiss: str | None = None

    @property
    def amiss(self) -> str | None:
        """What is wrong with the key file; looks at it, if that is due."""
        self.ring()
        return self._amiss

    def ring(self) -> KeyRing[OKPKey]:
        """The ring as the file has it, not older than a second."""
        if self._ticks() - self._looked >= LOOK_EVERY:
            self._looked = self._ticks()
            self._look()
        return self._ring

    def _look(self) -> None:
        try:
            seen = _seen(grants_path(self._directory))
            if seen != self._seen:
                self._take(grants_ring(self._directory))
                self._seen = seen
            self._say(None)
        except (KeysInvalid, OSError) as error:
            self._seen = None  # looked at again, for it may be a file in the middle of being copied
            self._say(str(error))

    def _take(self, ring: KeyRing[OKPKey]) -> None:
        why = unpublished(self._ring, ring, self._now())
        if why is not None:
            raise KeysInvalid(why)
        if ring.current != self._ring.current:
            log.info("grants are signed with the key %s from now on, and not with %s", ring.current, self._ring.current)
        self._ring = ring

    def _say(self, amiss: str | None) -> None:
        if amiss is not None and amiss != self._amiss:
            log.error("the grant keys stay as they were: %s", amiss)
        if amiss is None and self._amiss is not None:
            log.info("the grant keys can be read again")
        self._amiss = amiss


def unpublished(old: KeyRing[OKPKey], new: KeyRing[OKPKey], now: datetime) -> str | None:
    """Why the current key of a new ring must not sign yet; None when targets know it.

    Where nothing is left of the old ring, somebody has put away a stolen one: no key of it may sign any longer.
    """
    if new.current in old.keys or not old.keys.keys() & new.keys.keys():
        return None
    since = new.published.get(new.current)
    if since is not None and since + JWKS_FOR <= now:
        return None
    return (
        f"targets were never told of its current key {new.current}, and would refuse what it signs: "
        "put the file back as it was, and have `interlock grants rotate` change it"
    )


def _seen(path: Path) -> Seen:
    """What is another one when a file was changed, replaced, or its mode was."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size
