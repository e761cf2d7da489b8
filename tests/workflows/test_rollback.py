"""A rollback is a request: asked for by a responder, held, signed by somebody who stood apart, and run once."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest

from app.db import requests
from app.db.tables import Person
from app.domain.errors import Forbidden, NotFound, NotReversible, RollbackExists, WindowOver
from app.use_cases import act, read
from app.use_cases.views import View
from tests.world import World


async def done(world: World, action: str = "do.high", who: str = "dana", **fields: Any) -> View:
    """A request that was approved by one person and has succeeded."""
    shown = await world.ask(action, **fields)
    await world.say(who, shown)
    return await world.until(shown, "succeeded")


async def ended(world: World, action: str, answer: int, status: str) -> View:
    """A request that was approved and that its target answered so."""
    shown = await world.ask(action)
    world.desk.script(shown["parameters"]["thing"], answer)
    await world.say("dana", shown)
    return await world.until(shown, status)


async def refused(world: World, who: str, rollback: View) -> set[str]:
    """The invariants that a signature of this person would break."""
    with pytest.raises(Forbidden) as error:
        await world.say(who, rollback)
    return {violation.invariant for violation in error.value.violations}


async def test_asked_for_signed_and_run_once(world: World) -> None:
    original = await done(world)
    assert original["rollback"]["action"] == "undo.well"
    rollback = await world.roll_back("ivan", original)
    assert (rollback["kind"], rollback["status"], rollback["reverses"]) == ("rollback", "held", original["id"])
    assert rollback["asker"] == {"kind": "person", "id": "ivan"}
    thing = original["parameters"]["thing"]
    assert rollback["parameters"] == {"thing": f"{thing}-undone", "was": thing}
    assert rollback["plan"]["name"] == "undo"
    assert (await world.look(original))["reversed_by"] == [rollback["id"]]
    await world.say("rita", rollback)
    ended = await world.until(rollback, "succeeded")
    assert ended["execution"]["result"] == {"done": f"{thing}-undone"}
    [call] = world.desk.seen[f"{thing}-undone"]
    assert (call.path, call.key) == ("/undo", rollback["id"])
    assert await world.kinds(rollback) == [
        "admitted", "decided", "stage-passed", "approved", "started", "attempt-finished", "succeeded",
    ]  # fmt: skip
    after = await world.look(original)
    assert (after["status"], after["reversed_by"]) == ("succeeded", [rollback["id"]])
    assert after["version"] > original["version"]


async def test_who_approved_asked_or_benefits_does_not_sign(world: World) -> None:
    original = await done(world, who="dana", parameters={}, on_behalf_of="customer:mia")
    rollback = await world.roll_back("ivan", original)
    assert await refused(world, "dana", rollback) == {"rollback-approver"}
    assert await refused(world, "ivan", rollback) == {"self-approval", "rollback-approver"}
    assert await refused(world, "mia", rollback) == {"on-behalf-of", "rollback-approver"}
    assert (await world.look(rollback))["may_decide"] == ["rita"]


async def test_the_beneficiary_does_not_sign(world: World) -> None:
    original = await done(world, "do.high", parameters={"payee": "employee:mia"})
    assert (await world.look(original))["rollback"] is not None
    moderate = await world.ask("do.moderate", parameters={"payee": "employee:mia"})
    assert moderate["warnings"] == ["Nothing undoes this action."]


async def test_only_responders_ask_and_only_people_who_see_it_learn_of_it(world: World) -> None:
    original = await done(world)
    with pytest.raises(Forbidden):
        await world.roll_back("rita", original)
    with pytest.raises(NotFound):
        await world.roll_back("zoe", original)
    with pytest.raises(NotFound):
        await world.roll_back("ivan", {"id": str(uuid.uuid4())})


async def test_one_live_rollback_and_none_of_a_rollback(world: World) -> None:
    original = await done(world)
    first = await world.roll_back("ivan", original, "asked-twice")
    assert (await world.roll_back("ivan", original, "asked-twice"))["id"] == first["id"]
    with pytest.raises(RollbackExists):
        await world.roll_back("nora", original)
    with pytest.raises(NotReversible):
        await world.roll_back("nora", first)
    await world.say("rita", first, "deny")
    second = await world.roll_back("nora", original)
    assert (await world.look(original))["reversed_by"] == [second["id"]]


async def test_of_two_at_once_one_is_admitted(world: World) -> None:
    original = await done(world)
    both = await asyncio.gather(
        world.roll_back("ivan", original), world.roll_back("nora", original), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in both) == ["RollbackExists", "dict"]


async def test_an_outcome_that_does_not_say_how_is_refused_by_name(world: World) -> None:
    shown = await world.ask("do.high")
    with pytest.raises(NotReversible, match="held"):
        await world.roll_back("ivan", shown)
    world.desk.script(shown["parameters"]["thing"], 422)
    await world.say("dana", shown)
    failed = await world.until(shown, "failed")
    with pytest.raises(NotReversible, match="does not say how"):
        await world.roll_back("ivan", failed)


async def test_after_its_time_it_is_refused(world: World) -> None:
    original = await done(world, "do.fleeting")
    with pytest.raises(WindowOver):
        await world.roll_back("ivan", original)


async def test_a_failed_one_is_rolled_back_with_a_warning(world: World) -> None:
    failed = await ended(world, "do.once", 422, "failed")
    rollback = await world.roll_back("ivan", failed)
    assert "failed" in rollback["warnings"][0]
    assert rollback["plan"]["name"] == "one"


async def test_an_unknown_one_gives_its_key_to_the_rollback_once_nothing_is_on_its_way(world: World) -> None:
    unknown = await ended(world, "do.once", 503, "unknown")
    rollback = await world.roll_back("ivan", unknown)
    await world.say("marco", rollback)
    await world.blocked(rollback)
    row, original = await world.row(rollback), await world.row(unknown)
    assert row.conflict_key == original.conflict_key
    assert row.due_at > original.updated_at + timedelta(seconds=20)


async def test_the_business_owner_does_not_stop_the_rollback_of_the_own_bot(world: World) -> None:
    rollback = await world.roll_back("ivan", await done(world))
    with pytest.raises(Forbidden):
        await act.cancel(world.services, world.person("olivia"), uuid.UUID(rollback["id"]), "not mine")
    await act.cancel(world.services, world.person("ivan"), uuid.UUID(rollback["id"]), "by mistake")
    assert (await world.look(rollback))["status"] == "cancelled"


async def test_the_same_ask_many_times_at_once_is_one_rollback(world: World) -> None:
    original = await done(world)
    asked = await asyncio.gather(*(world.roll_back("ivan", original, "asked-at-once") for _ in range(5)))
    assert len({one["id"] for one in asked}) == 1


async def test_a_settled_original_takes_the_ground_from_its_rollback(world: World) -> None:
    unknown = await ended(world, "do.once", 503, "unknown")
    rollback = await world.roll_back("ivan", unknown)
    async with world.ctx.database.transaction() as session:
        row = await requests.locked(session, uuid.UUID(unknown["id"]))
        assert row is not None
        row.status = "failed"  # as settled: that comes 35 s later here
    await world.say("marco", rollback)
    assert (await world.until(rollback, "revoked"))["ended_why"] == "outcome-changed"


async def test_who_signs_sees_what_is_undone_though_the_request_itself_is_not_theirs(world: World) -> None:
    original = await done(world)
    rollback = await world.roll_back("ivan", original)
    seen = await read.read(world.services, world.person("dana"), uuid.UUID(rollback["id"]))
    undone = seen["original"]
    assert (undone["id"], undone["parameters"], undone["status"]) == (
        original["id"], original["parameters"], "succeeded",
    )  # fmt: skip
    assert undone["result"] == original["execution"]["result"]


async def test_who_asked_must_be_a_responder_still(world: World) -> None:
    rollback = await world.roll_back("nora", await done(world))
    async with world.ctx.database.transaction() as session:
        (await session.get_one(Person, "nora")).active = False
    await world.say("rita", rollback)
    ended = await world.until(rollback, "revoked")
    assert ended["ended_why"] == "not-entitled"
    async with world.ctx.database.transaction() as session:
        (await session.get_one(Person, "nora")).active = True
