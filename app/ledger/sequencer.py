"""The sequencer: gives committed entries their leaves, grows the tree and signs its heads (DESIGN.md section 10).

One leads; the others stand by. Its lock is a session's, and it writes on that session: a leader that has lost the lock
has lost the connection that it would write on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from app.db import sealing
from app.domain.note import Checkpoint, NoteInvalid
from app.domain.tree import Frontier, nodes_of
from app.ledger.notes import Signer, opened

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two rounds, and between two tries to lead."""
MOST = 4800
"""Entries of one round: as many take about 0.2 s."""

TIMEOUTS = {
    "lock_timeout": "5s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "10s",
    "idle_session_timeout": "15s",
    "application_name": "interlock-sequencer",
}
"""A leader that stands still loses its session, and with it the lock, after `idle_session_timeout`."""


class SealBroken(Exception):
    """The sealed ledger is not what was signed, or is another log's: nothing is signed on top of it."""


@dataclass(slots=True)
class Sequencer:
    """Seals one database's ledger. ``signer``: of this log."""

    url: str
    signer: Signer
    every: float = EVERY

    async def run(self) -> None:
        """Lead whenever nobody else does, for ever; whatever goes wrong is logged, and tried again."""
        engine = create_async_engine(
            self.url, poolclass=NullPool, connect_args={"server_settings": TIMEOUTS}, hide_parameters=True
        )
        try:
            while True:
                await self._once(engine)
                await asyncio.sleep(self.every)
        finally:
            await engine.dispose()

    async def _once(self, engine: AsyncEngine) -> None:
        try:
            async with engine.connect() as connection, leading(connection) as leads:
                if leads:
                    await self._lead(connection)
        except (SealBroken, sealing.TreeBroken) as error:
            log.error("the ledger is not sealed any further: %s; run interlock ledger verify", error)  # noqa: TRY400
        except (SQLAlchemyError, OSError) as error:
            log.warning("sealing: the database was lost (%s), trying again", type(error).__name__)

    async def _lead(self, connection: AsyncConnection) -> None:
        log.info("this process seals the ledger %s", self.signer.origin)
        async with _session(connection) as session:
            frontier = await resumed(session, self.signer)
        while True:
            sealed = await seal_round(connection, self.signer, frontier)
            if sealed < MOST:
                await asyncio.sleep(self.every)


@asynccontextmanager
async def leading(connection: AsyncConnection) -> AsyncIterator[bool]:
    """Whether this connection's session leads; until the block ends, or the session."""
    asked = text("select pg_try_advisory_lock(:key, 0)")
    leads = bool((await connection.execute(asked, {"key": sealing.SEQUENCER_LOCK})).scalar_one())
    await connection.commit()
    yield leads


@asynccontextmanager
async def _session(connection: AsyncConnection) -> AsyncIterator[AsyncSession]:
    """A transaction that sees one moment of the database."""
    async with AsyncSession(bind=connection, expire_on_commit=False) as session, session.begin():
        await session.execute(text("set transaction isolation level repeatable read"))
        yield session


async def resumed(session: AsyncSession, signer: Signer) -> Frontier:
    """The tree as it was last sealed. Raises SealBroken when that is not what was signed."""
    await sealing.begin(session, signer.origin)
    await sealing.forget_horizon_of_elsewhere(session)
    known = await sealing.state(session)
    if known is None or known.origin != signer.origin:
        raise SealBroken(f"it is the log {known and known.origin}, and INTERLOCK_LEDGER__ORIGIN says {signer.origin}")
    nodes = nodes_of(0, known.size)
    hashes = await sealing.hashes(session, nodes)
    frontier = Frontier(known.size, [hashes[node] for node in nodes])
    last = await sealing.newest(session)
    if last is None and known.size == 0:
        return frontier
    if last is None or last.size != known.size or _signed(last.note, signer) != _head(signer, frontier):
        raise SealBroken(f"the last checkpoint is not one that was signed over the {known.size} leaves that there are")
    return frontier


def _signed(note: str, signer: Signer) -> Checkpoint:
    try:
        return opened(note, signer.verifiers())
    except NoteInvalid as error:
        raise SealBroken(f"the last checkpoint: {error}") from None


def _head(signer: Signer, frontier: Frontier) -> Checkpoint:
    return Checkpoint(signer.origin, frontier.size, frontier.root())


async def seal_round(connection: AsyncConnection, signer: Signer, frontier: Frontier, most: int = MOST) -> int:
    """Seal what is committed and has no leaf, at most so many; one transaction. How many there were.

    ``frontier`` goes on with it; when this raises it is not to be used again.
    """
    async with _session(connection) as session:
        known = await sealing.state(session)
        if known is None or (known.origin, known.size) != (signer.origin, frontier.size):
            raise SealBroken("another sequencer has sealed it further")
        horizon = await sealing.horizon(session)
        found = await sealing.unsealed(session, known.horizon, most)
        if not found:
            return 0
        first = frontier.size
        made = [node for _, leaf in found for node in frontier.append(bytes(leaf))]
        await sealing.add(session, first, found, made)
        await sealing.advance(session, frontier.size, horizon if len(found) < most else known.horizon)
        head = _head(signer, frontier)
        await sealing.add_checkpoint(session, head, signer.sign(head))
    return len(found)
