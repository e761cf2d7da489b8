"""A decision that takes longer than Slack waits: it is said so, goes on, and its outcome is told."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import pytest

from app.activities.execution import Executor
from app.devstack import TemporalServer
from app.execution.http import new_client
from app.keys import KeyRings
from app.use_cases.services import Services, Waiters
from tests.conftest import NewDatabase
from tests.fakes.desk import Desk
from tests.slack.conftest import Reception, reception_of, user
from tests.slack.responding import done, form, submit
from tests.world import World, build_context, connect, executor, working


@dataclass(frozen=True, slots=True)
class Slow:
    """A door to a world whose worker a test starts and stops."""

    reception: Reception
    executor: Executor

    def worker(self) -> AbstractAsyncContextManager[None]:
        """A worker, while the block lasts."""
        world = self.reception.world
        return working(world.ctx, world.services, self.executor)


@pytest.fixture
async def slow(
    new_database: NewDatabase, temporal: TemporalServer, rings: KeyRings, a_desk: Desk
) -> AsyncIterator[Slow]:
    ctx = await build_context(await new_database(), rings, a_desk.url)
    client = await connect(temporal.address, rings)
    services = Services(ctx, client, f"test-{uuid.uuid4().hex}", Waiters(), rings.tokens, ctx.issuer)
    async with new_client() as http, reception_of(World(ctx, services, rings, a_desk)) as reception:
        yield Slow(reception, executor(ctx, services, http))
    await ctx.database.close()


async def test_a_slow_click_says_recording_and_then_what_came_of_it(slow: Slow) -> None:
    reception = slow.reception
    async with slow.worker():
        shown = await reception.world.ask("do.two")
    sent = await reception.click("dana", shown)
    assert sent.ok
    assert 2.0 < sent.seconds < 3.0
    await reception.told("dana", "Recording your decision")
    assert await reception.decisions(shown) == []
    async with slow.worker():
        await reception.told("dana", "1 of 2")
        assert await reception.decisions(shown) == [("dana", "approve")]


async def test_a_slow_form_says_recording_and_then_what_came_of_it(slow: Slow) -> None:
    reception = slow.reception
    async with slow.worker():
        shown = await reception.world.ask("do.moderate")
    await reception.click("marco", shown, "deny")
    form = await reception.modal("marco")
    sent = await reception.fake.people.submit(user("marco"), form.id, {"reason": "No"})
    assert sent.ok
    assert sent.json["response_action"] == "update"
    await reception.says("marco", "Recording your decision")
    async with slow.worker():
        await reception.says("marco", "Denied")
        assert await reception.decisions(shown) == [("marco", "deny")]


async def test_a_slow_rollback_says_so_and_then_which_request_it_is(slow: Slow) -> None:
    reception = slow.reception
    async with slow.worker():
        original = await done(reception.world)
    modal = await form(reception, "ivan", f"rollback {original['id']}")
    sent, told = await submit(reception, "ivan", modal)
    assert 2.0 < sent.seconds < 3.0
    assert "Asking for the rollback" in told
    async with slow.worker():
        await reception.says("ivan", "Asked for, as request")
        [rollback] = (await reception.world.look(original))["reversed_by"]
        await reception.says("ivan", rollback)


async def test_a_stop_needs_no_worker(slow: Slow) -> None:
    sent, told = await submit(slow.reception, "ivan", await form(slow.reception, "ivan", "stop bot"))
    assert sent.seconds < 2.0
    assert "is stopped since" in told


async def test_closing_the_door_waits_for_decisions(slow: Slow) -> None:
    reception = slow.reception
    async with slow.worker():
        shown = await reception.world.ask("do.two")
    await reception.click("priya", shown)
    await reception.told("priya", "Recording your decision")
    closing = asyncio.create_task(reception.door.close())
    async with slow.worker():
        await closing
        assert await reception.decisions(shown) == [("priya", "approve")]
        await reception.told("priya", "1 of 2")
