"""Digests: many small requests in one message, decided one by one in Details."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from app.slack.digest import MAX_ITEMS, digest
from app.slack.pieces import DoesNotFit, length
from app.slack.values import Click, decode
from app.use_cases.card_facts import CardFacts
from tests.fakes.slack.block_kit import readable
from tests.slack.facts import DIGEST, REQUEST, STATES, crowded, hostile, request
from tests.slack.seen import actions, buttons, fine

OTHER = "11111111-6f0e-5d6e-9a3b-2f6d7c1e8a10"
MIXED = [request(), request(request_id=OTHER, title="Change an address", on_behalf_of=None), STATES["denied"]]


def test_a_line_each_and_details_while_it_is_held(snapshot: SnapshotAssertion) -> None:
    made = digest(MIXED)
    message = made.message(None)
    fine(message)
    assert readable(message["blocks"]) == snapshot
    assert not made.decides
    assert actions(message["blocks"]) == ["details", "details"]
    said = [decode(button["value"]) for button in buttons(message["blocks"])]
    assert said == [Click(REQUEST, DIGEST, None), Click(OTHER, DIGEST, None)]
    assert message["metadata"] == {
        "event_type": "interlock_digest",
        "event_payload": {"request_ids": [REQUEST, OTHER, REQUEST]},
    }


@pytest.mark.parametrize("facts", [crowded(), hostile(), hostile("\u202e" * 300), hostile(""), hostile("x" * 10_000)])
def test_as_many_as_it_may_hold_fit(facts: CardFacts) -> None:
    message = digest([facts] * MAX_ITEMS).message(None)
    fine(message)
    assert length(message["blocks"]) <= 9_000


def test_a_long_title_is_cut_and_says_so() -> None:
    assert "… (900 more characters, in Details)" in readable(digest([request(title="x" * 1_000)]).content())


@pytest.mark.parametrize("count", [0, MAX_ITEMS + 1])
def test_more_than_it_holds_is_refused(count: int) -> None:
    with pytest.raises(DoesNotFit):
        digest([request()] * count)


def test_what_is_shown_differs_with_every_state() -> None:
    seen = {str(digest([facts]).content()) for facts in STATES.values()}
    assert len(seen) == len({facts.status for facts in STATES.values()})


def test_what_a_bot_says_is_never_markup() -> None:
    for block in digest([hostile()]).content()[2:]:
        assert block["text"]["type"] == "plain_text"
        assert all("OLIVIA" not in field["text"] for field in block["fields"])
