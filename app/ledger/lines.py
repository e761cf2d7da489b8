"""An exported entry: one line of JSON, the same for ever and on every way out (docs/export.md)."""

from __future__ import annotations

import json
from typing import Any

from app.db.export import LedgerGap, SealedEntry


def line_of(entry: SealedEntry) -> bytes:
    """The line, without its end. ``body`` in it is the entry's own RFC 8785 bytes, as they were hashed.

    Raises LedgerGap for a body that is no entry.
    """
    head = _head(entry)
    return json.dumps(head, ensure_ascii=False, separators=(",", ":"))[:-1].encode() + b',"body":' + entry.body + b"}"


def _head(entry: SealedEntry) -> dict[str, Any]:
    try:
        body = json.loads(entry.body)
        kind, at = body["kind"], body["at"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _broken(entry) from None
    if not isinstance(kind, str) or not isinstance(at, str) or b"\n" in entry.body or b"\r" in entry.body:
        raise _broken(entry)
    return {
        "leaf": entry.leaf,
        "stream": entry.stream,
        "n": entry.n,
        "kind": kind,
        "at": at,
        "leaf_hash": entry.leaf_hash.hex(),
    }


def _broken(entry: SealedEntry) -> LedgerGap:
    return LedgerGap(f"leaf {entry.leaf} is no entry of a ledger any more: run interlock ledger verify")
