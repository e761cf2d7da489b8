"""What Slack refuses is replaced by what it surely takes: every request of it, with Details."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from app.slack.digest import MAX_ITEMS
from app.slack.picture import Renderer
from app.use_cases.messages import Item
from app.use_cases.reminders import Reminder
from tests.fakes.slack.block_kit import message_problems
from tests.slack.facts import API, NOON, hostile, request


@pytest.mark.parametrize("number", [1, 2, MAX_ITEMS])
def test_a_bare_message_has_all_its_requests(number: int) -> None:
    ids = [str(uuid.UUID(int=n + 1)) for n in range(number)]
    items = [Item(replace(hostile(), request_id=one), live=True) for one in ids]
    picture = Renderer(API)(uuid.uuid4(), "bare", items)
    message = picture.compose(None)
    assert message_problems(message["text"], message["blocks"], message["metadata"]) == []
    assert [one for one in ids if one not in str(message["blocks"])] == []
    assert picture.content is None


def test_of_many_requests_each_is_reminded_of_by_itself() -> None:
    """Under a digest too, and with a key of its own; how they ended is not told there."""
    ids = [str(uuid.UUID(int=n + 1)) for n in range(3)]
    one = Reminder("reminded-0-1", ("U0DANA",), (), NOON)
    items = [Item(replace(request(), request_id=ids[0]), live=True, reminder=one)]
    items += [Item(replace(request(), request_id=ids[1], status="expired"), live=False)]
    items += [Item(replace(request(), request_id=ids[2]), live=True, reminder=one)]
    picture = Renderer(API)(uuid.uuid4(), "digest", items)
    assert list(picture.replies) == [f"reminded-0-1-{ids[0]}", f"reminded-0-1-{ids[2]}"]
    about = [reply["metadata"]["event_payload"]["request_id"] for reply in picture.replies.values()]
    assert about == [ids[0], ids[2]]


def test_a_reply_and_its_card_are_told_apart() -> None:
    """By what they are looked for, when the answer to their posting was lost."""
    facts = replace(request(), status="expired", ended_why="expired")
    message = uuid.uuid4()
    picture = Renderer(API)(message, "card", [Item(facts, live=False)])
    said = [picture.compose(None), *picture.replies.values()]
    marks = [(one["metadata"]["event_payload"]["message"], one["metadata"]["event_payload"]["what"]) for one in said]
    assert marks == [(str(message), "message"), (str(message), "expired")]
