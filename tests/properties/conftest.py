"""A world without Temporal, patience with the database, and everything as before after each test."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from temporalio.client import Client

from app.db.session import STEP_TIMEOUTS, Database
from app.governance import tree
from app.keys import KeyRings
from app.use_cases.governance import install
from app.use_cases.services import Services, Waiters
from tests.fakes.desk import Desk
from tests.properties.ground import Ground
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
async def as_before(world: World, request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Whatever a test did: everybody is active, the usual rules are in force, nothing is suspended."""
    yield
    if "rules_copy" in request.fixturenames:  # reading and compiling them takes longer than most of these tests
        await install(world.ctx, RULES, replace=True, by="ada")
    await sql(world, "update person set active = true")
    await sql(world, "update bot set suspended_at = null")
    await sql(world, "update installation set suspended_at = null")
    await sql(world, "update client_credential set made_by = 'zoe'")


def read_json(path: Path) -> Any:
    """A governance file of the machine's, which is JSON: the reader of YAML takes 0.1 s for it, thousands of times."""
    return json.loads(path.read_text())


@pytest.fixture
def ground(database_url: str, rings: KeyRings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    """A database, and a loop to run steps on: Hypothesis is not asynchronous."""
    monkeypatch.setattr(tree, "read", read_json)
    loop, database = asyncio.new_event_loop(), Database(database_url, pool_size=2)
    with tempfile.TemporaryDirectory(prefix="interlock-properties-") as folder:
        yield Ground(database, rings, Path(folder), loop)
    loop.run_until_complete(database.close())
    loop.close()
