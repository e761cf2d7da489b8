"""Between the yes and the start everything is checked again; an old yes is not used."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import text

from app.steps.start import start
from app.use_cases.views import View
from tests.world import World


async def waiting(world: World, action: str = "do.once", deciders: tuple[str, ...] = ("dana",)) -> View:
    """An approved request that waits behind another for their conflict key; `let_go` frees it."""
    thing = uuid.uuid4().hex
    first = await world.occupied(thing)
    shown = await world.ask(action, thing=thing)
    for who in deciders:
        await world.say(who, shown)
    await world.blocked(shown)
    return {**await world.look(shown), "first": first}


async def change(world: World, shown: View, assignment: str) -> None:
    """Change the stored request behind everybody's back."""
    async with world.ctx.database.transaction() as session:
        await session.execute(text(f"update request set {assignment} where id = :id"), {"id": uuid.UUID(shown["id"])})  # noqa: S608


async def let_go(world: World, shown: View) -> None:
    """Let the request in front finish."""
    world.desk.release(shown["parameters"]["thing"])
    await world.until(shown["first"], "succeeded", "unknown")


@pytest.mark.parametrize(
    ("assignment", "why"),
    [
        ("parameters = replace(parameters, '}', ',\"payee\":\"me\"}')", "digest-differs"),
        ("nonce = 'other'", "digest-differs"),
        ("on_behalf_of = 'customer:other'", "digest-differs"),
        ("stop_epochs = '[-1, -1]'", "stopped"),
    ],
)
@pytest.mark.aisvs("9.5.6")
@pytest.mark.aisvs("9.2.8")
async def test_what_was_approved_is_what_runs(world: World, assignment: str, why: str) -> None:
    shown = await waiting(world)
    await change(world, shown, assignment)
    await start(world.ctx, uuid.UUID(shown["id"]), "somebody")
    assert (await world.look(shown))["ended_why"] == why
    await let_go(world, shown)
    assert len(world.desk.seen[shown["parameters"]["thing"]]) == 1


async def test_a_vote_of_who_left_is_void_and_the_request_held_again(world: World) -> None:
    shown = await waiting(world)
    async with world.ctx.database.transaction() as session:
        await session.execute(text("update person set active = false where id = 'dana'"))
    try:
        await start(world.ctx, uuid.UUID(shown["id"]), "somebody")
        seen = await world.look(shown)
        assert seen["status"] == "held"
        assert [made["standing"] for made in seen["decisions"]] == [False]
        assert "vote-void" in await world.kinds(shown)
    finally:
        async with world.ctx.database.transaction() as session:
            await session.execute(text("update person set active = true where id = 'dana'"))
    await let_go(world, shown)
    assert (await world.say("marco", shown))["status"] in ("approved", "executing", "succeeded")
