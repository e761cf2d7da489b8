"""Incidents, what they are about, and how far their rollbacks are. Flush yes, commit no."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Uuid, cast, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.incident_tables import Incident, IncidentItem
from app.db.tables import ExecutionAttempt, Request
from app.domain.request import Kind
from app.domain.states import Status

INCIDENT_LOCK = 9
"""First key of the advisory lock that a pause takes exclusively, and each start of an item shared."""


async def by_id(session: AsyncSession, incident_id: uuid.UUID) -> Incident | None:
    """As it stands, without a lock."""
    return await session.get(Incident, incident_id, populate_existing=True)


async def locked(session: AsyncSession, incident_id: uuid.UUID) -> Incident | None:
    """Locked for this transaction: after the locks of bots, before those of requests."""
    query = select(Incident).where(Incident.id == incident_id).with_for_update(key_share=True)
    return (await session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()


async def stop_items(session: AsyncSession, request_id: uuid.UUID) -> None:
    """Wait until no item of this rollback is about to start, and let none start before this transaction ends."""
    await session.execute(select(func.pg_advisory_xact_lock(INCIDENT_LOCK, func.hashtext(str(request_id)))))


async def share_items(session: AsyncSession, request_id: uuid.UUID) -> None:
    """Let no pause of this rollback come between here and the end of this transaction."""
    await session.execute(select(func.pg_advisory_xact_lock_shared(INCIDENT_LOCK, func.hashtext(str(request_id)))))


async def of_rollback(session: AsyncSession, request_id: uuid.UUID) -> Incident | None:
    """The incident that this request undoes, as it stands now."""
    query = select(Incident).join(Request, Request.id == request_id)
    query = query.where(Incident.id == cast(Request.undoes["incident"].astext, Uuid))
    return (await session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()


async def rollbacks_of(session: AsyncSession, incident: Incident, action: str) -> Sequence[Request]:
    """All requests to undo this incident, the oldest first, whatever came of them. ``action``: what they are called."""
    query = select(Request).where(
        Request.action == action,
        Request.kind == Kind.INCIDENT_ROLLBACK,
        Request.created_at >= incident.opened_at,
        Request.undoes["incident"].astext == str(incident.id),
    )
    rows = await session.execute(query.order_by(Request.created_at, Request.id))
    return rows.scalars().all()


async def rolling_back(session: AsyncSession) -> Sequence[uuid.UUID]:
    """The requests by which incidents are being rolled back, those of paused and just closed ones too."""
    query = select(Request.id).join(Incident, Incident.rollback == Request.id)
    return (await session.execute(query.where(Request.status == Status.EXECUTING))).scalars().all()


class Started(NamedTuple):
    """A request that was started, and when."""

    row: Request
    at: datetime


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose requests, and when they were started. ``bots``, ``actions``: None for all; ``but``: none of these."""

    since: datetime
    until: datetime
    bots: Collection[str] | None = None
    actions: Collection[str] | None = None
    but: Collection[str] = ()


async def started(
    session: AsyncSession, scope: Scope, *, limit: int, only: Collection[uuid.UUID] | None = None
) -> Sequence[Started]:
    """The actions of bots that were started in this span, the newest first. ``only``: of these."""
    first = ExecutionAttempt.n == 1
    query = select(Request, ExecutionAttempt.started_at).join(
        ExecutionAttempt, (ExecutionAttempt.request_id == Request.id) & first
    )
    query = query.where(Request.kind == Kind.ACTION, *_within(scope))
    if only is not None:
        query = query.where(Request.id.in_(only))
    query = query.order_by(ExecutionAttempt.started_at.desc(), Request.id).limit(limit)
    rows = await session.execute(query.execution_options(populate_existing=True))
    return [Started(*row) for row in rows]


def _within(scope: Scope) -> list[ColumnElement[bool]]:
    where = [ExecutionAttempt.started_at >= scope.since, ExecutionAttempt.started_at <= scope.until]
    if scope.bots is not None:
        where.append(Request.bot.in_(scope.bots))
    if scope.actions is not None:
        where.append(Request.action.in_(scope.actions))
    if scope.but:
        where.append(Request.action.not_in(scope.but))
    return where


async def last_attempts(session: AsyncSession, request_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, ExecutionAttempt]:
    """The last try at each of these requests."""
    query = select(ExecutionAttempt).where(ExecutionAttempt.request_id.in_(request_ids))
    query = query.order_by(ExecutionAttempt.n).execution_options(populate_existing=True)
    return {attempt.request_id: attempt for attempt in (await session.execute(query)).scalars()}


class Known(NamedTuple):
    """An item with the rollback of its own, once that is there."""

    item: IncidentItem
    row: Request | None


async def items(session: AsyncSession, request_id: uuid.UUID) -> Sequence[Known]:
    """What the rollback of an incident undoes, in its order."""
    query = select(IncidentItem, Request).outerjoin(Request, Request.id == IncidentItem.undo)
    query = query.where(IncidentItem.request_id == request_id).order_by(IncidentItem.n)
    rows = await session.execute(query.execution_options(populate_existing=True))
    return [Known(item, row) for item, row in rows]


async def page(
    session: AsyncSession, *, where: Sequence[ColumnElement[bool]], after: tuple[datetime, uuid.UUID] | None, limit: int
) -> Sequence[Incident]:
    """Incidents that meet all conditions, newest first, beyond the given position."""
    query = select(Incident).where(*where)
    if after is not None:
        query = query.where(tuple_(Incident.opened_at, Incident.id) < tuple_(*after))
    return (
        (await session.execute(query.order_by(Incident.opened_at.desc(), Incident.id.desc()).limit(limit)))
        .scalars()
        .all()
    )
