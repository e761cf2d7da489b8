"""The stop switch: from its commit on, nothing of a bot is admitted, decided or started (DESIGN.md section 4, Stop)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, ledger, stops
from app.db.session import Database
from app.db.stops import InFlight
from app.domain.errors import NotFound
from app.steps.context import Clock

PATIENCE = 0.3
"""Seconds that steps under way get to end by themselves; then their sessions are ended, and they are repeated."""


LISTED = 1000
"""Attempts in flight that the entry of a stop names; it counts all. A runaway may have any number of them."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a stop found: since when, and the attempts without outcome. Only these can still reach a target."""

    since: datetime
    in_flight: Sequence[InFlight]


@asynccontextmanager
async def stopping(database: Database, bot: str | None) -> AsyncIterator[AsyncSession]:
    """A transaction that holds the switch of a bot (None: of the installation): no step of it is under way."""
    async with database.urgent() as session:
        pid = await stops.own_pid(session)
        waiting = asyncio.ensure_future(stops.lock(session, bot))
        try:
            while not (await asyncio.wait({waiting}, timeout=PATIENCE))[0]:
                async with database.urgent() as other:
                    await stops.end_holders(other, bot, pid)
        except BaseException:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            raise
        await waiting
        yield session


async def stop(session: AsyncSession, clock: Clock, bot: str | None, reason: str, by: dict[str, Any]) -> Stopped:
    """Throw the switch in a transaction of `stopping`; O(1). ``by``: who did, as the ledger may say it.

    A bot that is stopped already stays so since then; but what was asked meanwhile to let it go on is void.
    Raises NotFound for a bot that was never installed.
    """
    stream = "installation" if bot is None else f"bot:{bot}"
    await ledger.lock_stream(session, stream)  # first: who installs rules does so too
    row = await (governance.installation(session) if bot is None else governance.bot(session, bot))
    if row is None:
        raise NotFound(f"There is no bot {bot}.")
    now = await clock.now(session)
    row.suspended_at = row.suspended_at or now
    row.stop_epoch += 1
    row.stop_reason = reason
    since = row.suspended_at
    await session.flush()
    found = await stops.in_flight(session, bot)
    listed = [[str(one.request_id), one.attempt] for one in found[:LISTED]]
    facts = {**by, "stop_epoch": row.stop_epoch, "in_flight": listed, "in_flight_count": len(found)}
    await ledger.append(session, stream, "suspended", now, facts)
    return Stopped(since, found)
