"""Two API processes and a worker over one database and one task queue."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from app.db.session import Database
from app.devstack import TemporalServer
from app.execution.http import new_client
from app.keys import KeyRings
from app.steps.context import Context
from app.steps.rules import Rules
from app.use_cases.governance import install
from app.use_cases.services import Services, Waiters
from tests.clear_text import histories, in_clear, ledger_and_outbox, of_requests
from tests.fakes.desk import Desk
from tests.races.racing import Arena
from tests.races.till import Till, till
from tests.world import World, build_context, connect, executor, working

RULES = Path(__file__).parent / "rules"


@pytest.fixture(scope="module")
async def a_till() -> AsyncIterator[Till]:
    """The target of `do.keyed`."""
    async with till() as made:
        yield made


@pytest.fixture(scope="module")
async def arena(
    database_url: str, temporal: TemporalServer, rings: KeyRings, a_desk: Desk, a_till: Till
) -> AsyncIterator[Arena]:
    """Each of the three processes has its own connections, its own idea of the rules, and its own Temporal client.

    In the end nothing that was asked about stands in clear in a history or on the ledger.
    """
    first = await build_context(database_url, rings, a_desk.url)
    await install(first, RULES, replace=True, by="ada")
    targets = {"desk": a_desk.url, "till": a_till.url}
    async with AsyncExitStack() as stack:
        stack.push_async_callback(first.database.close)
        contexts: list[Context] = []
        for _ in range(3):
            mine = replace(first, database=Database(database_url), rules=Rules(), target_urls=targets)
            stack.push_async_callback(mine.database.close)
            contexts.append(mine)
        clients = [await connect(temporal.address, rings) for _ in contexts]
        queue, waiters = f"races-{uuid.uuid4().hex}", Waiters()
        worker, one, other = (
            Services(ctx, client, queue, waiters, rings.tokens, ctx.issuer)
            for ctx, client in zip(contexts, clients, strict=True)
        )
        http = await stack.enter_async_context(new_client())
        await stack.enter_async_context(working(worker.ctx, worker, executor(worker.ctx, worker, http)))
        yield Arena((World(one.ctx, one, rings, a_desk), World(other.ctx, other, rings, a_desk)), a_till)
        wanted = await of_requests(first.database, [RULES])
        hays = await histories(one.temporal, f'TaskQueue = "{queue}"') | await ledger_and_outbox(first.database)
        assert wanted
        assert in_clear(wanted, hays) == []
