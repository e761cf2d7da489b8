"""What may be undone, and until when: each refusal by example, and over everything that may be asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.request import Kind
from app.domain.rollback import EXISTS, HAS_OUTCOME, NOT_REVERSIBLE, STANDING, WARNINGS, WINDOW_OVER, Original, refusal
from app.domain.states import NEVER_RAN, OPEN, Status
from app.domain.verdict import Outcome
from tests.domain.strategies import NOW, moments, spans

WITHIN = timedelta(hours=72)
PAID = Original(Kind.ACTION, Status.SUCCEEDED, NOW, WITHIN, rolled_back=False)
TICK = timedelta(microseconds=1)


def code(original: Original, now: datetime = NOW) -> str | None:
    """Why it is refused, by code; None: it is not."""
    found = refusal(original, now)
    assert found is None or found.outcome is Outcome.DENY
    return None if found is None else found.code


def test_what_has_succeeded_may_be_undone() -> None:
    assert code(PAID) is None


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"kind": Kind.ROLLBACK}, NOT_REVERSIBLE),
        ({"kind": Kind.INCIDENT_ROLLBACK}, NOT_REVERSIBLE),
        ({"kind": Kind.GOVERNANCE}, NOT_REVERSIBLE),
        ({"within": None}, NOT_REVERSIBLE),
        ({"rolled_back": True}, EXISTS),
        ({"ended_at": None}, WINDOW_OVER),
        ({"within": timedelta(0), "ended_at": NOW - TICK}, WINDOW_OVER),
        ({"rolled_back": True, "ended_at": NOW - WITHIN - TICK}, WINDOW_OVER),
        ({"rolled_back": True, "within": None}, NOT_REVERSIBLE),
    ],
)
def test_each_refusal_by_its_code(changed: dict[str, Any], why: str) -> None:
    assert code(replace(PAID, **changed)) == why


@pytest.mark.parametrize("status", Status)
def test_only_an_outcome_is_undone(status: Status) -> None:
    """Succeeded, failed, unknown: what never ran, and what may still end otherwise, leaves nothing to undo."""
    may = status in (Status.SUCCEEDED, Status.FAILED, Status.UNKNOWN)
    assert code(replace(PAID, status=status)) == (None if may else NOT_REVERSIBLE)
    assert (replace(PAID, status=status).until is not None) is may
    assert may or str(status) in refusal(replace(PAID, status=status), NOW).reason  # type: ignore[union-attr]


@given(moments, spans)
def test_its_last_instant_still_counts_and_the_next_does_not(ended_at: datetime, within: timedelta) -> None:
    original = replace(PAID, ended_at=ended_at, within=within)
    assert original.until == ended_at + within
    assert code(original, ended_at + within) is None
    assert code(original, ended_at + within + TICK) == WINDOW_OVER


def test_the_refusal_says_when_its_time_was_over() -> None:
    late = refusal(PAID, NOW + WITHIN + TICK)
    assert late is not None
    assert late.reason == "The time for a rollback of this is over: it ended 2026-07-04T12:00:00.000000Z."


originals = st.builds(
    Original,
    kind=st.sampled_from([Kind.ACTION, Kind.ACTION, *Kind]),
    status=st.sampled_from([Status.SUCCEEDED, Status.UNKNOWN, *Status]),
    ended_at=st.none() | st.timedeltas(-2 * WITHIN, timedelta(0)).map(lambda ago: NOW + ago),
    within=st.none() | st.sampled_from([WITHIN, timedelta(hours=1)]),
    rolled_back=st.booleans(),
)


@given(originals)
def test_exactly_what_the_design_lets_be_undone(original: Original) -> None:
    """An action, with an outcome, that something undoes, in time, and that no other rollback of it stands for."""
    outcome = original.status.value in ("succeeded", "failed", "unknown")
    in_time = None not in (original.ended_at, original.within) and NOW - original.ended_at <= original.within  # type: ignore[operator]
    may = original.kind.value == "action" and outcome and in_time and not original.rolled_back
    found = refusal(original, NOW)
    assert (found is None) is may
    assert found is None or (found.code in (NOT_REVERSIBLE, WINDOW_OVER, EXISTS) and found.reason.endswith("."))


@given(originals, st.timedeltas(timedelta(0), timedelta(days=9)))
def test_what_is_refused_does_not_become_possible_by_waiting(original: Original, longer: timedelta) -> None:
    assert code(original) is None or code(original, NOW + longer) is not None


def test_which_rollbacks_leave_no_room_for_another() -> None:
    """All that may still run, may have run, or have; one that failed or never ran does not."""
    lets_another_be = NEVER_RAN | {Status.FAILED}
    assert set(Status) - lets_another_be == set(STANDING)
    assert STANDING > OPEN
    assert sorted(HAS_OUTCOME) == ["failed", "succeeded", "unknown"]


def test_who_signs_is_told_when_nothing_may_have_happened() -> None:
    assert set(WARNINGS) == {Status.FAILED, Status.UNKNOWN}
    assert all(sentence.endswith(".") for sentence in WARNINGS.values())
