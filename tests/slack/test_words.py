"""Words for people: none is missing."""

from __future__ import annotations

from app.governance.built_in import BUILT_IN
from app.slack import words


def test_each_change_says_what_comes_of_it() -> None:
    assert words.CHANGES.keys() == BUILT_IN.keys()


def test_why_something_that_a_person_left_behind_has_ended() -> None:
    for why in ("asker-left", "rules-changed"):
        assert why in words.WHY
