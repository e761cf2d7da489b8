"""Break-glass with its workflow and worker: it runs at once; what nobody reviews stops the bot; people let it go on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from app.use_cases.upkeep import sweep
from tests.api.conftest import GO_ON
from tests.steps.breaking import broken, reviewed
from tests.steps.words import id_of, sql
from tests.workflows.test_stop import let_go_on, stream
from tests.world import World

OVERDUE = "update review set due_at = now() - interval '1 s' where request_id = :id"


@pytest.fixture(autouse=True)
async def as_before(world: World) -> AsyncIterator[None]:
    yield
    await sql(world, "delete from review")
    for statement in GO_ON:
        await sql(world, statement)


async def test_it_runs_at_once_in_the_middle_of_its_stages(world: World) -> None:
    shown = await world.ask("do.stages")
    await world.say("dana", shown)
    assert (await broken(world, shown))["plan"]["stages"][1]["status"] == "closed"
    seen = await world.until(shown, "succeeded")
    assert [stage["status"] for stage in seen["plan"]["stages"]] == ["passed", "closed"]
    assert [one["person"] for one in seen["decisions"]] == ["dana"]  # what was said stays on the record


async def test_the_worker_suspends_what_nobody_has_reviewed_and_people_let_it_go_on(world: World) -> None:
    shown = await world.ask("do.high")
    seen = await broken(world, shown)
    await world.until(shown, "succeeded")
    await sql(world, OVERDUE, id=id_of(shown))
    held = await world.ask("do.moderate")
    await sweep(world.services, timedelta(minutes=1))
    stopped = await world.look(held)
    assert (stopped["status"], stopped["ended_why"]) == ("revoked", "stopped")
    assert stopped["ended_reason"] == f"The break-glass of request {shown['id']} was not reviewed in time."
    facts = [entry["facts"] for entry in await stream(world, "bot:bot") if entry["kind"] == "suspended"][-1]
    assert (facts["person"], facts["by"], facts["via"], facts["why"]) == (None, "interlock", "worker", "review-overdue")
    assert (await reviewed(world, seen))["overdue_at"] is not None
    assert (await world.ask("do.moderate"))["status"] == "denied"
    await let_go_on(world)
    assert await sweep(world.services, timedelta(minutes=1)) >= 0
    assert (await world.ask("do.moderate"))["status"] == "held"
