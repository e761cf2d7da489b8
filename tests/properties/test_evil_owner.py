"""Whoever owns the database and not the key loses: any change to what an anchor has taken is found, and where.

A ledger of two thousand entries is laid out as the tables hold it; one deed is done to it, with every cache of hashes
made anew where the forger would think of it; the check that an auditor runs must find it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.ledger import GENESIS, LedgerFinding, Stored, entry_body, leaf_hash
from app.domain.note import Checkpoint
from app.domain.sealed import Head, Sealed, Walk, window
from app.domain.tree import root_of

ENTRIES, ANCHORED, OPEN = 2000, 1500, 20
SIZES = (*range(64, ENTRIES, 64), ENTRIES)
NOW = datetime(2026, 11, 29, tzinfo=UTC)


@dataclass
class Ledger:
    """As the tables hold it. ``signed``: what the log's key has signed, wherever it is kept; nobody can add to it."""

    rows: list[Stored]
    open: list[Stored]
    hashes: list[bytes] = field(default_factory=list)
    heads: list[Head] = field(default_factory=list)
    anchors: list[Head] = field(default_factory=list)

    def findings(self) -> list[LedgerFinding]:
        """What the check says."""
        walk = Walk([*self.heads, *self.anchors])
        found = [one for n, row in enumerate(self.rows) for one in walk.leaf(Sealed(n, self.hashes[n], row))]
        found += walk.end()
        return found + [one for entry in self.open for one in walk.open_entry(entry)]


def _built() -> Ledger:
    ends, rows = dict[str, tuple[int, str]](), list[Stored]()
    chance = random.Random(9)  # noqa: S311  not for secrets
    for k in range(ENTRIES + OPEN):
        stream = f"request:{chance.randrange(300)}"
        n, prev = ends.get(stream, (0, GENESIS))
        body = entry_body(stream=stream, n=n + 1, prev=prev, kind="noted", at=NOW, facts={"k": k})
        rows.append(Stored(stream, n + 1, body))
        ends[stream] = (n + 1, leaf_hash(body))
    ledger = Ledger(rows[:ENTRIES], rows[ENTRIES:])
    ledger.hashes = _hashed(ledger.rows)
    for size in SIZES:
        head = Checkpoint("log", size, root_of(ledger.hashes[:size]))
        ledger.heads.append(Head(f"checkpoint {size}", head))
    ledger.anchors = [replace(ledger.heads[SIZES.index(1472)], where="anchor vault, checkpoint 1472")]
    return ledger


def _hashed(rows: list[Stored]) -> list[bytes]:
    return [bytes.fromhex(leaf_hash(row.body)) for row in rows]


HONEST = _built()
LAST = HONEST.anchors[0].checkpoint.size


def _copy() -> Ledger:
    return Ledger(list(HONEST.rows), list(HONEST.open), list(HONEST.hashes), list(HONEST.heads), list(HONEST.anchors))


def _rechained(rows: list[Stored]) -> list[Stored]:
    """The same facts, numbered and chained anew: as good as a forger can make it without the key."""
    ends, made = dict[str, tuple[int, str]](), list[Stored]()
    for row in rows:
        facts = json.loads(row.body)["facts"]
        n, prev = ends.get(row.stream, (0, GENESIS))
        body = entry_body(stream=row.stream, n=n + 1, prev=prev, kind="noted", at=NOW, facts=facts)
        made.append(Stored(row.stream, n + 1, body))
        ends[row.stream] = (n + 1, leaf_hash(body))
    return made


def change(ledger: Ledger, at: int, _: int) -> None:
    row = ledger.rows[at]
    ledger.rows[at] = replace(row, body=row.body.replace(b'"k":', b'"j":'))


def delete(ledger: Ledger, at: int, _: int) -> None:
    del ledger.rows[at], ledger.hashes[at]


def insert(ledger: Ledger, at: int, _: int) -> None:
    body = entry_body(stream="request:new", n=1, prev=GENESIS, kind="noted", at=NOW, facts={"k": -1})
    ledger.rows.insert(at, Stored("request:new", 1, body))
    ledger.hashes.insert(at, bytes.fromhex(leaf_hash(body)))


def reorder(ledger: Ledger, at: int, other: int) -> None:
    rows, hashes = ledger.rows, ledger.hashes
    rows[at], rows[other] = rows[other], rows[at]
    hashes[at], hashes[other] = hashes[other], hashes[at]


def truncate(ledger: Ledger, at: int, _: int) -> None:
    del ledger.rows[at:], ledger.hashes[at:]
    ledger.open.clear()
    ledger.heads = [head for head in ledger.heads if head.checkpoint.size <= at]


def swap_streams(ledger: Ledger, at: int, other: int) -> None:
    one, two = ledger.rows[at], ledger.rows[other]
    ledger.rows[at], ledger.rows[other] = replace(one, stream=two.stream), replace(two, stream=one.stream)


DEEDS: list[Callable[[Ledger, int, int], None]] = [change, delete, insert, reorder, truncate, swap_streams]


def rewrite(ledger: Ledger) -> None:
    """Chains and hashes made anew, and heads that no longer fit taken away."""
    ledger.rows = _rechained(ledger.rows)
    ledger.hashes = _hashed(ledger.rows)
    fits = {size: root_of(ledger.hashes[:size]) for size in SIZES if size <= len(ledger.rows)}
    ledger.heads = [head for head in ledger.heads if fits.get(head.checkpoint.size) == head.checkpoint.root]


def test_the_honest_one_is_in_order() -> None:
    assert HONEST.findings() == []
    assert window(ENTRIES, ENTRIES + OPEN, HONEST.anchors) == (LAST, ENTRIES + OPEN - LAST)


@settings(max_examples=60, deadline=None)
@given(deed=st.sampled_from(DEEDS), at=st.integers(0, LAST - 1), data=st.data(), careful=st.booleans())
def test_whatever_is_done_to_what_an_anchor_took_is_found(
    deed: Callable[[Ledger, int, int], None], at: int, data: Any, careful: bool
) -> None:
    """By name: the anchor where the forger was careful; and else the very place."""
    ledger = _copy()
    stream = HONEST.rows[at].stream
    others = [n for n in range(LAST) if HONEST.rows[n].stream != stream]
    deed(ledger, at, data.draw(st.sampled_from(others)))
    if careful:
        rewrite(ledger)
    found = ledger.findings()
    assert any(one.where == "anchor vault, checkpoint 1472" for one in found) or not careful
    if not careful and deed is not truncate:
        assert {one.where for one in found} & _places(at, stream), found


def _places(at: int, stream: str) -> set[str]:
    """Where it may be said: the leaf, the entry, what follows it in its stream, the head over it."""
    after = {f"{row.stream}#{row.n}" for row in HONEST.rows[at:] if row.stream == stream}
    return {f"leaf {at}", *after, next(f"checkpoint {size}" for size in SIZES if size > at)}


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(SIZES))
def test_a_head_that_says_otherwise_is_named(size: int) -> None:
    """As one would that was signed over another tree."""
    ledger = _copy()
    n = SIZES.index(size)
    ledger.heads[n] = replace(ledger.heads[n], checkpoint=Checkpoint("log", size, bytes(32)))
    assert [one.where for one in ledger.findings()] == [f"checkpoint {size}"]


def test_only_the_open_window_is_at_the_owners_mercy() -> None:
    """What no anchor has taken can be cut off unseen: that is what the check prints."""
    ledger = _copy()
    truncate(ledger, LAST, 0)
    assert ledger.findings() == []
    with pytest.raises(IndexError):
        ledger.rows[LAST]
