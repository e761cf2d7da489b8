"""What a request takes of a budget, and when that is too much."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.budget import Budget, Counts, over, own, sentence, spelled, to_the_second
from app.domain.clocks import duration

ASKS = Budget("asks", "*", Counts.REQUESTS, None, 10, timedelta(hours=1))
WAITING = Budget("waiting", "*", Counts.HOLDS, None, 10, None)
SPENT = Budget("spent", "*", Counts.AMOUNT, "amount", 10, timedelta(hours=24))
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)

budgets = st.sampled_from([ASKS, WAITING, SPENT])
values = st.none() | st.booleans() | st.integers(-20, 20) | st.floats() | st.text(max_size=3) | st.lists(st.integers())
parameters = st.dictionaries(st.sampled_from(["amount", "other"]), values)


@given(budgets, st.lists(parameters, max_size=40))
def test_whatever_comes_in_whatever_order_no_more_is_admitted_than_is_allowed(
    budget: Budget, asks: list[dict[str, Any]]
) -> None:
    """What is admitted one after the other stays within the budget, and what is turned away would not have."""
    taken = 0
    for ask in asks:
        takes = own(budget, ask)
        if over(budget, taken, takes):
            assert takes is None or taken + takes > budget.at_most
        else:
            assert takes is not None
            taken += takes
        assert taken <= budget.at_most


@given(parameters)
def test_nothing_that_a_request_says_makes_room_for_others(ask: dict[str, Any]) -> None:
    assert all(takes is None or takes >= 0 for takes in (own(budget, ask) for budget in (ASKS, WAITING, SPENT)))


@given(budgets, st.none() | st.integers(0, 30), st.none() | st.integers(0, 30), st.integers(0, 30))
def test_what_takes_more_is_never_let_through_where_less_is_not(
    budget: Budget, figure: int | None, takes: int | None, more: int
) -> None:
    if over(budget, figure, takes):
        assert over(budget, None if figure is None else figure + more, takes)
        assert over(budget, figure, None if takes is None else takes + more)


@pytest.mark.parametrize(
    ("value", "takes"),
    [(7, 7), (7.0, 7), (0, 0), (-5, 0), (-5.0, 0), (2**60, 2**60)],
)
def test_what_an_amount_takes(value: Any, takes: int) -> None:
    assert own(SPENT, {"amount": value}) == takes


@pytest.mark.parametrize("value", [None, True, "7", 7.5, float("nan"), float("inf"), [7], {"amount": 7}])
def test_what_is_no_whole_number_is_too_much(value: Any) -> None:
    assert own(SPENT, {"amount": value}) is None
    assert own(SPENT, {}) is None
    assert over(SPENT, 0, None)
    assert over(SPENT, None, 0)


@given(st.integers(1, 10**9))
def test_a_span_is_spelled_as_the_files_spell_it(ms: int) -> None:
    assert duration(spelled(timedelta(milliseconds=ms))) == timedelta(milliseconds=ms)


def test_a_moment_is_told_to_the_second_and_not_too_early() -> None:
    assert to_the_second(NOON) == "2026-07-01T12:00:00Z"
    assert to_the_second(NOON + timedelta(microseconds=1)) == "2026-07-01T12:00:01Z"
    assert to_the_second(NOON - timedelta(microseconds=1)) == "2026-07-01T12:00:00Z"
    assert [spelled(timedelta(days=days)) for days in (1, 2)] == ["24h", "2d"]


def test_the_sentence_names_the_budget_what_it_allows_and_when_it_frees_up() -> None:
    then = "; it frees up at 2026-07-01T12:00:00Z, if nothing else is asked."
    assert sentence(ASKS, 10, 1, NOON) == "The budget asks allows 10 requests over 1h" + then
    assert sentence(WAITING, 10, 1, None) == (
        "The budget waiting allows 10 held at once; it frees up as people decide them."
    )
    assert sentence(SPENT, 4, 7, NOON) == "The budget spent allows 10 of amount over 24h" + then
    alone = "The budget spent allows 10 of amount over 24h, and this request alone is more."
    assert sentence(SPENT, 0, 11, None) == alone
    unsaid = "The budget spent adds up amount, and this request has no whole number there."
    assert sentence(SPENT, 0, None, None) == unsaid
    assert sentence(SPENT, None, 1, NOON) == unsaid.replace("this", "an earlier")[:-1] + then
