"""Time: expiry, escalation, quorum out of reach, lapse. Nothing ever runs by silence."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.domain.ask import Ask
from app.domain.errors import Closed
from app.steps.admit import admit
from app.use_cases import read
from tests.world import World


@pytest.mark.aisvs("9.6.2")
async def test_silence_ends_in_expiry(world: World) -> None:
    shown = await world.ask("do.brief")
    done = await world.until(shown, "expired")
    assert done["ended_why"] == "expires-at-passed"
    with pytest.raises(Closed):
        await world.say("dana", shown)
    assert world.desk.seen[shown["parameters"]["thing"]] == []
    assert (await world.kinds(shown))[-1] == "expired"


async def test_a_stage_whose_time_is_over_escalates(world: World) -> None:
    shown = await world.ask("do.escalating")
    seen = await world.look(shown)
    while seen["plan"]["stages"][0]["groups"] == ["leads"]:
        seen = await read.wait(
            world.services, world.person("anya"), uuid.UUID(shown["id"]), seconds=5, since=seen["version"]
        )
    assert seen["plan"]["stages"][0]["groups"] == ["leads", "managers"]
    assert "greta" in seen["may_decide"]
    await world.say("greta", shown)
    await world.until(shown, "succeeded")
    assert "escalated" in await world.kinds(shown)


async def test_a_quorum_out_of_reach_goes_to_the_fallback_at_once(world: World) -> None:
    shown = await world.ask("do.pair", on_behalf_of="customer:mia")
    seen = await world.look(shown)
    assert seen["status"] == "expired"
    assert seen["ended_why"] == "quorum-out-of-reach"
    assert (await world.kinds(shown)) == ["admitted", "escalated", "expired"]


async def test_a_quorum_out_of_reach_with_no_fallback_expires_at_once(world: World) -> None:
    shown = await world.ask("do.dead-end", on_behalf_of="customer:mia")
    assert (shown["status"], shown["ended_why"]) == ("expired", "quorum-out-of-reach")


async def test_an_abstention_that_breaks_the_quorum_escalates(world: World) -> None:
    shown = await world.ask("do.two")
    for who in ("dana", "marco", "priya"):
        seen = await world.say(who, shown, "abstain")
    assert seen["status"] == "expired"
    assert seen["ended_why"] == "quorum-out-of-reach"


async def test_expires_at_never_moves_and_an_approved_request_lapses(world: World) -> None:
    thing = uuid.uuid4().hex
    await world.occupied(thing)
    second = await world.ask("do.once", thing=thing)
    await world.say("dana", second)
    async with world.ctx.database.transaction() as session:
        await session.execute(
            text("update request set expires_at = clock_timestamp() where id = :id"), {"id": uuid.UUID(second["id"])}
        )
    world.desk.release(thing)
    assert (await world.until(second, "lapsed"))["ended_why"] in ("expires-at-passed", "not-started")
    assert len(world.desk.seen[thing]) == 1


async def test_a_late_admission_runs_nothing(world: World) -> None:
    ask = Ask("action", "bot", "bot", "bot-client", "do.moderate", {"thing": "late"}, on_behalf_of="customer:carl")
    admitted = await admit(world.ctx, uuid.uuid4(), ask, waited=timedelta(seconds=61))
    assert admitted.state.status == "expired"
