"""The stop switch: its exclusive lock, who stands in its way, what is in flight. Flush yes, commit no."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.governance import BOT_LOCK, INSTALLATION_LOCK
from app.db.tables import Bot, ExecutionAttempt, Installation, Request
from app.domain.request import Kind
from app.domain.states import Status

_END_HOLDERS = text(
    """
    select count(pg_terminate_backend(pid)) from pg_locks join pg_stat_activity using (pid)
    where locktype = 'advisory' and objsubid = 2 and granted and pid <> :waiting
        and xact_start < clock_timestamp() - interval '200 milliseconds'
        and pid not in (
            select pid from pg_locks
            where locktype = 'advisory' and objsubid = 2 and classid in (1, 2) and mode = 'ExclusiveLock'
        )
        and database = (select oid from pg_database where datname = current_database())
        and classid::bigint = :first
        and objid::bigint = case when cast(:bot as text) is null then 0 else hashtext(:bot)::bigint & 4294967295 end
    """
)
"""``pg_locks`` shows the two keys of an advisory lock as unsigned numbers. Spared are other stops, and sessions that
have let go meanwhile and begun something else: who stands in the way has done so for longer than that.
"""


async def lock(session: AsyncSession, bot: str | None) -> None:
    """Wait until no step of this bot (None: of any) is under way, and let none begin; PostgreSQL's queue is fair.

    The installation's lock comes first, as in every step.
    """
    if bot is None:
        await session.execute(select(func.pg_advisory_xact_lock(INSTALLATION_LOCK, 0)))
        return
    await session.execute(select(func.pg_advisory_xact_lock_shared(INSTALLATION_LOCK, 0)))
    await session.execute(select(func.pg_advisory_xact_lock(BOT_LOCK, func.hashtext(bot))))


async def own_pid(session: AsyncSession) -> int:
    """The server process of this session."""
    return int((await session.execute(select(func.pg_backend_pid()))).scalar_one())


async def end_holders(session: AsyncSession, bot: str | None, waiting: int) -> int:
    """End the sessions that hold the lock which the session ``waiting`` is after; how many."""
    given = {"waiting": waiting, "first": INSTALLATION_LOCK if bot is None else BOT_LOCK, "bot": bot}
    return int((await session.execute(_END_HOLDERS, given)).scalar_one())


class InFlight(NamedTuple):
    """An attempt without outcome."""

    request_id: uuid.UUID
    attempt: int
    action: str
    started_at: datetime


async def in_flight(session: AsyncSession, bot: str | None) -> Sequence[InFlight]:
    """The attempts at actions of this bot (None: of all) that have no outcome: only these can still reach a target."""
    query = select(Request.id, ExecutionAttempt.n, Request.action, ExecutionAttempt.started_at).join(
        ExecutionAttempt, ExecutionAttempt.request_id == Request.id
    )
    query = query.where(Request.kind == Kind.ACTION, ExecutionAttempt.outcome.is_(None))
    if bot is not None:
        query = query.where(Request.bot == bot)
    rows = await session.execute(query.order_by(ExecutionAttempt.started_at, Request.id))
    return [InFlight(*row) for row in rows]


def stopped() -> ColumnElement[bool]:
    """The condition on `Request` that its bot or the installation was stopped since its admission, before it started.

    It is revoked, though that may not have been recorded yet.
    """
    bot_epoch = select(Bot.stop_epoch).where(Bot.id == Request.bot).scalar_subquery()
    epochs = func.jsonb_build_array(
        select(Installation.stop_epoch).scalar_subquery(), func.coalesce(bot_epoch, literal(0))
    )
    waiting = Request.status.in_([Status.HELD, Status.APPROVED])
    return and_(Request.kind == Kind.ACTION, waiting, Request.stop_epochs != epochs)


async def is_stopped(session: AsyncSession, request_id: uuid.UUID) -> bool:
    """True for what was read as held or approved and a stop has revoked, recorded meanwhile or not: of one moment."""
    recorded = and_(Request.status == Status.REVOKED, Request.ended_why == "stopped")
    query = select(Request.id).where(Request.id == request_id, or_(stopped(), recorded))
    return (await session.execute(query)).first() is not None


async def stopped_requests(session: AsyncSession, after: uuid.UUID, limit: int) -> Sequence[uuid.UUID]:
    """Requests whose revocation has not been recorded yet, by id, beyond the given one."""
    query = select(Request.id).where(stopped(), Request.id > after).order_by(Request.id).limit(limit)
    return (await session.execute(query)).scalars().all()


async def epochs(session: AsyncSession) -> int:
    """How many stops there were: of the installation, and of all bots."""
    bots = select(func.coalesce(func.sum(Bot.stop_epoch), 0)).scalar_subquery()
    return int((await session.execute(select(Installation.stop_epoch + bots))).scalar_one())


async def open_requests(session: AsyncSession, bot: str | None) -> int:
    """How many held or approved requests a stop of this bot (None: of all) would revoke."""
    query = select(func.count()).where(Request.kind == Kind.ACTION, or_(literal(bot is None), Request.bot == bot))
    waiting = Request.status.in_([Status.HELD, Status.APPROVED])
    return int((await session.execute(query.where(waiting, ~stopped()))).scalar_one())
