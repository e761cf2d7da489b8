"""Standing permissions and their uses. Flush yes, commit no."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import permission_tables as tables
from app.domain.permission import Permission

Stored = tables.StandingPermission


async def to_use(session: AsyncSession, bot: str, action: str) -> Sequence[Stored]:
    """Those of a bot for an action that were not revoked and have uses left, locked in the order of their ids.

    One at a time may count a use, and a revocation waits for it, or it for the revocation.
    """
    query = select(Stored).where(
        Stored.bot == bot, Stored.action == action, Stored.revoked_at.is_(None), Stored.uses < Stored.max_uses
    )
    query = query.order_by(Stored.id).with_for_update(key_share=True).execution_options(populate_existing=True)
    return (await session.execute(query)).scalars().all()


async def shared(session: AsyncSession, permission_id: uuid.UUID) -> Stored | None:
    """One as it stands, and cannot be revoked until this transaction ends."""
    query = select(Stored).where(Stored.id == permission_id).with_for_update(read=True)
    return (await session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()


async def locked(session: AsyncSession, permission_id: uuid.UUID) -> Stored | None:
    """One as it stands, to be revoked."""
    query = select(Stored).where(Stored.id == permission_id).with_for_update(key_share=True)
    return (await session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()


async def by_id(session: AsyncSession, permission_id: uuid.UUID) -> Stored | None:
    """One as it stands, only looked at."""
    return await session.get(Stored, permission_id, populate_existing=True)


async def listed(session: AsyncSession, bots: Collection[str] | None, most: int) -> Sequence[Stored]:
    """Of these bots (None: of all), the newest first."""
    query = select(Stored).order_by(Stored.granted_at.desc(), Stored.id).limit(most)
    if bots is not None:
        query = query.where(Stored.bot.in_(sorted(bots)))
    return (await session.execute(query.execution_options(populate_existing=True))).scalars().all()


def as_domain(row: Stored) -> Permission:
    """What is judged of it."""
    return Permission(
        bot=row.bot,
        action=row.action,
        action_version=row.action_version,
        when=row.condition,
        max_uses=row.max_uses,
        uses=row.uses,
        parameter=row.max_parameter,
        at_most=row.max_total,
        total=row.total,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
