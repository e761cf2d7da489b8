"""Nothing stays stuck: rows whose workflow is lost, workers that die, steps that run again, the database away."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.domain.clocks import moment
from app.domain.digest import request_id
from app.domain.errors import IdempotencyKeyReused
from app.domain.outcome import Answer, Sent
from app.steps.finish import finish
from app.steps.start import start
from app.steps.tick import tick
from app.use_cases import submit, temporal
from app.use_cases.upkeep import sweep
from app.use_cases.views import View
from tests.world import World


async def lose(world: World, shown: View) -> None:
    """Have Temporal lose the workflow of a request."""
    handle = world.services.temporal.get_workflow_handle(temporal.workflow_id(uuid.UUID(shown["id"])))
    await handle.terminate("lost")


async def overdue(world: World, shown: View) -> None:
    """Let what is due on a request have been due long ago, as if nobody had done it."""
    async with world.ctx.database.transaction() as session:
        await session.execute(
            text("update request set due_at = clock_timestamp() - interval '5 minutes' where id = :id"),
            {"id": uuid.UUID(shown["id"])},
        )


async def test_a_decision_on_a_lost_workflow_takes_the_row_over(world: World) -> None:
    shown = await world.ask("do.moderate")
    await lose(world, shown)
    await world.say("dana", shown)
    assert (await world.until(shown, "succeeded"))["status"] == "succeeded"


async def test_the_same_ask_on_a_lost_workflow_finds_the_row(world: World) -> None:
    shown = await world.ask("do.moderate", key="lost-1", thing="lost-1")
    await lose(world, shown)
    again = await world.ask("do.moderate", key="lost-1", thing="lost-1")
    assert (again["id"], again["version"]) == (shown["id"], shown["version"])
    assert shown["id"] == str(request_id("action", "bot", "bot", "lost-1"))


async def test_the_sweeper_starts_the_workflow_of_an_open_row_again(world: World) -> None:
    shown = await world.ask("do.brief")
    await lose(world, shown)
    await overdue(world, shown)
    await sweep(world.services, timedelta(seconds=60))
    await world.until(shown, "expired")


async def test_an_approved_row_without_workflow_is_executed_after_takeover(world: World) -> None:
    thing = uuid.uuid4().hex
    first = await world.occupied(thing)
    shown = await world.ask("do.once", thing=thing)
    await world.say("dana", shown)
    await lose(world, shown)
    world.desk.release(thing)
    await world.until(first, "succeeded")
    await world.until(shown, "succeeded")
    assert [call.key for call in world.desk.seen[thing]] == [first["id"], shown["id"]]


async def stopped_after_start(world: World, action: str) -> tuple[View, int]:
    """A request whose attempt was committed by an owner that then vanished, without a workflow; attempt number."""
    thing = uuid.uuid4().hex
    front = await world.occupied(thing)
    shown = await world.ask(action, thing=thing)
    await world.say("dana", shown)
    await world.blocked(shown)
    await lose(world, shown)
    async with world.ctx.database.transaction() as session:
        await session.execute(
            text("update execution_attempt set holds_key = false where conflict_key = :key"), {"key": thing}
        )
    started = await start(world.ctx, uuid.UUID(shown["id"]), "vanished")
    assert started.go is not None
    world.desk.release(thing)
    await world.until(front, "succeeded", "unknown")
    return shown, started.go.n


async def test_an_attempt_without_outcome_that_must_not_be_repeated_becomes_unknown(world: World) -> None:
    shown, _ = await stopped_after_start(world, "do.once")
    first = await start(world.ctx, uuid.UUID(shown["id"]), "another")
    assert first.wait is not None
    assert first.go is None
    await temporal.take_over(world.services, uuid.UUID(shown["id"]))
    seen = await world.until(shown, "unknown")
    assert seen["execution"]["attempts"][0]["outcome"] == "no-outcome"
    assert shown["id"] not in [call.key for call in world.desk.seen[shown["parameters"]["thing"]]]


async def test_a_late_outcome_is_an_entry_and_no_transition(world: World) -> None:
    shown, n = await stopped_after_start(world, "do.once")
    await temporal.take_over(world.services, uuid.UUID(shown["id"]))
    await world.until(shown, "unknown")
    late = await finish(world.ctx, uuid.UUID(shown["id"]), n, "vanished", Answer(Sent.SUCCEEDED, 200, {}, None))
    assert late.state.status == "unknown"
    assert (await world.kinds(shown))[-1] == "late-outcome"


async def test_steps_run_again_change_nothing(world: World) -> None:
    shown = await world.ask("do.two")
    await world.say("dana", shown)
    before = await world.look(shown)
    for _ in range(3):
        await tick(world.ctx, uuid.UUID(shown["id"]))
    after = await world.look(shown)
    assert after == before
    assert moment(after["expires_at"]) > moment(after["created_at"])


async def test_the_same_key_with_another_body_is_refused_also_after_the_end(world: World) -> None:
    shown = await world.ask("do.moderate", key="twice", parameters={"mode": "deny"}, thing="a")
    assert shown["status"] == "denied"
    with pytest.raises(IdempotencyKeyReused):
        await world.ask("do.moderate", key="twice", thing="b")
    body = {"action": "do.moderate", "parameters": {"mode": "deny", "thing": "a"}, "on_behalf_of": "customer:carl"}
    again = await submit.submit(world.services, world.bot(), "twice", {**body, "context": {}})
    assert (again.created, again.view["id"]) == (False, shown["id"])
