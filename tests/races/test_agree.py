"""The checker of all races can fail: one story that holds, and each way in which it must not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain.clocks import rfc3339
from app.domain.errors import Closed, InterlockError, Unavailable
from app.use_cases.views import View
from tests.races.agree import Facts, Run, Vote, check
from tests.races.racing import Told

EARLY, DEADLINE, LATE = (datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in (1, 2, 3))


def entry(kind: str, status: str, at: datetime = EARLY, **facts: Any) -> dict[str, Any]:
    """An entry as the ledger has it."""
    return {"kind": kind, "at": rfc3339(at), "facts": {"status": status, **facts}}


DECIDED = entry("decided", "held", person="pid-dana", attempt="a1", decision="approve")
ENTRIES = (
    entry("admitted", "held"),
    DECIDED,
    entry("approved", "approved"),
    entry("started", "executing"),
    entry("succeeded", "succeeded"),
)
YES = Vote("a1", "dana", 0, "approve", standing=True)
GOOD = Facts(
    id="r",
    status="succeeded",
    expires_at=DEADLINE,
    quorum=1,
    entries=ENTRIES,
    votes=[YES],
    attempts=1,
    pids={"dana": "pid-dana", "marco": "pid-marco"},
    calls=["r"],
    run=Run("succeeded", [], Counter()),
)


def told(who: str, verb: str, status: str, error: type[Closed] | None = None, standing: str | None = None) -> Told:
    """An answer that names this status."""
    answer: View | InterlockError = {"id": "r", "status": status}
    return Told(who, verb, error("no", status=status, standing=standing) if error else answer)


def without(index: int) -> Sequence[dict[str, Any]]:
    """The entries but for one."""
    return [*ENTRIES[:index], *ENTRIES[index + 1 :]]


def test_a_story_that_holds_is_accepted() -> None:
    check(GOOD, [told("dana", "approve", "approved"), told("marco", "approve", "executing", Closed)])


BROKEN: dict[str, Callable[[], Facts]] = {
    "row still open": lambda: replace(GOOD, status="executing"),
    "row and ledger differ": lambda: replace(GOOD, status="failed"),
    "workflow knows another end": lambda: replace(GOOD, run=Run("approved", [], Counter())),
    "a task of the workflow failed": lambda: replace(GOOD, run=Run("succeeded", ["CAUSE"], Counter())),
    "two ends": lambda: replace(GOOD, entries=[*ENTRIES, entry("succeeded", "succeeded")]),
    "a move off the table": lambda: replace(GOOD, entries=without(3)),
    "no effect": lambda: replace(GOOD, calls=[]),
    "two effects": lambda: replace(GOOD, calls=["r", "r"]),
    "an effect under another key": lambda: replace(GOOD, calls=["other"]),
    "two attempts": lambda: replace(GOOD, attempts=2),
    "started without an approval": lambda: replace(GOOD, quorum=2),
    "started when time was over": lambda: replace(
        GOOD, entries=[*ENTRIES[:3], entry("started", "executing", LATE), ENTRIES[4]]
    ),
    "decided when time was over": lambda: replace(
        GOOD, entries=[ENTRIES[0], {**DECIDED, "at": rfc3339(LATE)}, *ENTRIES[2:]]
    ),
    "started after a denial": lambda: replace(GOOD, entries=[ENTRIES[0], entry("withdrawn", "held"), *ENTRIES[1:]]),
    "two standing votes of one person": lambda: replace(GOOD, votes=[YES, YES]),
    "a vote without an entry": lambda: replace(GOOD, votes=[YES, Vote("a2", "marco", 0, "approve", standing=True)]),
    "an entry without a vote": lambda: replace(GOOD, votes=[]),
}


@pytest.mark.parametrize("name", list(BROKEN))
def test_a_story_that_does_not_is_noticed(name: str) -> None:
    with pytest.raises(AssertionError):
        check(BROKEN[name]())


LIES: dict[str, Callable[[], Told]] = {
    "a loser was told that it won": lambda: told("marco", "approve", "approved"),
    "a winner was told that it lost": lambda: told("dana", "approve", "approved", Closed, "approve"),
    "a denial counts and nothing was denied": lambda: told("dana", "deny", "approved"),
    "cancelled, and it was not": lambda: told("bot", "cancel", "cancelled"),
    "told a status that never was": lambda: told("marco", "approve", "denied", Closed),
    "told that it is closed while it is open": lambda: told("marco", "approve", "held", Closed),
    "told of a decision that does not stand": lambda: told("marco", "deny", "approved", Closed, "approve"),
    "told nothing": lambda: Told("marco", "approve", Unavailable("later")),
}


@pytest.mark.parametrize("name", list(LIES))
def test_a_lie_is_noticed(name: str) -> None:
    with pytest.raises(AssertionError):
        check(GOOD, [LIES[name]()])
