"""How entries are written and chained (DESIGN.md section 10). Pure: shared by the writer and by whoever verifies."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.clocks import rfc3339
from app.domain.digest import canonical

GENESIS = "0" * 64
"""``prev`` of the first entry of a stream."""

_KEYS = frozenset({"v", "stream", "n", "prev", "kind", "at", "facts"})


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry as the ledger keeps it: its place in its stream, and its bytes."""

    stream: str
    n: int
    body: bytes


def leaf_hash(body: bytes) -> str:
    """Hex of SHA-256(0x00 || body), the leaf hash of RFC 6962 section 2.1."""
    return hashlib.sha256(b"\x00" + body).hexdigest()


def entry_body(*, stream: str, n: int, prev: str, kind: str, at: datetime, facts: dict[str, Any]) -> bytes:
    """The RFC 8785 bytes of an entry. ``prev`` is the `leaf_hash` of the one before in its stream, or `GENESIS`."""
    return canonical({"v": 1, "stream": stream, "n": n, "prev": prev, "kind": kind, "at": rfc3339(at), "facts": facts})


@dataclass(frozen=True, slots=True)
class LedgerFinding:
    """One thing that is wrong: ``where`` (stream and number) and ``what``."""

    where: str
    what: str


def verify_stream(stream: str, entries: Sequence[Stored]) -> list[LedgerFinding]:
    """Numbers without a gap from 1, canonical bytes, the right stream, each chained to the one before."""
    chains = Chains()
    return [finding for stored in entries for finding in chains.follow(stored, stream)]


class Chains:
    """Follows every stream at once, entry by entry, in whatever order the streams mix."""

    def __init__(self) -> None:
        """No entry seen yet."""
        self._ends: dict[str, tuple[int, str]] = {}

    def follow(self, stored: Stored, stream: str | None = None) -> list[LedgerFinding]:
        """What is wrong with the next entry of its stream. ``stream``: the one that it must be of, if known."""
        of = stored.stream if stream is None else stream
        n, prev = self._ends.get(of, (0, GENESIS))
        self._ends[of] = (stored.n, leaf_hash(stored.body))
        return [LedgerFinding(f"{of}#{stored.n}", what) for what in _defects(of, n + 1, prev, stored)]

    def end(self, stream: str) -> int:
        """The number of the last entry seen of a stream; 0 of none."""
        return self._ends.get(stream, (0, GENESIS))[0]


def _defects(stream: str, expected: int, prev: str, stored: Stored) -> Iterable[str]:
    try:
        body = parsed(stored.body)
    except NotCanonical as error:
        yield str(error)
        return
    if not isinstance(body, dict) or body.keys() != _KEYS or not _same(body["v"], 1):
        yield "the body is not an entry"
        return
    if stored.n != expected:
        yield (
            f"number {expected} is missing" if stored.n > expected else f"a second number {stored.n}, after {expected}"
        )
    if stored.stream != stream or body["stream"] != stream or not _same(body["n"], stored.n):
        yield "the body names another place in the ledger"
    if body["prev"] != prev:
        yield "it is not chained to the entry before it"


class NotCanonical(ValueError):
    """Bytes are no JSON, or not the one form of it (RFC 8785)."""


def parsed(body: bytes) -> Any:
    """The JSON value of canonical bytes. Raises NotCanonical."""
    try:
        value = json.loads(body)
        plain = body.isascii() and not _UNUSUAL.search(body)
        written = _written(value) if plain else canonical(value)
    except (ValueError, RecursionError):
        raise NotCanonical("the body is not JSON") from None
    if written != body:
        raise NotCanonical("the body is not in RFC 8785 form")
    return value


_UNUSUAL = re.compile(rb"[0-9]{16}|[0-9][.eE]|NaN|Infinity")
"""Numbers that JSON's usual writer may write otherwise than RFC 8785 does, and what no JSON has."""


def _written(value: Any) -> bytes:
    """What `canonical` writes, ten times as fast, for what is ASCII and has whole numbers below 10^16 only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _same(one: Any, other: int) -> bool:
    return type(one) is int and one == other  # True == 1
