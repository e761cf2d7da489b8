"""What Slack refuses is replaced by what it surely takes: every request of it, with Details."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from app.slack.digest import MAX_ITEMS
from app.slack.picture import Renderer
from app.use_cases.messages import Item
from tests.fakes.slack.block_kit import message_problems
from tests.slack.facts import API, hostile, request


@pytest.mark.parametrize("number", [1, 2, MAX_ITEMS])
def test_a_bare_message_has_all_its_requests(number: int) -> None:
    ids = [str(uuid.UUID(int=n + 1)) for n in range(number)]
    items = [Item(replace(hostile(), request_id=one), live=True) for one in ids]
    picture = Renderer(API)(uuid.uuid4(), "bare", items)
    message = picture.compose(None)
    assert message_problems(message["text"], message["blocks"], message["metadata"]) == []
    assert [one for one in ids if one not in str(message["blocks"])] == []
    assert picture.content is None


def test_a_reply_and_its_card_are_told_apart() -> None:
    """By what they are looked for, when the answer to their posting was lost."""
    facts = replace(request(), status="expired", ended_why="expired")
    message = uuid.uuid4()
    picture = Renderer(API)(message, "card", [Item(facts, live=False)])
    said = [picture.compose(None), *picture.replies.values()]
    marks = [(one["metadata"]["event_payload"]["message"], one["metadata"]["event_payload"]["what"]) for one in said]
    assert marks == [(str(message), "message"), (str(message), "expired")]
