"""An incident: many requests undone by one, under one signature, each with an outcome of its own."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from app.db import incidents as stored
from app.domain.errors import (
    Closed,
    Forbidden,
    IdempotencyKeyReused,
    InterlockError,
    NotOpenToThis,
    OffSchema,
    RollbackExists,
)
from app.steps.incident_rollback import candidates
from app.use_cases import act, incidents
from app.use_cases.upkeep import run_on
from app.use_cases.views import View
from tests.steps.incidents import items, look, opened, patiently, undo_all
from tests.steps.words import sql
from tests.workflows.test_rollback import done, refused
from tests.world import World


async def made(world: World, count: int, action: str = "do.high") -> list[View]:
    """Requests that have succeeded, the oldest first."""
    return [await done(world, action) for _ in range(count)]


async def test_many_are_undone_by_one_request_under_one_signature(world: World) -> None:
    originals = await made(world, 3)
    incident = await opened(world)
    rollback = await undo_all(world, incident, chosen=originals)
    assert (rollback["kind"], rollback["status"], rollback["action"]) == (
        "incident_rollback",
        "held",
        "interlock.incidents.roll_back",
    )
    assert [item["request"] for item in rollback["parameters"]["items"]] == [one["id"] for one in reversed(originals)]
    assert rollback["plan"]["name"] == "undo"
    assert (await look(world, incident)).rollback == uuid.UUID(rollback["id"])
    await world.say("rita", rollback)
    ended = await world.until(rollback, "succeeded", "failed")
    assert ended["status"] == "succeeded"
    assert ended["execution"]["result"] == {
        "total": 3, "waiting": 0, "succeeded": 3, "failed": 0, "unknown": 0, "skipped": 0,
    }  # fmt: skip
    for original in originals:
        [call] = world.desk.seen[f"{original['parameters']['thing']}-undone"]
        [by] = (await world.look(original))["reversed_by"]
        assert call.key == by
        undone = await world.look({"id": by})
        assert (undone["kind"], undone["status"], undone["verdict"]["code"]) == ("rollback", "succeeded", "incident")
    assert (await look(world, incident)).status == "open"
    assert await world.kinds(rollback) == [
        "admitted", "decided", "stage-passed", "approved", "started", "attempt-finished", "succeeded",
    ]  # fmt: skip


async def test_one_that_fails_stops_what_depends_on_it_and_nothing_else(world: World) -> None:
    thing = uuid.uuid4().hex
    older = await done(world, "do.once", thing=thing)
    newer = await done(world, "do.once", thing=thing)
    beside = await done(world, "do.high")
    world.desk.script(f"{thing}-undone", 400)
    rollback = await undo_all(world, await opened(world), chosen=[older, newer, beside])
    assert [item["after"] for item in rollback["parameters"]["items"]] == [[], [], [2]]
    for who in ("marco", "rita"):
        await world.say(who, rollback)
    ended = await world.until(rollback, "failed")
    assert ended["execution"]["result"] | {"total": 3} == {
        "total": 3, "waiting": 0, "succeeded": 1, "failed": 1, "unknown": 0, "skipped": 1,
    }  # fmt: skip
    assert [known.item.skipped for known in await items(world, rollback)] == [None, None, "depends-on-failed"]
    assert len(world.desk.seen[f"{thing}-undone"]) == 1
    assert "items-skipped" in await world.kinds(rollback)


async def test_who_approved_one_of_them_signs_the_rollback_of_none(world: World) -> None:
    originals = [await done(world), await done(world, who="marco")]
    rollback = await undo_all(world, await opened(world), chosen=originals)
    assert "rollback-approver" in await refused(world, "dana", rollback)
    assert "self-approval" in await refused(world, "ivan", rollback)
    await world.say("rita", rollback)
    await world.until(rollback, "succeeded")


async def test_pause_lets_nothing_start_until_it_goes_on(world: World) -> None:
    thing = uuid.uuid4().hex
    older, newer = [await done(world, "do.once", thing=thing) for _ in range(2)]
    incident = await opened(world)
    rollback = await undo_all(world, incident, chosen=[older, newer])
    world.desk.script(f"{thing}-undone", 0)
    await world.say("marco", rollback)
    await world.desk.called(f"{thing}-undone")
    paused = await incidents.pause(world.services, world.person("nora"), incident.id)
    assert paused.status == "paused"
    assert (await incidents.pause(world.services, world.person("ivan"), incident.id)).status == "paused"
    world.desk.release(f"{thing}-undone")
    ended = await world.look(rollback)
    while ended["execution"]["result"] is None or ended["execution"]["result"]["succeeded"] < 1:
        ended = await world.until({**rollback, "status": ""}, "executing")
        ended = await world.look(rollback)
    assert len(world.desk.seen[f"{thing}-undone"]) == 1
    assert [known.row is None for known in await items(world, rollback)] == [False, True]
    await incidents.go_on(world.services, world.person("nora"), incident.id)
    assert (await world.until(rollback, "succeeded"))["execution"]["result"]["succeeded"] == 2
    assert len(world.desk.seen[f"{thing}-undone"]) == 2


async def test_closed_while_paused_ends_what_has_not_started(world: World) -> None:
    thing = uuid.uuid4().hex
    older, newer = [await done(world, "do.once", thing=thing) for _ in range(2)]
    incident = await opened(world)
    rollback = await undo_all(world, incident, chosen=[older, newer])
    ivan = world.person("ivan")
    with pytest.raises(NotOpenToThis):
        await incidents.close(world.services, ivan, incident.id, "Too early")
    world.desk.script(f"{thing}-undone", 0)
    await world.say("marco", rollback)
    await world.desk.called(f"{thing}-undone")
    with pytest.raises(NotOpenToThis):
        await incidents.close(world.services, ivan, incident.id, "Too early")
    await incidents.pause(world.services, ivan, incident.id)
    await incidents.close(world.services, ivan, incident.id, "It was enough")
    world.desk.release(f"{thing}-undone")
    ended = await world.until(rollback, "failed")
    assert (ended["execution"]["result"]["succeeded"], ended["execution"]["result"]["skipped"]) == (1, 1)
    assert [known.item.skipped for known in await items(world, rollback)] == [None, "incident-closed"]
    with pytest.raises(Closed):
        await incidents.close(world.services, ivan, incident.id, "Something else")
    with pytest.raises(NotOpenToThis):
        await undo_all(world, incident)


async def test_for_responders_and_of_what_there_is(world: World) -> None:
    with pytest.raises(Forbidden):
        await opened(world, "dana")
    with pytest.raises(OffSchema):
        await opened(world, bots=["nobody"])
    incident = await opened(world, key="the-same")
    assert (await opened(world, bots=["bot"], key="another")).id != incident.id
    with pytest.raises(IdempotencyKeyReused):
        await opened(world, key="the-same", bots=["other-bot"])
    with pytest.raises(OffSchema):
        await undo_all(world, incident, chosen=[await world.ask("do.high")])


async def test_of_two_rollbacks_of_one_incident_at_once_one_stands(world: World) -> None:
    incident = await opened(world)
    await made(world, 2)
    asking = [undo_all(world, incident, who) for who in ("ivan", "nora")]
    done = await asyncio.gather(*asking, return_exceptions=True)
    assert sorted(type(one).__name__ for one in done if isinstance(one, BaseException)) in (
        ["RollbackExists"],
        ["NotOpenToThis"],
    )


async def test_one_that_is_held_is_cancelled_and_asked_for_again(world: World) -> None:
    incident = await opened(world)
    await made(world, 2)
    first = await undo_all(world, incident)
    with pytest.raises(InterlockError) as error:
        await undo_all(world, incident, "nora")
    assert isinstance(error.value, RollbackExists | NotOpenToThis)
    await act.cancel(world.services, world.person("ivan"), uuid.UUID(first["id"]), "Too many")
    again = await undo_all(world, incident, "nora")
    assert again["status"] == "held"


async def test_closed_in_the_moment_in_which_the_last_item_ends_it_stays_closed(world: World) -> None:
    original = await done(world, "do.once")
    incident = await opened(world)
    rollback = await undo_all(world, incident, chosen=[original])
    thing = f"{original['parameters']['thing']}-undone"
    world.desk.script(thing, 0)
    await world.say("marco", rollback)
    await world.desk.called(thing)
    await incidents.pause(world.services, world.person("ivan"), incident.id)
    async with world.ctx.database.transaction() as session:
        closing = await stored.locked(session, incident.id)
        assert closing is not None
        closing.status, closing.closed_by = "closed", "ivan"
        await session.flush()
        world.desk.release(thing)
        async for attempt in patiently():
            with attempt:
                waits = "select 1 from pg_locks where not granted and locktype in ('transactionid', 'tuple')"
                assert await sql(world, waits)
    await world.until(rollback, "succeeded")
    assert (await look(world, incident)).status == "closed"


async def test_what_only_reads_takes_no_room_among_the_candidates(world: World) -> None:
    original = await done(world, "do.once")
    for _ in range(3):
        await world.ask("look.up")
    incident = await opened(world)
    async with world.ctx.database.transaction() as session:
        policy, now = await world.ctx.rules.in_force(session), await world.ctx.clock.now(session)
        [newest, *_] = await candidates(session, policy, incident, now, limit=2)
    assert str(newest.row.id) == original["id"]


@pytest.mark.parametrize("closed", [False, True])
async def test_a_run_that_temporal_has_lost_goes_on(world: World, closed: bool) -> None:
    """Its workflow is gone while one item is under way; the sweep has it begun anew."""
    thing = uuid.uuid4().hex
    older, newer = [await done(world, "do.once", thing=thing) for _ in range(2)]
    incident = await opened(world)
    rollback = await undo_all(world, incident, chosen=[older, newer])
    world.desk.script(f"{thing}-undone", 0)
    await world.say("marco", rollback)
    await world.desk.called(f"{thing}-undone")
    ivan = world.person("ivan")
    if closed:
        await incidents.pause(world.services, ivan, incident.id)
    await world.services.temporal.get_workflow_handle(f"incident-{rollback['id']}").terminate()
    if closed:
        await sql(world, "update incident set status = 'closed' where id = :id", id=incident.id)
    world.desk.release(f"{thing}-undone")
    async for attempt in patiently():
        with attempt:
            await run_on(world.services)
            assert (await world.look(rollback))["status"] == ("failed" if closed else "succeeded")
    assert len(world.desk.seen[f"{thing}-undone"]) == (1 if closed else 2)
