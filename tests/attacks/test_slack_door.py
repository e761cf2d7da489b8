"""The door for Slack against bodies that are unsigned, odd, swapped or hostile."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import random
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from app.slack.guard import MAX_BODY
from app.use_cases.views import View
from tests.fakes.slack.delivery import Sent
from tests.slack.conftest import Reception, reception_of, user
from tests.slack.office import LEADS
from tests.world import World

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
async def at(world: World) -> AsyncIterator[Reception]:
    """A door of this module's own."""
    async with reception_of(world) as made:
        yield made


async def test_an_unsigned_body_costs_no_time(at: Reception) -> None:
    """Anybody can send one; while it is looked at, nobody else is answered."""
    body = b"ssl_check=1&" * 4_000 + b"!"
    assert len(body) < MAX_BODY
    sent = await at.fake.people.raw(body, FORM)
    assert sent.status == 401
    assert sent.seconds < 0.5


async def signed(at: Reception, body: bytes, headers: dict[str, str]) -> Sent:
    """Send a body as Slack would have signed it."""
    return await at.fake.people.raw(body, {**headers, **at.fake.people.signed(body)})


@pytest.mark.parametrize("kind", [[], {}, [["block_actions"]], None, 5, True, "x" * 5_000, "\ud800"], ids=repr)
async def test_a_type_that_is_none_is_no_error_of_ours(at: Reception, kind: Any) -> None:
    payload = json.dumps({"type": kind, "team": {"id": "T0"}, "user": {"id": "U0DANA"}})
    for body, headers in (
        (urlencode({"payload": payload}).encode(), FORM),
        (payload.encode(), JSON),
    ):
        sent = await signed(at, body, headers)
        assert sent.status in (200, 400), (sent.status, sent.answer)


ODD: list[Any] = [
    *(None, True, 0, -1, 1e308, 2**70, "", "x", "\0", "\ud800", "null", "approve", "T0OTHER", "U0NOBODY"),
    *([], {}, [[]], [None], {"id": []}, {"": {"": {}}}, "9" * 5_000, "\u202e", "../..", "http://127.0.0.1:9/x"),
]
DEEP = "nested deeply"
DEPTH = 900


def paths(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a payload."""
    inner: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner if len(here) < 12 else ():
        yield (*here, key)
        yield from paths(one, (*here, key))


def mutated(payload: dict[str, Any], others: list[dict[str, Any]], chance: random.Random) -> dict[str, Any]:
    """The payload, odd in one to three places."""
    made = copy.deepcopy(payload)
    for _ in range(chance.randint(1, 3)):
        known = list(paths(made))
        if not known:
            return made
        path = chance.choice(known)
        holder = made
        for key in path[:-1]:
            holder = holder[key]
        match chance.randrange(6):
            case 0:
                del holder[path[-1]]
            case 1 if isinstance(holder, dict):
                holder[f"{path[-1]}_"] = holder.pop(path[-1])
            case 2:
                holder[path[-1]] = [holder[path[-1]], copy.deepcopy(holder[path[-1]])]
            case 3:
                other: Any = chance.choice(others)
                holder[path[-1]] = copy.deepcopy(other.get(path[0], other))
            case 4:
                holder[path[-1]] = DEEP if chance.random() < 0.2 else {"value": holder[path[-1]]}
            case _:
                holder[path[-1]] = chance.choice(ODD)
    return made


def envelope(kind: str, payload: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    """A payload as Slack would send one of its kind."""
    if kind == "form":
        return urlencode({key: str(value) for key, value in payload.items()}, errors="replace").encode(), FORM
    text = json.dumps(payload).replace(f'"{DEEP}"', "[" * DEPTH + "]" * DEPTH)
    return (text.encode(), JSON) if kind == "json" else (urlencode({"payload": text}).encode(), FORM)


async def recorded(at: Reception, who: str) -> tuple[list[View], list[tuple[str, dict[str, Any]]]]:
    """Genuine payloads of every kind, of somebody who may not decide."""
    people, shown = at.fake.people, await at.world.ask("do.two", parameters={"mode": "long " * 8_000})
    small = await at.world.ask("do.two")
    sent = [("payload", await at.click(who, small, action)) for action in ("approve", "details", "deny")]
    form = await at.modal(who)
    while form.given["callback_id"] != "deny":
        await at.fake.api.next_call()
        form = await at.modal(who)
    sent.append(("payload", await people.submit(user(who), form.id, {"reason": "because"})))
    await at.door.keeping.drain(20)
    for view in at.fake.workspace.open_views(user(who)):
        view.open = False
    await at.click(who, shown, "details")
    modal = await at.modal(who)
    sent.append(("payload", await people.click_in_view(user(who), modal.id, "next")))
    sent.append(("form", await people.command(user(who), LEADS, "/interlock", f"show {small['id']}")))
    sent.append(("form", await people.command(user(who), LEADS, "/interlock", "pending")))
    sent += [("json", one) for one in await people.app_home_opened(user(who))]
    sent.append(("json", await people.url_verification()))
    await at.door.keeping.drain(20)
    assert [one.status for _, one in sent] == [200] * len(sent)
    return [shown, small], [(kind, one.payload) for kind, one in sent]


MUTATIONS = 250
"""Of 3,000 no other finding came than those that have tests of their own above."""


async def test_odd_payloads_are_answered_in_time_and_leave_nothing(
    at: Reception, caplog: pytest.LogCaptureFixture
) -> None:
    """Signed, and odd in every way: no 500, no decision, nothing of them in the log."""
    caplog.set_level(logging.INFO)
    decided, genuine = await recorded(at, "fiona")
    chance = random.Random(20_261_124)  # noqa: S311  reproducible, not secret
    others = [payload for _, payload in genuine]
    work = [
        (kind, mutated(payload, others, chance)) for _ in range(MUTATIONS) for kind, payload in [chance.choice(genuine)]
    ]
    gate = asyncio.Semaphore(8)
    wrong: list[Any] = []

    async def send(kind: str, payload: dict[str, Any]) -> None:
        body, headers = envelope(kind, payload)
        async with gate:
            sent = await signed(at, body, headers)
        if sent.status not in (200, 400) or sent.seconds > 3:
            wrong.append((sent.status, sent.seconds, body[:3_000]))

    await asyncio.gather(*(send(kind, payload) for kind, payload in work))
    await at.door.keeping.drain(30)
    assert wrong == []
    said = caplog.text
    for secret in ("verification-token", "xoxb-test", "/actions/", "because", "long long"):
        assert secret not in said
    assert "unexpected error" not in said
    for request in decided:
        assert await at.decisions(request) == []
    at.fake.complaints.clear()  # of answers to payloads that the fake never sent


VALUES: list[Any] = [
    *({"digest": odd} for odd in ("\0", "\ud800", "", "sha256:" + "0" * 1_500, 5, None, ["x"], {"a": 1})),
    *({"card": odd} for odd in ("\0", "\ud800", "", "hmac-sha256:" + "0" * 1_500, 5, ["x"], {"a": 1}, None)),
    *({"request_id": odd} for odd in ("\0", "", 5, None, "{0b0c9e7e-6f0e-5d6e-9a3b-2f6d7c1e8a10}", "0" * 32)),
]


@pytest.mark.parametrize("odd", VALUES, ids=lambda odd: repr(odd)[:40])
async def test_an_odd_value_of_a_button_is_no_error_of_ours(
    at: Reception, caplog: pytest.LogCaptureFixture, odd: dict[str, Any]
) -> None:
    """Whoever has the signing secret can send any."""
    shown = await at.world.ask("do.moderate")
    ts = await at.card(shown)
    message = at.fake.message(LEADS, ts)
    for block in message.blocks:
        for element in block.get("elements", []):
            if "value" in element:
                element["value"] = json.dumps(json.loads(element["value"]) | odd)
    before = len(at.fake.workspace.ephemerals)
    assert (await at.press("marco", ts)).ok
    await at.door.keeping.drain(20)
    assert "unexpected error" not in caplog.text
    assert len(at.fake.workspace.ephemerals) == before + 1
    assert await at.decisions(shown) == []


async def test_a_type_of_any_depth_is_no_error_of_ours(at: Reception) -> None:
    """What can be read just so, and printed no more."""
    for depth in range(700, 1_000, 10):
        sent = await signed(at, b'{"type": ' + b"[" * depth + b"]" * depth + b', "a": 1}', JSON)
        assert sent.status in (200, 400), depth


async def test_a_code_is_in_no_log_and_before_nobody_else(at: Reception, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    at.fake.workspace.add_user("U0LINKS", "links")
    before = len(at.fake.workspace.ephemerals)
    assert (await at.fake.people.command("U0LINKS", LEADS, "/interlock", "link")).ok
    await at.door.keeping.drain(20)
    (said,) = at.fake.workspace.ephemerals[before:]
    code = re.search(r"Your code is ([A-Z2-7-]+),", said.text)
    assert code is not None
    assert said.user == "U0LINKS"
    assert code[1] not in caplog.text
    assert code[1] not in str([message.blocks for message in at.fake.workspace.messages])
