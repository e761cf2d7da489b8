"""How entries are written and chained (DESIGN.md section 10). Pure: shared by the writer and by whoever verifies."""

from __future__ import annotations

import hashlib
import json
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
    findings: list[LedgerFinding] = []
    prev = GENESIS
    for expected, stored in enumerate(entries, start=1):
        where = f"{stream}#{stored.n}"
        findings += [LedgerFinding(where, what) for what in _defects(stream, expected, prev, stored)]
        prev = leaf_hash(stored.body)
    return findings


def _defects(stream: str, expected: int, prev: str, stored: Stored) -> Iterable[str]:
    try:
        body = json.loads(stored.body)
        if canonical(body) != stored.body:
            yield "the body is not in RFC 8785 form"
    except (ValueError, RecursionError):
        yield "the body is not JSON"
        return
    if not isinstance(body, dict) or body.keys() != _KEYS or not _same(body["v"], 1):
        yield "the body is not an entry"
        return
    if stored.n != expected:
        yield f"number {expected} is missing"
    if stored.stream != stream or body["stream"] != stream or not _same(body["n"], stored.n):
        yield "the body names another place in the ledger"
    if body["prev"] != prev:
        yield "it is not chained to the entry before it"


def _same(one: Any, other: int) -> bool:
    return type(one) is int and one == other  # True == 1
