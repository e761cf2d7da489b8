"""Requests and what hangs on them. Flush yes, commit no."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, Text, cast, func, or_, select, tuple_, type_coerce
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.tables import Attempt, Decision, ExecutionAttempt, Refusal, Request, Settlement
from app.domain.request import Mode
from app.domain.rollback import STANDING
from app.domain.states import NEVER_RAN, OPEN, Status

KEY_LOCK, ADMISSION_LOCK = 4, 5
"""First keys of the advisory locks on a conflict key and on an id being admitted; `app.db.governance` has more."""

NOT_COUNTED = [*(status.value for status in NEVER_RAN), Status.FAILED.value]
"""Windows count all of their span but these (DESIGN.md section 9)."""


async def by_id(session: AsyncSession, request_id: uuid.UUID) -> Request | None:
    """The row as it stands, without a lock."""
    return await session.get(Request, request_id)


async def by_ids(session: AsyncSession, request_ids: Collection[uuid.UUID]) -> Sequence[Request]:
    """The rows as they stand, without a lock; those that there are."""
    query = select(Request).where(Request.id.in_(request_ids)).order_by(Request.id)
    return (await session.execute(query.execution_options(populate_existing=True))).scalars().all()


async def locked_together(session: AsyncSession, request_ids: set[uuid.UUID]) -> dict[uuid.UUID, Request]:
    """As `locked`, several at once, in the one order; those that there are."""
    query = select(Request).where(Request.id.in_(request_ids)).order_by(Request.id).with_for_update(key_share=True)
    rows = (await session.execute(query.execution_options(populate_existing=True))).scalars()
    return {row.id: row for row in rows}


async def locked(session: AsyncSession, request_id: uuid.UUID) -> Request | None:
    """The row, locked for this transaction and read after the lock.

    FOR NO KEY UPDATE: a mark or an attempt of another transaction that names the row by foreign key need not wait.
    """
    query = select(Request).where(Request.id == request_id).with_for_update(key_share=True)
    return (await session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()


async def bot_of(session: AsyncSession, request_id: uuid.UUID) -> tuple[str | None] | None:
    """The bot that it is about, if any, as a 1-tuple; None when there is no such request."""
    found = (await session.execute(select(Request.bot).where(Request.id == request_id))).first()
    return None if found is None else (found.bot,)


async def unknown_with_key(session: AsyncSession, conflict_key: str) -> bool:
    """True while the conflict key is held by a request with an unsettled unknown outcome.

    One whose rollback has taken the key over holds it no more.
    """
    query = select(Request.id).join(ExecutionAttempt, ExecutionAttempt.request_id == Request.id)
    query = query.where(ExecutionAttempt.conflict_key == conflict_key, ExecutionAttempt.holds_key)
    return (await session.execute(query.where(Request.status == Status.UNKNOWN).limit(1))).first() is not None


async def live_rollbacks(session: AsyncSession, request_ids: Sequence[uuid.UUID]) -> Sequence[Request]:
    """The rollbacks of these requests that stand: one each at most, by the index `one_live_rollback`."""
    query = select(Request).where(Request.reverses.in_(request_ids), Request.status.in_(sorted(STANDING)))
    return (await session.execute(query.order_by(Request.created_at))).scalars().all()


async def succeeded(session: AsyncSession, actions: Collection[str], since: datetime) -> Sequence[Request]:
    """The requests for these actions that have succeeded since then, newest first."""
    query = select(Request).where(Request.action.in_(actions), Request.status == Status.SUCCEEDED)
    query = query.where(Request.updated_at > since).order_by(Request.updated_at.desc())
    return (await session.execute(query)).scalars().all()


async def waiting_for_key(session: AsyncSession, conflict_key: str) -> uuid.UUID | None:
    """The oldest approved request with this conflict key that Interlock runs: the next in line."""
    query = select(Request.id).where(
        Request.conflict_key == conflict_key, Request.status == Status.APPROVED, Request.mode != Mode.BOT
    )
    return (await session.execute(query.order_by(Request.created_at).limit(1))).scalar_one_or_none()


@dataclass(frozen=True, slots=True)
class Span:
    """What a window counts: which actions since when, of one bot and on behalf of one or of all.

    ``whose``: a 1-tuple of the subject (or None for nobody) that it is about, or None for whomever. ``without``: a
    request that is about to be superseded.
    """

    actions: Sequence[str]
    since: datetime
    bot: str | None
    whose: tuple[str | None] | None
    without: uuid.UUID | None


async def window_figure(session: AsyncSession, span: Span, parameter: str | None) -> int:
    """How many requests a window counts, or the sum of an integer parameter of theirs."""
    value = cast(type_coerce(Request.parameters, Text).cast(JSONB)[parameter or ""].astext, BigInteger)
    figure = func.count() if parameter is None else func.coalesce(func.sum(func.greatest(value, 0)), 0)
    where: list[ColumnElement[bool]] = [
        Request.action.in_(span.actions),
        Request.created_at > span.since,
        Request.status.not_in(NOT_COUNTED),
    ]
    if span.bot is not None:
        where += [Request.asker_kind == "bot", Request.asker_id == span.bot]
    if span.whose is not None:
        where.append(Request.on_behalf_of.is_not_distinct_from(span.whose[0]))
    if span.without is not None:
        where.append(or_(Request.id != span.without, Request.status.not_in([Status.HELD, Status.APPROVED])))
    return int((await session.execute(select(figure).select_from(Request).where(*where))).scalar_one())


async def decisions(session: AsyncSession, request_id: uuid.UUID) -> Sequence[Decision]:
    """All decisions, oldest first, standing or not."""
    query = select(Decision).where(Decision.request_id == request_id).order_by(Decision.at, Decision.id)
    return (await session.execute(query.execution_options(populate_existing=True))).scalars().all()


async def decisions_of(session: AsyncSession, request_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[Decision]]:
    """All decisions on these requests, by request."""
    found: dict[uuid.UUID, list[Decision]] = {}
    query = select(Decision).where(Decision.request_id.in_(request_ids)).order_by(Decision.at, Decision.id)
    for decision in (await session.execute(query)).scalars():
        found.setdefault(decision.request_id, []).append(decision)
    return found


async def execution_attempts(session: AsyncSession, request_id: uuid.UUID) -> Sequence[ExecutionAttempt]:
    """All tries at the action, in order."""
    query = select(ExecutionAttempt).where(ExecutionAttempt.request_id == request_id).order_by(ExecutionAttempt.n)
    return (await session.execute(query.execution_options(populate_existing=True))).scalars().all()


async def attempt_by_handle(session: AsyncSession, handle_hash: str) -> ExecutionAttempt | None:
    """The execution attempt whose grant is fetched by the handle of this hash."""
    return (
        await session.execute(select(ExecutionAttempt).where(ExecutionAttempt.handle_hash == handle_hash))
    ).scalar_one_or_none()


async def lock_admission(session: AsyncSession, request_id: uuid.UUID) -> None:
    """One at a time may admit this id: its row is not there to lock. After the stop locks, before all others."""
    await session.execute(select(func.pg_advisory_xact_lock(ADMISSION_LOCK, func.hashtext(str(request_id)))))


async def lock_key(session: AsyncSession, conflict_key: str) -> None:
    """One at a time may look whether this conflict key is free and take it."""
    await session.execute(select(func.pg_advisory_xact_lock(KEY_LOCK, func.hashtext(conflict_key))))


async def key_is_taken(session: AsyncSession, conflict_key: str, except_for: Sequence[uuid.UUID]) -> bool:
    """True while a request other than these executes, or is unknown, under this conflict key."""
    query = select(ExecutionAttempt.request_id).where(
        ExecutionAttempt.conflict_key == conflict_key,
        ExecutionAttempt.holds_key,
        ExecutionAttempt.request_id.not_in(except_for),
    )
    return (await session.execute(query.limit(1))).first() is not None


async def settlements(session: AsyncSession, request_id: uuid.UUID) -> Sequence[Settlement]:
    """What people said an unknown outcome was, oldest first."""
    query = select(Settlement).where(Settlement.request_id == request_id).order_by(Settlement.at)
    return (await session.execute(query)).scalars().all()


async def refusal_count(session: AsyncSession, request_id: uuid.UUID) -> int:
    """How many attempts were refused."""
    query = select(func.coalesce(func.sum(Refusal.count), 0)).where(Refusal.request_id == request_id)
    return int((await session.execute(query)).scalar_one())


async def store_attempt(session: AsyncSession, attempt: Attempt) -> Attempt:
    """Keep an attempt under its id; the one that stands when it is there already."""
    values = {column.name: getattr(attempt, column.name) for column in Attempt.__table__.columns}
    await session.execute(insert(Attempt).values(values).on_conflict_do_nothing())
    standing = await session.get(Attempt, attempt.id, populate_existing=True)
    assert standing is not None  # noqa: S101  for the type checker: the insert left one there
    return standing


async def attempt_with_key(session: AsyncSession, request_id: uuid.UUID, actor: str, key: str) -> Attempt | None:
    """The attempt that this actor made on this request under this idempotency key."""
    query = select(Attempt).where(
        Attempt.request_id == request_id, Attempt.actor == actor, Attempt.idempotency_key == key
    )
    return (await session.execute(query.limit(1))).scalar_one_or_none()


async def overdue(session: AsyncSession, before: datetime, limit: int) -> Sequence[Request]:
    """Open rows for which something was due before then, longest overdue first."""
    query = select(Request).where(Request.due_at < before, Request.status.in_([s.value for s in OPEN]))
    return (await session.execute(query.order_by(Request.due_at).limit(limit))).scalars().all()


async def page(
    session: AsyncSession, *, where: Sequence[ColumnElement[bool]], after: tuple[datetime, uuid.UUID] | None, limit: int
) -> Sequence[Request]:
    """Requests that meet all conditions, newest first, beyond the given position."""
    query = select(Request).where(*where)
    if after is not None:
        query = query.where(tuple_(Request.created_at, Request.id) < tuple_(*after))
    query = query.order_by(Request.created_at.desc(), Request.id.desc()).limit(limit)
    return (await session.execute(query)).scalars().all()
