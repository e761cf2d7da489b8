"""What responders do in tests: they open forms by commands, and somebody forges what they send."""

from __future__ import annotations

import copy
import json
from typing import Any
from urllib.parse import urlencode

from app.use_cases.views import View
from tests.fakes.slack.block_kit import readable
from tests.fakes.slack.delivery import Sent
from tests.fakes.slack.state import View as Modal
from tests.slack.conftest import Reception, user
from tests.slack.office import LEADS
from tests.world import World


async def done(world: World, action: str = "do.once", **fields: Any) -> View:
    """A request that Dana has approved and that has succeeded."""
    shown = await world.ask(action, **fields)
    await world.say("dana", shown)
    return await world.until(shown, "succeeded")


async def form(reception: Reception, who: str, text: str) -> Modal:
    """The form that a command opens; it says nothing besides."""
    before = len(reception.fake.workspace.ephemerals)
    sent = await reception.fake.people.command(user(who), LEADS, "/interlock", text)
    assert (sent.status, sent.answer) == (200, b"")
    assert reception.fake.workspace.ephemerals[before:] == []
    return await reception.modal(who)


async def refused(reception: Reception, who: str, text: str) -> str:
    """What this person alone is told instead of a form."""
    before, views = len(reception.fake.workspace.ephemerals), len(reception.fake.workspace.views)
    assert (await reception.fake.people.command(user(who), LEADS, "/interlock", text)).ok
    [answer] = reception.fake.workspace.ephemerals[before:]
    assert answer.user == user(who)
    assert len(reception.fake.workspace.views) == views
    return answer.text


async def submit(reception: Reception, who: str, modal: Modal, reason: str = "The wrong order") -> tuple[Sent, str]:
    """Send a form: what was sent, and what stands in its place then."""
    sent = await reception.fake.people.submit(user(who), modal.id, {"reason": reason})
    assert sent.json["response_action"] == "update"
    return sent, said(sent)


def said(sent: Sent) -> str:
    """What the notice says with which a form was answered."""
    return readable(sent.json["view"]["blocks"])


async def unsent(reception: Reception, who: str, modal: Modal) -> dict[str, Any]:
    """What Slack sends when the form is submitted, without anything done: it was blank."""
    sent = await reception.fake.people.submit(user(who), modal.id, {"reason": " "})
    assert sent.json["response_action"] == "errors"
    return copy.deepcopy(sent.payload)


async def forged(reception: Reception, payload: dict[str, Any], who: str, reason: str = "Because") -> Sent:
    """Send a form as somebody else's, under a good signature."""
    payload["user"] = {**payload["user"], "id": user(who), "name": who, "username": who}
    payload["view"]["state"]["values"]["reason"]["reason"]["value"] = reason
    body = urlencode({"payload": json.dumps(payload)}).encode()
    people = reception.fake.people
    sent = await people.raw(body, {"Content-Type": "application/x-www-form-urlencoded", **people.signed(body)})
    assert sent.ok
    return sent
