"""Which checkpoints anchors have taken, and how their last tries went."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.sealing_tables import Anchored, AnchorState


async def last(session: AsyncSession, anchor: str, origin: str) -> Anchored | None:
    """The largest checkpoint of a log that an anchor has taken."""
    query = select(Anchored).where(Anchored.anchor == anchor, Anchored.origin == origin)
    return (await session.execute(query.order_by(Anchored.size.desc()).limit(1))).scalar_one_or_none()


async def taken(session: AsyncSession, anchor: str, origin: str, size: int) -> None:
    """Record that an anchor holds a checkpoint."""
    row = insert(Anchored).values(anchor=anchor, origin=origin, size=size)
    await session.execute(row.on_conflict_do_nothing())


async def state(session: AsyncSession, anchor: str) -> AnchorState | None:
    """How an anchor's last tries went."""
    return await session.get(AnchorState, anchor, populate_existing=True)


async def tried(session: AsyncSession, anchor: str, error: str | None) -> datetime | None:
    """Record how a try went; since when the anchor was failing before it."""
    before = await state(session, anchor)
    since = None if before is None else before.failing_since
    now = func.clock_timestamp()
    values = {"tried_at": now, "error": error, "failing_since": None if error is None else since or now}
    row = insert(AnchorState).values(anchor=anchor, **values)
    await session.execute(row.on_conflict_do_update(index_elements=["anchor"], set_=values))
    return since
