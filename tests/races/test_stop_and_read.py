"""Somebody reads while what was stopped before is being recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.keys import KeyRings
from app.steps.tick import tick
from app.use_cases import read, stop
from tests.races.stopping import admitted, person, without_temporal
from tests.steps.words import sql
from tests.world import World

BLOCKED = "select 1 from pg_locks where not granted and relation = 'refusal'::regclass"


@pytest.fixture(scope="module")
async def world(database_url: str, rings: KeyRings) -> AsyncIterator[World]:
    """Parts, without Temporal."""
    async with without_temporal(database_url, rings) as made:
        yield made


async def test_what_was_stopped_reads_as_revoked_while_that_is_recorded(world: World) -> None:
    """A view is read in several statements; the revocation is recorded between two of them."""
    id_, _ = await admitted(world.ctx, "do.moderate")
    await stop.suspend(world.services, person("ivan"), "bot", "It runs amok")
    async with world.ctx.database.transaction() as session:
        await session.execute(text("lock table refusal in access exclusive mode"))
        reading = asyncio.ensure_future(read.read(world.services, person("anya"), id_))
        async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(30), reraise=True):
            with attempt:
                assert await sql(world, BLOCKED)
        await tick(world.ctx, id_)
    assert (await reading)["status"] == "revoked"
