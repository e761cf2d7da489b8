"""The checker finds what it is there for: each rule, on a record that breaks it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.ledger import GENESIS, Stored, entry_body, leaf_hash
from tests.kills.callers import Fact
from tests.kills.findings import findings, lost
from tests.kills.records import Record

NOW = datetime(2030, 1, 1, tzinfo=UTC)
PLAN = {"stages": [{"name": "lead", "groups": ["leads"], "quorum": 1}]}
ADMITTED = {"plan": PLAN, "members": {"leads": ["p-dana"]}, "verdict": {"outcome": "hold"}, "status": "held"}
DECIDED = {"stage": "lead", "person": "p-dana", "decision": "approve", "digest": "d", "status": "held"}
LIFE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("admitted", ADMITTED),
    ("decided", DECIDED),
    ("approved", {"status": "approved"}),
    ("started", {"status": "executing"}),
    ("succeeded", {"status": "succeeded"}),
)
VOTE = {"say": "approve", "standing": True, "person_id": "dana", "pid": "p-dana"}
ASKED, SAID = Fact("asked", "r"), Fact("decided", "r", "dana", "approve", "d")


def stream(*entries: tuple[str, dict[str, Any]]) -> list[Stored]:
    """A whole stream of these entries."""
    made: list[Stored] = []
    for n, (kind, facts) in enumerate(entries, start=1):
        prev = leaf_hash(made[-1].body) if made else GENESIS
        body = entry_body(stream="request:r", n=n, prev=prev, kind=kind, at=NOW, facts=facts)
        made.append(Stored("request:r", n, body))
    return made


def record(*entries: tuple[str, dict[str, Any]], **row: Any) -> Record:
    """A request that lived through these entries; by default all of them, once."""
    attempt = {"n": 1, "outcome": "succeeded", "finished_at": NOW, "holds_key": False}
    standing = {"action": "do.once", "mode": "http", "status": "succeeded", "due_at": None, "read_at": NOW}
    return Record("r", standing | row, stream(*(entries or LIFE)), [dict(VOTE)], [attempt], ["r"])


def test_nothing_is_wrong_with_a_whole_life() -> None:
    assert findings(record()) == []
    assert [*lost(ASKED, record()), *lost(SAID, record())] == []


def _gap(broken: Record) -> None:
    del broken.stream[1]


def _stuck(broken: Record) -> None:
    broken.row |= {"status": "executing", "due_at": NOW - timedelta(hours=1)}


def _nobody(broken: Record) -> None:
    broken.row |= {"status": "held", "due_at": None}


def _another(broken: Record) -> None:
    broken.calls = ["somebody else"]


SPOILT: dict[str, tuple[Callable[[Record], object], str]] = {
    "gap": (_gap, "number 2 is missing"),
    "status": (lambda broken: broken.row.update(status="failed"), "the row is failed"),
    "twice": (lambda broken: broken.calls.append("r"), "called 2 times"),
    "key": (_another, "under other keys"),
    "uncalled": (lambda broken: broken.calls.clear(), "succeeded without a call"),
    "vote": (lambda broken: broken.decisions.append(dict(VOTE)), "2 decisions, 1 entries"),
    "attempt": (lambda broken: broken.attempts.clear(), "0 attempts, 1 entries"),
    "unfinished": (lambda broken: broken.attempts[0].update(finished_at=None), "without an end"),
    "locked": (lambda broken: broken.attempts[0].update(holds_key=True), "keeps its conflict key"),
    "stuck": (_stuck, "nobody will wake it"),
    "nobody": (_nobody, "nobody will wake it"),
}


@pytest.mark.parametrize("how", sorted(SPOILT))
def test_what_is_spoilt_is_found(how: str) -> None:
    broken, (spoil, sentence) = record(), SPOILT[how]
    spoil(broken)
    assert any(sentence in found for found in findings(broken)), findings(broken)


LIVES: dict[str, tuple[tuple[tuple[str, dict[str, Any]], ...], str]] = {
    "no-vote": (LIFE[:1] + LIFE[2:], "started with 0 of 1 approvals"),
    "stranger": ((LIFE[0], ("decided", DECIDED | {"person": "p-eve"}), *LIFE[2:]), "started with 0 of 1 approvals"),
    "same-twice": ((*LIFE[:2], *LIFE[1:]), "stands twice"),
    "no-plan": ((("admitted", ADMITTED | {"plan": None}), *LIFE[1:]), "started without a plan"),
    "two-ends": ((*LIFE, ("failed", {"status": "failed"})), "ended more than once"),
    "risen": ((*LIFE, ("started", {"status": "executing"}), LIFE[-1]), "ended more than once"),
    "unborn": (LIFE[1:], "does not begin with its admission"),
}


@pytest.mark.parametrize("how", sorted(LIVES))
def test_a_life_that_cannot_be_is_found(how: str) -> None:
    entries, sentence = LIVES[how]
    found = findings(record(*entries))
    assert any(sentence in what for what in found), found


def test_what_was_acknowledged_and_is_not_there_is_found() -> None:
    assert list(lost(ASKED, None))
    assert list(lost(Fact("cancelled", "r"), record()))
    assert list(lost(Fact("decided", "r", "dana", "approve", "another"), record()))
    assert list(lost(SAID, record(LIFE[0], *LIFE[2:])))
    forgotten = record()
    forgotten.decisions.clear()
    assert list(lost(SAID, forgotten))
