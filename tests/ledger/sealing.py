"""Sealing by hand, where no sequencer runs."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from app.keys import KeyRings
from app.ledger.notes import Signer
from app.ledger.sequencer import MOST, resumed, seal_round

ORIGIN = "ledger.example/test"


async def seal_all(url: str, rings: KeyRings, most: int = MOST) -> int:
    """Seal all that is committed, in rounds of ``most``; how many entries that were."""
    engine, signer, done = create_async_engine(url, poolclass=NullPool), Signer(ORIGIN, rings.ledger), 0
    try:
        async with engine.connect() as connection:
            async with AsyncSession(connection) as session, session.begin():
                frontier = await resumed(session, signer)
            while found := await seal_round(connection, signer, frontier, most):
                done += found
    finally:
        await engine.dispose()
    return done
