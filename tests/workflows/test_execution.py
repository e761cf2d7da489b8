"""Execution: once, its failures, unknown outcomes, settling, conflict keys, what changed between yes and start."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.domain.errors import Closed, Forbidden, NotOpenToThis, SettlementDiffers, TooEarly
from app.use_cases import act
from app.use_cases.views import View
from tests.world import World


async def approved(world: World, action: str, *statuses: int, thing: str | None = None) -> View:
    """A request that a lead approved, its target answering as told."""
    thing = thing or uuid.uuid4().hex
    world.desk.script(thing, *statuses)
    shown = await world.ask(action, thing=thing)
    await world.say("dana", shown)
    return shown


async def age(world: World, shown: View, by: timedelta) -> None:
    """Let the last attempt of a request have started that much earlier."""
    async with world.ctx.database.transaction() as session:
        await session.execute(
            text("update execution_attempt set started_at = started_at - cast(:by as interval) where request_id = :id"),
            {"by": by, "id": uuid.UUID(shown["id"])},
        )


@pytest.mark.aisvs("9.5.2")
async def test_the_call_carries_the_grant_the_key_and_the_digest(world: World) -> None:
    shown = await approved(world, "do.moderate")
    done = await world.until(shown, "succeeded")
    call = world.desk.seen[shown["parameters"]["thing"]][0]
    assert call.key == call.headers["interlock-request"] == shown["id"]
    assert call.headers["authorization"].startswith("Bearer ey")
    assert call.headers["interlock-parameters-digest"].startswith("sha256:")
    assert done["execution"]["attempts"][0]["outcome"] == "succeeded"


async def test_a_refusal_of_the_target_fails_with_its_reason(world: World) -> None:
    shown = await approved(world, "do.moderate", 409)
    done = await world.until(shown, "failed")
    assert done["execution"]["error"] == {"status": 409, "body": {"error": "status 409"}}


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_what_may_have_happened_and_must_not_be_repeated_is_unknown(world: World, status: int) -> None:
    shown = await approved(world, "do.once", status)
    done = await world.until(shown, "unknown")
    assert len(world.desk.seen[shown["parameters"]["thing"]]) == 1
    assert done["execution"]["status"] == "unknown"


async def test_what_is_idempotent_is_tried_again_under_the_same_key(world: World) -> None:
    shown = await approved(world, "do.moderate", 503)
    done = await world.until(shown, "succeeded")
    first, second = world.desk.seen[shown["parameters"]["thing"]]
    assert first.key == second.key
    tries = done["execution"]["attempts"]
    assert [attempt["outcome"] for attempt in tries] == ["uncertain", "succeeded"]
    assert tries[1]["started_at"] > tries[0]["started_at"]


async def test_a_timeout_of_what_must_not_be_repeated_is_unknown_and_settled_by_one(world: World) -> None:
    shown = await approved(world, "do.once", 0)
    await world.until(shown, "unknown")
    world.desk.release(shown["parameters"]["thing"])
    id_ = uuid.UUID(shown["id"])
    with pytest.raises(TooEarly):
        await act.settle(world.services, world.person("ivan"), id_, status="succeeded", reason="looked")
    await age(world, shown, timedelta(seconds=60))
    with pytest.raises(Forbidden):
        await act.settle(world.services, world.person("dana"), id_, status="succeeded", reason="looked")
    seen, done = await act.settle(world.services, world.person("ivan"), id_, status="succeeded", reason="looked")
    assert (seen["status"], done) == ("succeeded", True)
    assert [said["person"] for said in seen["settlements"]] == ["ivan"]
    _, done = await act.settle(world.services, world.person("ivan"), id_, status="succeeded", reason="looked")
    assert done
    with pytest.raises(Closed):
        await act.settle(world.services, world.person("ivan"), id_, status="failed", reason="looked")


async def test_high_risk_is_settled_by_two_who_agree(world: World) -> None:
    shown = await approved(world, "do.grave", 503)
    await world.until(shown, "unknown")
    await age(world, shown, timedelta(seconds=60))
    id_ = uuid.UUID(shown["id"])
    seen, done = await act.settle(world.services, world.person("ivan"), id_, status="failed", reason="no trace")
    assert (done, seen["settle"]) == (False, {"status": "failed", "have": 1, "need": 2})
    with pytest.raises(SettlementDiffers):
        await act.settle(world.services, world.person("nora"), id_, status="succeeded", reason="saw it")
    seen, done = await act.settle(world.services, world.person("nora"), id_, status="failed", reason="no trace")
    assert (done, seen["status"]) == (True, "failed")


async def test_only_an_unknown_outcome_is_settled(world: World) -> None:
    shown = await world.ask("do.moderate")
    with pytest.raises(NotOpenToThis):
        await act.settle(world.services, world.person("ivan"), uuid.UUID(shown["id"]), status="failed", reason="x")


async def test_one_conflict_key_executes_one_at_a_time(world: World) -> None:
    thing = uuid.uuid4().hex
    first = await approved(world, "do.once", 0, thing=thing)
    await world.desk.called(thing)
    second = await world.ask("do.once", thing=thing)
    await world.say("dana", second)
    assert (await world.look(second))["status"] == "approved"
    world.desk.release(thing)
    await world.until(first, "succeeded", "unknown")
    if (await world.look(first))["status"] == "unknown":
        pytest.fail("the machine was too slow to answer within the timeout")
    await world.until(second, "succeeded")
    assert [call.key for call in world.desk.seen[thing]] == [first["id"], second["id"]]


async def test_while_unknown_the_key_stays_taken_and_new_asks_are_denied(world: World) -> None:
    thing = uuid.uuid4().hex
    first = await approved(world, "do.once", 0, thing=thing)
    await world.desk.called(thing)
    second = await world.ask("do.once", thing=thing)
    await world.say("dana", second)
    await world.until(first, "unknown")
    world.desk.release(thing)
    third = await world.ask("do.once", thing=thing)
    assert (third["status"], third["verdict"]["code"]) == ("denied", "conflict")
    assert (await world.look(second))["status"] == "approved"
    await age(world, first, timedelta(seconds=60))
    await act.settle(world.services, world.person("ivan"), uuid.UUID(first["id"]), status="failed", reason="no trace")
    await world.until(second, "succeeded")


async def test_cancel_by_the_asker_and_twice(world: World) -> None:
    shown = await world.ask("do.moderate")
    id_ = uuid.UUID(shown["id"])
    assert (await act.cancel(world.services, world.bot(), id_, "changed their mind"))["status"] == "cancelled"
    assert (await act.cancel(world.services, world.bot(), id_, "changed their mind"))["status"] == "cancelled"
    with pytest.raises(Closed):
        await world.say("dana", shown)
    done = await approved(world, "do.moderate")
    await world.until(done, "succeeded")
    with pytest.raises(Closed):
        await act.cancel(world.services, world.bot(), uuid.UUID(done["id"]), None)


async def test_supersedes_cancels_the_old_and_is_denied_once_it_started(world: World) -> None:
    old = await world.ask("do.moderate")
    new = await world.ask("do.moderate", supersedes=old["id"])
    assert new["status"] == "held"
    assert (await world.look(old))["ended_why"] == "superseded"
    await world.say("dana", new)
    await world.until(new, "succeeded")
    late = await world.ask("do.moderate", supersedes=new["id"])
    assert (late["status"], late["verdict"]["code"]) == ("denied", "superseded-started")
