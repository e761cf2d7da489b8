"""What a bot has taken of its budgets. Flush yes, commit no; the caller holds the budget's lock."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Numeric,
    Subquery,
    Text,
    case,
    cast,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.db.requests import NOT_COUNTED
from app.db.stops import stopped
from app.db.tables import Request
from app.domain.request import Kind
from app.domain.states import Status
from app.domain.verdict import Outcome

HOLDS_LOCK = 8
"""First key of the advisory locks on budgets of what is held; other modules of `app.db` have more."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What counts: asks of this bot for these actions. ``without``: a request that is about to be superseded."""

    bot: str
    actions: Sequence[str]
    without: uuid.UUID | None


async def lock_holds(session: AsyncSession, names: Sequence[str]) -> None:
    """One at a time may count what is held, and add to it; in sorted order, after all locks on windows and budgets."""
    for name in sorted(names):
        await session.execute(select(func.pg_advisory_xact_lock(HOLDS_LOCK, func.hashtext(name))))


async def held(session: AsyncSession, taken: Taken) -> int:
    """How many of them wait for people now; what a stop has revoked does not, recorded meanwhile or not."""
    waiting = Request.status == literal_column(f"'{Status.HELD.value}'")  # a value: the partial index is of constants
    where = [Request.bot == taken.bot, Request.kind == literal_column(f"'{Kind.ACTION.value}'"), waiting, ~stopped()]
    where += [Request.action.in_(taken.actions), *_not_superseded(taken)]
    return int((await session.execute(select(func.count()).select_from(Request).where(*where))).scalar_one())


async def asked(session: AsyncSession, taken: Taken, since: datetime) -> int:
    """How many of them were not denied at once, whatever became of them: who cancels and asks again is not new."""
    query = select(func.count()).select_from(Request).where(*_asked(taken, since))
    return int((await session.execute(query)).scalar_one())


async def amount(session: AsyncSession, taken: Taken, since: datetime, parameter: str) -> int | None:
    """The sum of a parameter of those that have run or still may; None when one of them has no whole number there."""
    moved = _moved(taken, since, parameter)
    value = _number(moved)
    figure = func.coalesce(func.sum(func.greatest(value, 0)), 0)
    unknown = func.count().filter(_no_whole_number(value))
    row = (await session.execute(select(figure, unknown).select_from(moved))).one()
    return None if row[1] else int(row[0])


async def nth_asked(session: AsyncSession, taken: Taken, since: datetime, n: int) -> datetime | None:
    """When the nth oldest of those that `asked` counts was asked."""
    query = select(Request.created_at).where(*_asked(taken, since)).order_by(Request.created_at, Request.id)
    return (await session.execute(query.offset(n - 1).limit(1))).scalar_one_or_none()


async def amount_gone(
    session: AsyncSession, taken: Taken, since: datetime, parameter: str, least: int
) -> datetime | None:
    """When the last of the oldest was asked that together make up at least so much of what `amount` adds up."""
    moved = _moved(taken, since, parameter, Request.created_at, Request.id)
    running = func.sum(func.greatest(_number(moved), 0)).over(order_by=(moved.c.created_at, moved.c.id))
    inner = select(moved.c.created_at, running.label("running")).subquery()
    query = select(inner.c.created_at).where(inner.c.running >= literal(least, Numeric))
    return (await session.execute(query.order_by(inner.c.created_at).limit(1))).scalar_one_or_none()


async def last_unknown(session: AsyncSession, taken: Taken, since: datetime, parameter: str) -> datetime | None:
    """When the newest was asked that has no whole number there."""
    moved = _moved(taken, since, parameter)
    query = select(func.max(moved.c.created_at)).where(_no_whole_number(_number(moved)))
    newest: datetime | None = (await session.execute(query)).scalar_one_or_none()
    return newest


def _of_bot(taken: Taken, since: datetime) -> list[ColumnElement[bool]]:
    """In the words of the index ``request_budget``, constants as they stand there."""
    return [
        Request.asker_kind == literal_column("'bot'"),
        Request.asker_id == taken.bot,
        Request.created_at > since,
        Request.action.in_(taken.actions),
    ]


def _not_denied_at_once() -> ColumnElement[bool]:
    return Request.verdict.op("->>")(literal_column("'outcome'")) != literal_column(f"'{Outcome.DENY.value}'")


def _asked(taken: Taken, since: datetime) -> list[ColumnElement[bool]]:
    return [*_of_bot(taken, since), _not_denied_at_once()]


def _moving(taken: Taken, since: datetime) -> list[ColumnElement[bool]]:
    """What was denied at once is not counted by its status either; the index leaves it out."""
    known = [*_of_bot(taken, since), _not_denied_at_once()]
    return [*known, Request.status.not_in(NOT_COUNTED), *_not_superseded(taken)]


def _moved(taken: Taken, since: datetime, parameter: str, *order: InstrumentedAttribute[Any]) -> Subquery:
    """What there is of a parameter in each: its JSON is read here, and because of the offset not once for each use."""
    value = type_coerce(Request.parameters, Text).cast(JSONB)[parameter]
    query = select(Request.created_at, Request.id, value.label("value")).where(*_moving(taken, since))
    return query.order_by(*order).offset(0).subquery()


def _not_superseded(taken: Taken) -> list[ColumnElement[bool]]:
    if taken.without is None:
        return []
    return [or_(Request.id != taken.without, Request.status.not_in([Status.HELD, Status.APPROVED]))]


def _number(moved: Subquery) -> ColumnElement[object]:
    """The number there; null for what is none. A row may be older than the schema that says it must be one."""
    value = moved.c.value
    return case((func.jsonb_typeof(value) == "number", cast(value, Numeric)))


def _no_whole_number(value: ColumnElement[object]) -> ColumnElement[bool]:
    return or_(value.is_(None), not_(value == func.trunc(value)))
