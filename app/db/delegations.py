"""Who decides for whom, and since when. Flush yes, commit no."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import delegation_tables as tables
from app.db.tables import Person
from app.domain.delegation import LONGEST, Delegation

Stored = tables.Delegation


_LATELY = text(
    """
    select person_id, delegate_id, created_at, starts_at, ends_at, ended_at from delegation
    where ends_at > :since order by created_at
    """
)
"""As text: every step reads it, and building it anew took longer than running it (measured)."""


async def running(session: AsyncSession, now: datetime) -> Sequence[Delegation]:
    """Those that are in their period and were not ended."""
    rows = await session.execute(_LATELY, {"since": now - LONGEST})
    return [Delegation(*row[:5]) for row in rows if _runs(row, now)]


def _runs(row: Row[Any], now: datetime) -> bool:
    return row.ended_at is None and row.starts_at <= now < row.ends_at


async def by_id(session: AsyncSession, delegation_id: uuid.UUID) -> Stored | None:
    """A delegation as it stands now."""
    return await session.get(Stored, delegation_id, populate_existing=True)


async def overlapping(session: AsyncSession, person_id: str, starts_at: datetime, ends_at: datetime) -> Stored | None:
    """A delegation by this person that would be in force at the same time. The caller holds their stream's lock."""
    query = select(Stored).where(
        Stored.person_id == person_id,
        Stored.ended_at.is_(None),
        Stored.starts_at < ends_at,
        Stored.ends_at > starts_at,
    )
    return (await session.execute(query.order_by(Stored.starts_at).limit(1))).scalar_one_or_none()


async def listed(session: AsyncSession, now: datetime, person_id: str | None) -> Sequence[Stored]:
    """Those that are, or are still to come, by begin; given or received by this person, or of all."""
    query = select(Stored).where(_live(now))
    if person_id is not None:
        query = query.where(or_(Stored.person_id == person_id, Stored.delegate_id == person_id))
    query = query.order_by(Stored.starts_at, Stored.id).execution_options(populate_existing=True)
    return (await session.execute(query)).scalars().all()


def _live(now: datetime) -> ColumnElement[bool]:
    return Stored.ended_at.is_(None) & (Stored.ends_at > now)


async def received(session: AsyncSession, now: datetime, delegate_id: str) -> Sequence[Delegation]:
    """Those that run now and make this person the delegate of somebody who has not left."""
    query = select(Stored).join(Person, Person.id == Stored.person_id)
    query = query.where(_live(now), Stored.starts_at <= now, Stored.delegate_id == delegate_id, Person.active)
    return [_as_domain(row) for row in (await session.execute(query)).scalars()]


def _as_domain(row: Stored) -> Delegation:
    return Delegation(row.person_id, row.delegate_id, row.created_at, row.starts_at, row.ends_at)


async def given_since(session: AsyncSession, person_id: str, since: datetime) -> int:
    """How many this person has given since then, ended or not."""
    query = select(func.count()).where(Stored.person_id == person_id, Stored.created_at > since)
    return int((await session.execute(query)).scalar_one())
