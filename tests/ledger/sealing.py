"""Sealing what a test's world has written, by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from app.keys import KeyRings
from app.ledger.notes import Signer
from app.ledger.sequencer import MOST, Sequencer, resumed, seal_round
from tests.db.test_schema import connected

ORIGIN = "interlock.test/ledger"


async def sealed(url: str, signer: Signer) -> int:
    """Seal all that is committed; how many entries that were."""
    async with connected(url) as connection:
        async with AsyncSession(connection) as session, session.begin():
            frontier = await resumed(session, signer)
        return await seal_round(connection, signer, frontier)


async def seal_all(url: str, rings: KeyRings, most: int = MOST) -> int:
    """Seal all that is committed, in rounds of ``most``; how many entries that were."""
    signer, done = Signer(ORIGIN, rings.ledger), 0
    async with connected(url) as connection:
        async with AsyncSession(connection) as session, session.begin():
            frontier = await resumed(session, signer)
        while found := await seal_round(connection, signer, frontier, most):
            done += found
    return done


@asynccontextmanager
async def sealing(url: str, rings: KeyRings) -> AsyncIterator[None]:
    """A sequencer at work on this database."""
    task = asyncio.create_task(Sequencer(url, Signer(ORIGIN, rings.ledger), every=0.2).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
