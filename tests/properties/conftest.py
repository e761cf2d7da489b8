"""A world without Temporal, patience with the database, and everything as before after each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import cast

import pytest
from temporalio.client import Client

from app.db.session import STEP_TIMEOUTS
from app.keys import KeyRings
from app.use_cases.governance import install
from app.use_cases.services import Services, Waiters
from tests.fakes.desk import Desk
from tests.steps.words import sql
from tests.world import RULES, World, build_context


@pytest.fixture(scope="module", autouse=True)
def patient() -> Iterator[None]:
    """No step is cut off for want of time: on a busy machine, lives must be those of a quiet one."""
    with pytest.MonkeyPatch.context() as patch:
        for timeout in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
            patch.setitem(STEP_TIMEOUTS, timeout, "60s")
        yield


@pytest.fixture(scope="module")
async def world(database_url: str, rings: KeyRings) -> AsyncIterator[World]:
    """A world without Temporal, worker and target: steps are called by the tests."""
    ctx = await build_context(database_url, rings, "http://127.0.0.1:9")
    services = Services(ctx, cast("Client", None), "none", Waiters(), rings.tokens, ctx.issuer)
    yield World(ctx, services, rings, cast("Desk", None))
    await ctx.database.close()


@pytest.fixture
async def as_before(world: World) -> AsyncIterator[None]:
    """Whatever a test did: everybody is active, the usual rules are in force, nothing is suspended."""
    yield
    await install(world.ctx, RULES, replace=True, by="ada")
    await sql(world, "update person set active = true")
    await sql(world, "update bot set suspended_at = null")
    await sql(world, "update client_credential set made_by = 'zoe'")
