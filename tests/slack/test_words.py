"""Words for people: none is missing."""

from __future__ import annotations

import pytest

from app.governance.built_in import BUILT_IN
from app.slack import words


def test_each_change_says_what_comes_of_it() -> None:
    assert words.CHANGES.keys() == BUILT_IN.keys()


@pytest.mark.parametrize(
    "why",
    [
        *("incident-over", "incident-closed", "not-all-undone", "too-late", "not-signed", "depends-on-failed"),
        *("stale-authority", "not-entitled", "policy-stricter", "not-reversible", "window-over", "rollback-exists"),
        *("outcome-changed", "action-changed", "digest-differs", "no-outcome", "not-started", "no-more-attempts"),
    ],
)
def test_why_an_incidents_rollback_or_an_item_of_it_has_ended(why: str) -> None:
    assert why in words.WHY


def test_why_something_that_a_person_left_behind_has_ended() -> None:
    for why in ("asker-left", "rules-changed"):
        assert why in words.WHY
