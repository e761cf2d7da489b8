"""Undoing many: whatever comes of each, nothing is undone before what came after it, and nothing waits for ever."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.domain.incident import ENDED, Deed, Item, ItemState, dependencies, doomed, figures, in_order, over, ready

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
OUTCOMES = (ItemState.SUCCEEDED, ItemState.FAILED, ItemState.UNKNOWN, ItemState.SKIPPED)


def deed(id_: str, minute: int, key: str | None = None, parent: str | None = None) -> Deed:
    return Deed(id_, NOON + timedelta(minutes=minute), key, parent)


def test_the_newest_comes_first_and_what_touched_the_same_thing_waits_for_it() -> None:
    deeds = in_order(
        [deed("a", 1, "order-1"), deed("b", 2, "order-2"), deed("c", 3, "order-1"), deed("d", 4, "order-1")]
    )
    assert [one.request for one in deeds] == ["d", "c", "b", "a"]
    assert dependencies(deeds) == [(), (1,), (), (2,)]


def test_what_a_request_led_to_is_undone_before_it() -> None:
    deeds = in_order([deed("first", 1), deed("second", 2, parent="first"), deed("third", 3, parent="first")])
    assert [one.request for one in deeds] == ["third", "second", "first"]
    assert dependencies(deeds) == [(), (), (1, 2)]


def test_of_one_moment_by_id_whatever_the_order_of_the_choice() -> None:
    some = [deed("b", 1, "k"), deed("a", 1, "k"), deed("c", 1, "k")]
    assert in_order(some) == in_order(reversed(some))
    assert dependencies(in_order(some)) == [(), (1,), (2,)]


def test_what_failed_takes_with_it_all_that_depend_on_it_and_no_other() -> None:
    items = [
        Item(1, (), ItemState.FAILED),
        Item(2, (1,), ItemState.WAITING),
        Item(3, (2,), ItemState.WAITING),
        Item(4, (), ItemState.WAITING),
    ]
    assert doomed(items) == [2, 3]
    assert ready(items, 8) == [4]


def test_an_unknown_one_stops_what_depends_on_it_as_well() -> None:
    assert doomed([Item(1, (), ItemState.UNKNOWN), Item(2, (1,), ItemState.WAITING)]) == [2]


def test_figures_count_what_runs_as_waited_for() -> None:
    items = [Item(1, (), ItemState.RUNNING), Item(2, (), ItemState.WAITING), Item(3, (), ItemState.SUCCEEDED)]
    assert figures(items) == {"total": 3, "waiting": 2, "succeeded": 1, "failed": 0, "unknown": 0, "skipped": 0}


deeds = st.lists(
    st.tuples(st.integers(0, 20), st.sampled_from([None, "a", "b", "c"]), st.integers(-1, 12)), max_size=12
).map(
    lambda rows: [
        deed(str(n), minute, key, str(parent) if 0 <= parent < n else None)
        for n, (minute, key, parent) in enumerate(rows)
    ]
)


@given(deeds, st.lists(st.sampled_from(OUTCOMES), min_size=12, max_size=12), st.integers(1, 4))
def test_a_run_ends_and_undoes_nothing_too_early(some: Sequence[Deed], outcomes: list[ItemState], at_once: int) -> None:
    """The run as the workflow makes it: skip what is doomed, begin what is ready, end the oldest that runs."""
    ordered = in_order(some)
    after = dependencies(ordered)
    state = dict.fromkeys(range(1, len(ordered) + 1), ItemState.WAITING)
    running: list[int] = []

    def items() -> list[Item]:
        return [Item(n, after[n - 1], at) for n, at in state.items()]

    for _ in range(3 * len(ordered) + 1):
        for n in doomed(items()):
            assert any(state[m] in ENDED and state[m] is not ItemState.SUCCEEDED for m in after[n - 1])
            state[n] = ItemState.SKIPPED
        for n in ready(items(), at_once):
            assert all(state[m] is ItemState.SUCCEEDED for m in after[n - 1])
            state[n] = ItemState.RUNNING
            running.append(n)
        assert len(running) <= at_once
        if over(items()):
            break
        assert running, "something waits, and nothing runs that it could wait for"
        n = running.pop(0)
        state[n] = outcomes[n - 1]
    assert over(items())
    for n, at in state.items():
        assert all(m < n for m in after[n - 1])
        if at is ItemState.SUCCEEDED:
            assert all(state[m] is ItemState.SUCCEEDED for m in after[n - 1])


@given(deeds)
def test_of_one_thing_the_newer_is_always_undone_before_the_older(some: Sequence[Deed]) -> None:
    ordered = in_order(some)
    after = dependencies(ordered)
    for n, one in enumerate(ordered, start=1):
        newer = [m for m in range(1, n) if one.key is not None and ordered[m - 1].key == one.key]
        assert set(newer) <= _all_before(n, after)


def _all_before(n: int, after: Sequence[tuple[int, ...]]) -> set[int]:
    found: set[int] = set()
    for m in after[n - 1]:
        found |= {m} | _all_before(m, after)
    return found
