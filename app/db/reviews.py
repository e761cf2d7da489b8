"""Reviews: what somebody must look at, by when, and what they found. Flush yes, commit no."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import review_tables as tables
from app.db.tables import Request

Stored = tables.Review


async def by_id(session: AsyncSession, review_id: uuid.UUID, *, lock: bool = False) -> Stored | None:
    """A review as it stands now."""
    return await session.get(Stored, review_id, populate_existing=True, with_for_update={} if lock else None)


async def listed(
    session: AsyncSession, where: ColumnElement[bool], *, open_only: bool, limit: int
) -> Sequence[tuple[Stored, Request]]:
    """Reviews and the requests that they are about, newest first. ``where``: on `Request`, or on `Stored`."""
    query = select(Stored, Request).join(Request, Request.id == Stored.request_id).where(where)
    if open_only:
        query = query.where(Stored.done_at.is_(None))
    query = query.order_by(Stored.opened_at.desc(), Stored.id.desc()).limit(limit)
    rows = await session.execute(query.execution_options(populate_existing=True))
    return [(row.Review, row.Request) for row in rows]


def _overdue(now: datetime) -> ColumnElement[bool]:
    return (Stored.due_at <= now) & Stored.done_at.is_(None) & Stored.overdue_at.is_(None)


async def bots_with_overdue(session: AsyncSession, now: datetime) -> Sequence[str]:
    """The bots that something was not reviewed of in time, which nobody has found yet."""
    query = select(Stored.bot).where(_overdue(now)).distinct().order_by(Stored.bot)
    return (await session.execute(query)).scalars().all()


async def overdue(session: AsyncSession, bot: str, now: datetime) -> Sequence[Stored]:
    """Those of one bot, locked, the longest overdue first."""
    query = select(Stored).where(_overdue(now), Stored.bot == bot).order_by(Stored.due_at, Stored.id)
    rows = await session.execute(query.with_for_update().execution_options(populate_existing=True))
    return rows.scalars().all()
