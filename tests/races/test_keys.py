"""The same idempotency key from two callers: two clients of one bot, each at an API process of its own, over HTTP."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from temporalio.service import RPCError, RPCStatusCode

from app.api.app import create_app
from app.db.tables import ClientCredential
from app.domain.errors import Unavailable
from app.identity.tokens import Authenticator, issue_access_token
from app.main import readiness
from app.use_cases import act, temporal
from app.use_cases.views import View
from tests.races.agree import agree
from tests.races.racing import LEAST, SKEW, Arena, Figure, insist, instant, said
from tests.world import World

CLIENTS = ("bot-client", "bot-second-client")
REUSED = "urn:interlock:problem:idempotency-key-reused"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller got, and how often it had to ask for want of an answer."""

    status: int
    body: dict[str, Any]
    tries: int


@dataclass(frozen=True, slots=True)
class Caller:
    """A client of the bot, at one of the API processes."""

    http: httpx.AsyncClient
    token: str

    async def ask(self, action: str, key: str, thing: str, after: float) -> Answer:
        """Submit, so many seconds from now."""
        await instant(after)
        (status, told), tries = await insist(lambda: self._post(action, key, thing))
        return Answer(status, told, tries)

    async def _post(self, action: str, key: str, thing: str) -> tuple[int, dict[str, Any]]:
        body = {"action": action, "parameters": {"thing": thing}, "on_behalf_of": "customer:carl"}
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key}
        response = await self.http.post("/v1/requests", json=body, headers=headers)
        if response.status_code in (429, 503):
            raise Unavailable(response.text)
        return response.status_code, response.json()


@pytest.fixture(scope="module")
async def callers(arena: Arena) -> AsyncIterator[tuple[Caller, Caller]]:
    """Two of them, by credentials of their own."""
    await second_credential(arena.doors[0])
    async with AsyncExitStack() as stack:
        outside = await stack.enter_async_context(httpx.AsyncClient())
        made = []
        for door, client_id in zip(arena.doors, CLIENTS, strict=True):
            base = door.ctx.issuer
            authenticator = Authenticator(base_url=base, tokens=door.rings.tokens, issuers=(), http=outside, dev=None)
            app = create_app(door.services, authenticator, ready=partial(readiness, door.services))
            http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base, timeout=60)
            token = issue_access_token(
                door.rings.tokens, issuer=base, client_id=client_id, subject="bot:bot", now=datetime.now(UTC)
            )
            made.append(Caller(await stack.enter_async_context(http), token))
        yield made[0], made[1]


async def second_credential(door: World) -> None:
    """The bot has another client."""
    async with door.ctx.database.transaction() as session:
        session.add(
            ClientCredential(
                client_id=CLIENTS[1],
                holder_kind="bot",
                holder_id="bot",
                secret_hash="",
                made_by="zoe",
                created_at=await door.ctx.clock.now(session),
                revoked_at=None,
            )
        )


async def both(n: int, callers: tuple[Caller, Caller], action: str, *things: str) -> tuple[list[Answer], View, str]:
    """Both ask at once under one key; their answers, the request, and the thing that the one admitted is about."""
    chance, key = random.Random(n), uuid.uuid4().hex  # noqa: S311  not for secrets
    running: dict[int, asyncio.Task[Answer]] = {}
    for place in chance.sample(range(2), 2):
        ask = callers[place].ask(action, key, things[place], chance.uniform(0, SKEW))
        running[place] = asyncio.create_task(ask)
    answers = [await running[place] for place in range(2)]
    admitted = next(answer.body for answer in answers if answer.status in (200, 201))
    return answers, admitted, admitted["parameters"]["thing"]


async def stored(door: World, thing: str) -> list[str]:
    """The ids of all requests in which this thing is named."""
    async with door.ctx.database.transaction() as session:
        rows = await session.execute(text("select id from request where parameters like :it"), {"it": f"%{thing}%"})
        return [str(row.id) for row in rows]


async def start_of(door: World, shown: View) -> str:
    """What the start of the request's workflow carries, in clear."""
    handle = door.services.temporal.get_workflow_handle(temporal.workflow_id(uuid.UUID(shown["id"])))
    event = (await handle.fetch_history()).events[0]
    codec = door.services.temporal.data_converter.payload_codec
    assert codec is not None
    given = await codec.decode(event.workflow_execution_started_event_attributes.input.payloads)
    return "".join(payload.data.decode() for payload in given)


def refused(answers: list[Answer], thing: str) -> None:
    """One is admitted; the other is told that the key is taken, and how the request under it stands."""
    winner, loser = sorted(answers, key=lambda answer: answer.status)
    assert winner.status == 201 or (winner.status == 200 and winner.tries > 1), answers
    assert loser.status == 409, answers
    assert loser.body["type"] == REUSED
    assert loser.body["status"] in ("held", "executing"), loser
    assert thing not in str(loser)


def told_once(answers: list[Answer]) -> bool:
    """One caller was told that it made the request (unless that answer was lost), the other that it was there."""
    made = [answer.status for answer in answers].count(201)
    return made == 1 or (made == 0 and any(answer.tries > 1 for answer in answers))


async def test_the_same_key_with_equal_bodies(
    arena: Arena, callers: tuple[Caller, Caller], record_property: Figure
) -> None:
    async def play(n: int) -> str:
        door, thing = arena.door(n), uuid.uuid4().hex
        answers, shown, _ = await both(n, callers, "do.one", thing, thing)
        assert {answer.body["id"] for answer in answers} == {shown["id"]}, answers
        assert await stored(door, thing) == [shown["id"]]
        await said(door, "dana", shown)
        facts = await agree(door, shown)
        assert (facts.status, facts.kinds.count("admitted")) == ("succeeded", 1)
        return "one 201, one 200" if told_once(answers) else f"both {answers[0].status}"

    ended, sentence = await arena.rounds(play)
    record_property("figure", f"same idempotency key, equal bodies: {sentence}")
    assert set(ended) == {"one 201, one 200"}, sentence


async def test_the_same_key_with_different_bodies(
    arena: Arena, callers: tuple[Caller, Caller], record_property: Figure
) -> None:
    async def play(n: int) -> str:
        door, things = arena.door(n), (f"a{uuid.uuid4().hex}", f"b{uuid.uuid4().hex}")
        answers, shown, thing = await both(n, callers, "do.one", *things)
        other = next(one for one in things if one != thing)
        refused(answers, thing)
        await said(door, "marco", shown)
        facts = await agree(door, shown)
        assert (facts.status, facts.kinds.count("admitted")) == ("succeeded", 1)
        assert (await stored(door, thing), await stored(door, other)) == ([shown["id"]], [])
        assert door.desk.seen[other] == []
        begun = await start_of(door, shown)
        assert thing in begun
        assert other not in begun
        return f"admitted for {thing[0]}"

    ended, sentence = await arena.rounds(play)
    record_property("figure", f"same idempotency key, different bodies: {sentence}")
    assert min(ended["admitted for a"], ended["admitted for b"]) >= LEAST, sentence


async def test_the_same_key_on_the_fast_path(
    arena: Arena, callers: tuple[Caller, Caller], record_property: Figure
) -> None:
    """No workflow puts these two in order: the admission's own lock and the row do. One start, one grant."""

    async def play(n: int) -> str:
        door, thing = arena.door(n), uuid.uuid4().hex
        things = (thing, thing) if n % 2 else (f"a{thing}", f"b{thing}")
        answers, shown, mine = await both(n, callers, "look.up", *things)
        if n % 2 == 0:
            refused(answers, mine)
        grants = {answer.body["grant"]["grant"] for answer in answers if answer.body.get("grant")}
        assert len(grants) == 1, answers
        assert await stored(door, thing) == [shown["id"]]
        await insist(lambda: reported(door, shown))
        assert await door.kinds(shown) == ["admitted", "started", "reported", "succeeded"]
        await no_workflow(door, shown)
        if n % 2 == 0:
            return "other body refused"
        return "one 201, one 200" if told_once(answers) else f"both {answers[0].status}"

    ended, sentence = await arena.rounds(play)
    record_property("figure", f"same idempotency key on the fast path: {sentence}")
    assert set(ended) == {"one 201, one 200", "other body refused"}, sentence


async def reported(door: World, shown: View) -> View:
    """The request, when its bot has said how it went."""
    id_, bot = uuid.UUID(shown["id"]), door.bot()
    return await act.report(door.services, bot, id_, status="succeeded", detail=None, result=None)


async def no_workflow(door: World, shown: View) -> None:
    """Temporal has never heard of it."""
    handle = door.services.temporal.get_workflow_handle(temporal.workflow_id(uuid.UUID(shown["id"])))
    with pytest.raises(RPCError) as caught:
        await handle.describe()
    assert caught.value.status is RPCStatusCode.NOT_FOUND
