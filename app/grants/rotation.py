"""Rotating the key that grants are signed with, in its file: no target may meet a key that it was never told of.

A next key is published for as long as targets may keep our keys before it signs, and what has signed stays published
until the rotation after that, which is longer than any grant lives.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from app.domain.clocks import moment, rfc3339
from app.grants.grants import JWKS_FOR
from app.keys import KeysInvalid, beside, beside_prefix, grants_path, grants_ring, new_grants_ring, new_signing_jwk

MARGIN = timedelta(seconds=30)
"""For processes that look at the file once a second, for answers on their way, and for clocks that differ."""

PUBLISHED_FOR = JWKS_FOR + MARGIN
"""How long a key is published before it signs; also the least that passes between two rotations."""

PATIENCE = 30.0
"""Seconds to wait for somebody else who rotates."""

Document = dict[str, Any]


class TooSoon(Exception):
    """The next key has not been published for long enough; the sentence says from when on it may sign."""


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of the ring. ``document``: the file; ``kind``: of the entry that tells of it."""

    kind: Literal["grant-key-published", "grant-keys-rotated", "grant-keys-replaced"]
    document: Document = field(repr=False)
    removed: tuple[str, ...]

    @property
    def kids(self) -> dict[str, Any]:
        """The keys by what they are for now: `current`, `next`, `previous`, and `removed`."""
        current, coming = self.document["current"], self.document["next"]
        previous = [jwk["kid"] for jwk in self.document["keys"] if jwk["kid"] not in (current, coming)]
        return {"current": current, "next": coming, "previous": previous, "removed": list(self.removed)}

    @property
    def again_from(self) -> datetime:
        """From when on the next key may take over."""
        return moment(self.document["published"][self.document["next"]]) + PUBLISHED_FOR


def advance(document: Document, now: datetime) -> Change:
    """The next key takes over, and a new next one is made; without a next one, that is all that happens.

    Raises `TooSoon`.
    """
    coming, current = document.get("next"), document["current"]
    if coming is None:
        return Change("grant-key-published", *_with_next(document, document["keys"], current, now))
    after = moment(document["published"][coming]) + PUBLISHED_FOR
    if now < after:
        raise TooSoon(
            f"the next key {coming} may take over from {rfc3339(after)} on: targets keep our keys for "
            f"{JWKS_FOR // timedelta(minutes=1)} minutes, and would refuse what they have not been told of"
        )
    kept = [jwk for jwk in document["keys"] if jwk["kid"] in (coming, current)]
    return Change("grant-keys-rotated", *_with_next(document, kept, coming, now))


def _with_next(
    document: Document, keys: list[Document], current: str, now: datetime
) -> tuple[Document, tuple[str, ...]]:
    coming = new_signing_jwk()
    published = {kid: at for kid, at in document.get("published", {}).items() if kid in {jwk["kid"] for jwk in keys}}
    removed = tuple(jwk["kid"] for jwk in document["keys"] if jwk not in keys)
    made = {
        "current": current,
        "next": coming["kid"],
        "published": {**published, coming["kid"]: rfc3339(now)},
        "keys": [coming, *keys],
    }
    return made, removed


def replace(directory: Path, now: datetime) -> Change:
    """Another ring altogether: whoever has stolen one key of a file has them all. Nothing of the old file is needed."""
    return Change("grant-keys-replaced", new_grants_ring(now), _known(directory))


def _known(directory: Path) -> tuple[str, ...]:
    with suppress(OSError, ValueError, KeyError, TypeError):
        return tuple(str(jwk["kid"]) for jwk in json.loads(grants_path(directory).read_bytes())["keys"])
    return ()


def ring_file(directory: Path) -> Document:
    """The ring as it stands in its file. Raises `KeysInvalid`."""
    grants_ring(directory)
    document: Document = json.loads(grants_path(directory).read_bytes())
    return document


@contextmanager
def alone(directory: Path, patience: float = PATIENCE) -> Iterator[None]:
    """One at a time changes the ring; what somebody left who was killed over it is cleared away.

    Raises `KeysInvalid` when somebody else does not come to an end. The lock ends with its process.
    """
    lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(lock, time.monotonic() + patience, directory)
        for left in directory.glob(f"{beside_prefix(grants_path(directory))}*"):
            left.unlink(missing_ok=True)
        yield
    finally:
        os.close(lock)


def _lock(lock: int, until: float, directory: Path) -> None:
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise KeysInvalid(f"somebody else is changing the keys in {directory}: try again") from None
            time.sleep(0.05)
        else:
            return


@contextmanager
def staged(directory: Path, change: Change) -> Iterator[Path]:
    """The new ring beside the file, as its owner's; `put` puts it in place. Raises `KeysInvalid`."""
    path = grants_path(directory)
    if path.is_symlink():
        raise KeysInvalid(f"{path} is a symbolic link: rotate where the file itself is")
    try:
        with beside(path, change.document) as written:
            _give_to_owner_of(path, written)
            yield written
    except OSError as error:
        raise KeysInvalid(f"{path} cannot be replaced: {error.strerror or error}") from None


def _give_to_owner_of(path: Path, written: Path) -> None:
    """The processes that read it may run as somebody else than who rotates."""
    if not path.exists():
        return
    was, made = path.stat(), written.stat()
    if (was.st_uid, was.st_gid) == (made.st_uid, made.st_gid):
        return
    try:
        os.chown(written, was.st_uid, was.st_gid)
    except PermissionError:
        raise KeysInvalid(f"{path} is of user {was.st_uid}, group {was.st_gid}: rotate as they, or as root") from None


def put(directory: Path, written: Path) -> None:
    """Put a staged ring in the place of the one before, at once and for good."""
    written.replace(grants_path(directory))
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
