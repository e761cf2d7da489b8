"""What a budget counts is read from an index of its own, whose condition the statements must repeat to the letter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import budgets
from app.db.budgets import Taken
from app.db.session import Database
from tests.domain.strategies import NOW

SINCE = NOW - timedelta(days=1)
BOTS = Taken("bot", ["do.moderate"], None)
Read = Callable[[AsyncSession], Awaitable[object]]


async def scans(database: Database) -> int:
    """How often the index was used."""
    async with database.transaction() as session:
        query = text("select idx_scan from pg_stat_user_indexes where indexrelname = 'request_budget'")
        return int((await session.execute(query)).scalar_one())


@pytest.mark.parametrize(
    "read",
    [
        lambda session: budgets.asked(session, BOTS, SINCE),
        lambda session: budgets.nth_asked(session, BOTS, SINCE, 1),
        lambda session: budgets.amount(session, BOTS, SINCE, "amount"),
        lambda session: budgets.amount_gone(session, BOTS, SINCE, "amount", 1),
        lambda session: budgets.last_unknown(session, BOTS, SINCE, "amount"),
    ],
    ids=["asked", "nth_asked", "amount", "amount_gone", "last_unknown"],
)
async def test_each_figure_may_be_read_from_it(database_url: str, read: Read) -> None:
    """Tables of a test are too small for any index: so others are gone here, and the whole table is the last resort."""
    database = Database(database_url)
    before = await scans(database)
    async with database.transaction() as session:
        await session.execute(text("set local enable_seqscan = off"))
        await session.execute(text("set local plan_cache_mode = force_generic_plan"))  # as after five times
        await session.execute(text("drop index request_of_asker, request_newest, request_window"))
        await read(session)
        await session.execute(text("select pg_stat_force_next_flush()"))
        await session.rollback()
    assert await scans(database) > before
    await database.close()
