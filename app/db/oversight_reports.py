"""Oversight reports as they were prepared and signed. Flush yes, commit no."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import oversight_tables as tables
from app.db.tables import PolicyVersion
from app.domain.oversight import Period, digests

Stored = tables.OversightReport
PREPARED, SIGNED = "prepared", "signed"
LOCK = 18
"""First key of the advisory lock under which one at a time prepares reports; `app.db.governance` has more."""


async def of_period(session: AsyncSession, period: Period) -> Sequence[Stored]:
    """Those of exactly this period, the signed ones first, the newest of them before all."""
    query = select(Stored).where(Stored.since == period.since, Stored.until == period.until)
    query = query.order_by(Stored.status.desc(), Stored.signed_at.desc().nulls_last())
    return (await session.execute(query.execution_options(populate_existing=True))).scalars().all()


async def listed(session: AsyncSession, most: int) -> Sequence[Stored]:
    """The latest periods first."""
    query = select(Stored).order_by(Stored.until.desc(), Stored.since.desc(), Stored.status.desc(), Stored.id)
    return (await session.execute(query.limit(most))).scalars().all()


async def prepare(session: AsyncSession, period: Period, document: dict[str, Any], now: datetime) -> Stored:
    """Keep what was worked out, in the place of what waits for a signature, if anything does."""
    await session.execute(select(func.pg_advisory_xact_lock(LOCK, 0)))
    waiting = [row for row in await of_period(session, period) if row.status == PREPARED]
    said = digests(document)
    row = waiting[0] if waiting else _new(period)
    row.document, row.report, row.figures, row.prepared_at = document, said.report, said.figures, now
    session.add(row)
    await session.flush()
    return row


async def sign(session: AsyncSession, row: Stored, request: uuid.UUID, now: datetime) -> None:
    """Keep one that was prepared as signed, for good."""
    row.status, row.signed_at, row.request = SIGNED, now, request
    await session.flush()


def _new(period: Period) -> Stored:
    return Stored(
        id=uuid.uuid4(), since=period.since, until=period.until, status=PREPARED, signed_at=None, request=None
    )


async def at_work(session: AsyncSession, period: Period) -> bool:
    """True when the installation had rules before this period was over."""
    query = select(PolicyVersion.id).where(PolicyVersion.installed_at < period.until).limit(1)
    return (await session.execute(query)).first() is not None
