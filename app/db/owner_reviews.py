"""Owner reviews: which stand, what is due, and the figures that one is about. Flush yes, commit no."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, distinct, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import owner_review_tables as tables
from app.db.permission_tables import StandingPermission
from app.db.review_tables import Review
from app.db.tables import Refusal, Request, Settlement
from app.domain.request import Kind
from app.domain.states import Status

Stored = tables.OwnerReview


async def by_id(session: AsyncSession, review_id: uuid.UUID, *, lock: bool = False) -> Stored | None:
    """A review as it stands now."""
    return await session.get(Stored, review_id, populate_existing=True, with_for_update={} if lock else None)


async def open_of(session: AsyncSession, bot: str) -> Stored | None:
    """The one of a bot that nobody has made yet."""
    query = select(Stored).where(Stored.bot == bot, Stored.done_at.is_(None))
    return (await session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()


async def lapsed(session: AsyncSession, bot: str) -> bool:
    """True while one of a bot has lapsed that nobody has made since."""
    query = select(Stored.id).where(Stored.bot == bot, Stored.done_at.is_(None), Stored.lapsed_at.is_not(None))
    return (await session.execute(query)).first() is not None


async def last_opened(session: AsyncSession) -> dict[str, datetime]:
    """When the last of each bot was opened."""
    rows = await session.execute(select(Stored.bot, func.max(Stored.opened_at).label("at")).group_by(Stored.bot))
    return {row.bot: row.at for row in rows}


async def listed(
    session: AsyncSession, bots: Collection[str] | None, *, open_only: bool, limit: int
) -> Sequence[Stored]:
    """Of these bots (None: of all), the newest first."""
    query = select(Stored) if bots is None else select(Stored).where(Stored.bot.in_(bots))
    if open_only:
        query = query.where(Stored.done_at.is_(None))
    query = query.order_by(Stored.opened_at.desc(), Stored.id.desc()).limit(limit)
    return (await session.execute(query.execution_options(populate_existing=True))).scalars().all()


async def due(session: AsyncSession, before: datetime) -> Sequence[uuid.UUID]:
    """Those for which something was due by then that nobody has done."""
    waiting = Stored.done_at.is_(None) & Stored.lapsed_at.is_(None)
    query = select(Stored.id).where(waiting, func.coalesce(Stored.lapse_at, Stored.due_at) <= before)
    return (await session.execute(query.order_by(Stored.id))).scalars().all()


async def figures(session: AsyncSession, bot: str, since: datetime | None) -> dict[str, int]:
    """What came of what a bot asked for since then, in numbers.

    ``violations``: refused attempts to decide; ``unknown``: also those that people have settled.
    """
    mine = _since(Request.bot == bot, Request.created_at, since)
    asked = mine & (Request.kind == Kind.ACTION)
    settled = select(Settlement.request_id)
    wanted = {
        "requests": select(func.count()).where(asked),
        "denied": select(func.count()).where(asked, Request.status == Status.DENIED),
        "unknown": select(func.count()).where(asked, or_(Request.status == Status.UNKNOWN, Request.id.in_(settled))),
        "rollbacks": select(func.count()).where(mine, Request.kind == Kind.ROLLBACK),
        "violations": select(func.coalesce(func.sum(Refusal.count), 0))
        .join(Request, Request.id == Refusal.request_id)
        .where(mine),
        "by_permission": select(func.count(distinct(Request.id))).where(
            asked, Request.verdict["permission"].astext.is_not(None)
        ),
    }
    row = (await session.execute(select(*(one.scalar_subquery().label(name) for name, one in wanted.items())))).one()
    return {name: int(value) for name, value in zip(wanted, row, strict=True)}


async def exceptions(session: AsyncSession, bot: str, since: datetime | None, limit: int) -> list[dict[str, Any]]:
    """What was released alone since then and what was found of it, the newest first."""
    query = select(Review.id, Review.request_id, Request.action, Review.finding)
    query = query.join(Request, Request.id == Review.request_id)
    query = query.where(_since(Review.bot == bot, Review.opened_at, since))
    rows = await session.execute(query.order_by(Review.opened_at.desc(), Review.id).limit(limit))
    return [
        {"review": str(row.id), "request": str(row.request_id), "action": row.action, "finding": row.finding}
        for row in rows
    ]


async def permissions(session: AsyncSession, bot: str, now: datetime, limit: int) -> Sequence[StandingPermission]:
    """The standing permissions of a bot that have not ended, the newest first."""
    mine = (StandingPermission.bot == bot) & StandingPermission.revoked_at.is_(None)
    query = select(StandingPermission).where(mine, StandingPermission.expires_at > now)
    query = query.order_by(StandingPermission.granted_at.desc(), StandingPermission.id).limit(limit)
    return (await session.execute(query)).scalars().all()


def _since(mine: ColumnElement[bool], at: Any, since: datetime | None) -> ColumnElement[bool]:
    return mine if since is None else mine & (at > since)
