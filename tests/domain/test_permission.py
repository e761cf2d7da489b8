"""What a standing permission has room for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.permission import Permission, amount
from tests.domain.strategies import NOW

STANDING = Permission(
    bot="bot",
    action="orders.refund",
    action_version="sha256:0",
    when="true",
    max_uses=3,
    uses=0,
    parameter="cents",
    at_most=100,
    total=0,
    expires_at=NOW + timedelta(days=1),
    revoked_at=None,
)


@pytest.mark.parametrize(
    ("changed", "parameters", "room"),
    [
        ({}, {"cents": 100}, True),
        ({}, {"cents": 101}, False),
        ({"total": 60}, {"cents": 40}, True),
        ({"total": 60}, {"cents": 41}, False),
        ({"uses": 2}, {"cents": 1}, True),
        ({"uses": 3}, {"cents": 1}, False),
        ({"uses": 3, "parameter": None, "at_most": None}, {}, False),
        ({"parameter": None, "at_most": None}, {}, True),
        ({}, {}, False),
    ],
)
def test_room(changed: dict[str, Any], parameters: dict[str, Any], room: bool) -> None:
    assert replace(STANDING, **changed).room(parameters) is room


@pytest.mark.parametrize(
    ("value", "takes"),
    [
        *((0, 0), (7, 7), (7.0, 7), (2**53 - 1, 2**53 - 1)),
        *((-1, None), (-0.5, None), (7.5, None), (True, None), ("7", None), (None, None), ([7], None)),
        *((float("nan"), None), (float("inf"), None)),
    ],
)
def test_what_a_use_adds(value: Any, takes: int | None) -> None:
    assert amount("cents", {"cents": value}) == takes


def test_it_ends() -> None:
    assert STANDING.live(NOW)
    assert not STANDING.live(STANDING.expires_at)
    assert not replace(STANDING, revoked_at=NOW).live(NOW)


@given(st.lists(st.one_of(st.integers(-50, 150), st.none(), st.floats(-50, 150))))
def test_whatever_is_used_in_whatever_order(amounts: list[Any]) -> None:
    """Never more uses, and never a greater total, than it allows; and the total is the sum."""
    standing, used = STANDING, list[int]()
    for one in amounts:
        parameters = {} if one is None else {"cents": one}
        if standing.room(parameters):
            takes = amount("cents", parameters) or 0
            standing, used = replace(standing, uses=standing.uses + 1, total=standing.total + takes), [*used, takes]
    assert standing.uses == len(used) <= 3
    assert standing.total == sum(used) <= 100
    assert all(takes >= 0 for takes in used)
