"""Approved use cases. Flush yes, commit no."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import use_case_tables as tables

Stored = tables.UseCase


async def newest(session: AsyncSession, bot: str) -> Stored | None:
    """The one that stands, as of now."""
    query = select(Stored).where(Stored.bot == bot).order_by(Stored.approved_at.desc(), Stored.id.desc()).limit(1)
    return (await session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()


async def unwritten(session: AsyncSession) -> Sequence[Stored]:
    """Those that an upgrade has left without their statement, locked, by bot."""
    query = select(Stored).where(Stored.statement.is_(None)).order_by(Stored.bot).with_for_update(skip_locked=True)
    return (await session.execute(query.execution_options(populate_existing=True))).scalars().all()
