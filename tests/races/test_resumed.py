"""Stopped and let go on before any workflow has heard of it: what a stop has revoked stays so, whoever comes first."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from app.domain.errors import Closed, Conflict, Forbidden, NotOpenToThis
from app.keys import KeyRings
from app.steps import act, judge
from app.steps.admit import admit
from app.steps.context import Context
from app.steps.start import start
from app.steps.tick import tick
from app.use_cases import act as acting
from app.use_cases import decide, read, stop, temporal
from app.use_cases.views import View
from tests.conftest import NewDatabase
from tests.races.stopping import BOT, FOUND, admitted, person, signed_way_back, stored, voted, without_temporal
from tests.steps.words import id_of, sql
from tests.world import World


@pytest.fixture(scope="module")
async def bare(new_database: NewDatabase, rings: KeyRings) -> AsyncIterator[World]:
    """A world without Temporal: nobody comes but the test."""
    async with without_temporal(await new_database(), rings) as made:
        yield made


async def held(ctx: Context) -> uuid.UUID:
    """Nobody has decided."""
    return (await admitted(ctx, "do.moderate"))[0]


async def half_signed(ctx: Context) -> uuid.UUID:
    """One of two has approved."""
    id_, _ = await admitted(ctx, "do.two")
    await voted(ctx, id_, "dana")
    return id_


async def approved(ctx: Context) -> uuid.UUID:
    """Interlock is to run it."""
    return (await admitted(ctx, "do.moderate", "allow"))[0]


async def of_the_bot(ctx: Context) -> uuid.UUID:
    """Its bot is to run it."""
    id_, _ = await admitted(ctx, "look.up", "hold")
    await voted(ctx, id_, "dana")
    return id_


STARTED = "select 1 from execution_attempt a join request r on r.id = a.request_id where r.kind = 'action'"

Make = Callable[[Context], Awaitable[uuid.UUID]]
Step = Callable[[World, uuid.UUID, uuid.UUID], Awaitable[Any]]

STEPS: dict[str, tuple[str, Step]] = {
    "decide": ("decide", lambda world, id_, attempt: judge.decide(world.ctx, id_, attempt)),
    "cancel": ("cancel", lambda world, id_, attempt: act.cancel(world.ctx, id_, attempt)),
    "begin": ("begin", lambda world, id_, attempt: act.begin(world.ctx, id_, attempt)),
    "report": ("report", lambda world, id_, attempt: act.report(world.ctx, id_, attempt)),
    "tick": ("", lambda world, id_, _: tick(world.ctx, id_)),
    "start": ("", lambda world, id_, _: start(world.ctx, id_, "one")),
    "a workflow that takes over": ("", lambda world, id_, _: admit(world.ctx, id_, None, waited=timedelta(0))),
    "a person who decides": ("", lambda world, id_, _: refused(says(world, id_))),
    "the bot that cancels": ("", lambda world, id_, _: refused(acting.cancel(world.services, BOT, id_, None))),
    "the bot that wants its grant": ("", lambda world, id_, _: refused(acting.grant(world.services, BOT, id_))),
}
"""Whoever comes to a request: what they have stored before the stop, and the step."""


async def says(world: World, id_: uuid.UUID) -> View:
    """A person approves, of what they saw."""
    digest = (await read.read(world.services, person("anya"), id_))["digest"]
    words = {"decision": "approve", "reason": "because", "digest": digest, "key": None}
    return await decide.decide(world.services, person("priya"), id_, **words)


async def refused(deed: Awaitable[Any]) -> None:
    """Whoever comes is told what it is now; who was never of its groups, nothing."""
    with pytest.raises((Closed, NotOpenToThis, Forbidden)) as caught:
        await deed
    assert not isinstance(caught.value, Conflict) or caught.value.status == "revoked"


async def come_to(ctx: Context, id_: uuid.UUID, op: str) -> uuid.UUID:
    """What somebody has stored for a step, before the stop."""
    who, body = (person("priya"), {}) if op == "decide" else (BOT, FOUND if op == "report" else {"reason": None})
    return uuid.UUID(int=0) if op == "" else await stored(ctx, id_, who, op, **body)


@pytest.mark.parametrize(("bot", "makes"), [("bot", (held, half_signed, approved, of_the_bot)), (None, (approved,))])
async def test_whatever_step_comes_first(bare: World, bot: str | None, makes: Sequence[Make]) -> None:
    """By the steps alone: nobody has recorded the stop, and the bot is at work again."""
    ctx = bare.ctx
    waiting = [
        (step, id_, await come_to(ctx, id_, op))
        for op, step in STEPS.values()
        for make in makes
        for id_ in [await make(ctx)]
    ]
    before = {id_: len(await bare.kinds({"id": str(id_)})) for _, id_, _ in waiting}
    answer = await stop.suspend(bare.services, person("ivan"), bot, "It runs amok")
    assert answer["in_flight"] == []
    back = await signed_way_back(ctx, bot)
    await start(ctx, back, "one")
    assert (await bare.look({"id": str(back)}))["status"] == "succeeded"
    assert (await admitted(ctx, "do.moderate"))[1].status == "held"
    for step, id_, attempt in waiting:
        shown = await bare.look({"id": str(id_)})
        await step(bare, id_, attempt)
        now = await bare.look({"id": str(id_)})
        assert now == {**shown, **{name: now[name] for name in ("updated_at", "refusals")}}
        assert (await bare.row(now)).status == now["status"] == "revoked"
        written = (await bare.kinds(now))[before[id_] :]
        assert (written[0], set(written[1:]) - {"refused"}) == ("revoked", set())
    assert await sql(bare, STARTED) == []


async def test_workflows_that_have_not_heard(world: World) -> None:
    """By the doors, with Temporal: each workflow learns of it from whoever comes to its request, and ends."""
    held = [await world.ask("do.moderate") for _ in range(3)]
    grant = await world.ask("look.up", parameters={"mode": "hold"})
    await world.say("dana", grant)
    flying = await world.occupied("flying", "do.slowly")
    queued = await world.ask("do.once", thing="flying")
    await world.say("dana", queued)
    await world.blocked(queued)

    answer = await world.suspend()
    assert [one["request_id"] for one in answer["in_flight"]] == [flying["id"]]
    back = await world.resume("ivan")
    await world.say("ada", back)
    await world.until(back, "succeeded")
    stopped = (*held, grant, queued)
    assert [(await world.look(one))["status"] for one in stopped] == ["revoked"] * 5
    assert [(await world.row(one)).status for one in stopped] == ["held"] * 3 + ["approved"] * 2

    await refused(world.say("dana", held[0]))
    await refused(acting.cancel(world.services, world.bot(), id_of(held[1]), None))
    for one in (held[2], queued):
        await temporal.nudge(world.services, id_of(one))
    await refused(acting.grant(world.services, world.bot(), id_of(grant)))
    world.desk.release("flying")
    async with asyncio.timeout(60):
        for one in (*stopped, flying):
            await world.services.temporal.get_workflow_handle(f"request-{one['id']}").result()
    assert [(await world.row(one)).status for one in stopped] == ["revoked"] * 5
    assert (await world.look(flying))["status"] in ("succeeded", "unknown")
    assert len(world.desk.seen["flying"]) == 1
    assert (await world.ask("do.moderate"))["status"] == "held"
