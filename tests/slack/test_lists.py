"""What one person sees: what waits for them, their home tab, a request's story."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from app.slack.lists import MAX_AT_HOME, MAX_LISTED, home, pending, story
from app.use_cases.card_facts import CardFacts
from tests.fakes.slack.block_kit import readable
from tests.slack.asked import ASKED_BY_PEOPLE, resumption, rollback
from tests.slack.facts import ORIGINAL, ROLLBACK, STATES, crowded, hostile, request
from tests.slack.seen import actions, fine, fine_view

ALL = {**STATES, **ASKED_BY_PEOPLE}


def test_pending_is_a_line_each_with_details(snapshot: SnapshotAssertion) -> None:
    message = pending([request(), request(title="Change an address")], more=False)
    fine(message)
    assert readable(message["blocks"]) == snapshot
    assert message["text"] == "Waiting for you: 2"
    assert actions(message["blocks"]) == ["details", "details"]


def test_what_people_ask_for_is_listed_by_who_asks(snapshot: SnapshotAssertion) -> None:
    message = pending([rollback(), resumption()], more=False)
    fine(message)
    assert readable(message["blocks"]) == snapshot


def test_a_story_names_what_it_has_to_do_with_by_whole_ids() -> None:
    assert ROLLBACK in readable(story(STATES["rolled-back"])["blocks"])
    assert ORIGINAL in readable(story(ASKED_BY_PEOPLE["rollback"])["blocks"])


def test_nothing_pending() -> None:
    message = pending([], more=False)
    fine(message)
    assert "Nothing waits for you." in readable(message["blocks"])


@pytest.mark.parametrize("facts", [crowded(), hostile(), hostile("\u202e" * 300)])
def test_a_long_list_is_cut_and_says_so(facts: CardFacts) -> None:
    message = pending([facts] * (MAX_LISTED + 1), more=False)
    fine(message)
    assert actions(message["blocks"]) == ["details"] * MAX_LISTED
    assert "There are more than are listed here" in readable(message["blocks"])
    assert message["text"] == f"Waiting for you: more than {MAX_LISTED}"
    assert "There are more than are listed here" in readable(pending([facts], more=True)["blocks"])


@pytest.mark.parametrize("items", [[], [request()], [hostile()] * 60, [crowded()] * 60])
def test_home_lists_what_waits(items: list[CardFacts]) -> None:
    view = home(items, more=False, linked=True)
    fine_view(view)
    assert view["type"] == "home"
    assert actions(view["blocks"]) == ["details"] * min(len(items), MAX_AT_HOME)


def test_home_says_how_to_be_linked(snapshot: SnapshotAssertion) -> None:
    view = home([request()], more=False, linked=False)
    fine_view(view)
    assert readable(view["blocks"]) == snapshot


@pytest.mark.parametrize("facts", [*ALL.values(), hostile(), crowded()], ids=[*ALL, "hostile", "crowded"])
def test_a_story_has_everything_but_decisions(facts: CardFacts) -> None:
    message = story(facts)
    fine(message)
    assert actions(message["blocks"]) == ["details"]
    assert "nothing to decide" not in readable(message["blocks"])
