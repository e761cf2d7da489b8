"""Redemptions of grants. Flush yes, commit no."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import redemption_tables as tables

Stored = tables.GrantRedemption


async def first(session: AsyncSession, redemption: Stored) -> bool:
    """Keep it, unless its grant has one already; True when it was kept. One statement: of many at once, one."""
    values = {column.name: getattr(redemption, column.name) for column in Stored.__table__.columns}
    kept = await session.execute(insert(Stored).values(values).on_conflict_do_nothing().returning(Stored.jti))
    return kept.first() is not None


async def of_grant(session: AsyncSession, jti: str) -> Stored | None:
    """The redemption of a grant."""
    return await session.get(Stored, jti, populate_existing=True)
