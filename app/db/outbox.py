"""Marks of what must be told: claimed for a while, done when the version that was sent is the one that stands."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, bindparam, case, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.tables import Outbox, Request

BATCH = 200
COUNTED = ("nudge", "incident")
"""Sinks whose marks say "look again", not which version to tell."""
WAITS = {"webhook": (15, 3600)}
"""Sinks whose marks, once claimed, are left alone for so many seconds, and at most for so many when told in vain."""
_WAITS = (5, 30)
_MARKS = "marks"

_CLAIM = text(
    """
    with due as (
        select sink, request_id from outbox
        where sink = :sink and version > told_version and due_at <= clock_timestamp()
        order by due_at limit :batch for update skip locked
    )
    update outbox set tries = outbox.tries + 1,
        due_at = clock_timestamp()
            + least(:longest, :shortest * power(2, least(outbox.tries, 10))) * interval '1 second'
    from due where outbox.sink = due.sink and outbox.request_id = due.request_id
    returning outbox.request_id, outbox.version
    """
)

_TOLD = text(
    """
    update outbox set told_version = told.version, tries = 0, due_at = clock_timestamp()
    from unnest(cast(:ids as uuid[]), cast(:versions as bigint[])) as told(id, version)
    where sink = :sink and request_id = told.id and told_version < told.version
    """
)


class Mark(NamedTuple):
    """A request and the version of it that must be told."""

    request_id: uuid.UUID
    version: int


def mark(session: AsyncSession, sink: str, request_id: uuid.UUID, version: int) -> None:
    """Say in this transaction that a sink must be told of this version; versions only grow."""
    marks = session.info.setdefault(_MARKS, {})
    marks[sink, request_id] = max(version, marks.get((sink, request_id), 0))


def nudge(session: AsyncSession, request_id: uuid.UUID) -> None:
    """Say in this transaction that the workflow of a request must look at its row again."""
    session.info.setdefault(_MARKS, {})["nudge", request_id] = 1


async def write_marks(session: AsyncSession) -> None:
    """Write the marks of this transaction, last and sorted: two that mark each other's requests never deadlock."""
    marks = session.info.pop(_MARKS, {})
    if not marks:
        return
    rows = [
        {"sink": sink, "request_id": request_id, "version": marks[sink, request_id]}
        for sink, request_id in sorted(marks)
    ]
    new = insert(Outbox).values(rows)
    newer = case(
        (Outbox.sink.in_(COUNTED), Outbox.version + 1), else_=func.greatest(Outbox.version, new.excluded.version)
    )
    due = {"version": newer, "due_at": func.clock_timestamp(), "tries": 0}
    await session.execute(new.on_conflict_do_update(index_elements=["sink", "request_id"], set_=due))


async def again(session: AsyncSession, sink: str, where: ColumnElement[bool]) -> None:
    """Have a sink told of these requests once more, though nothing of theirs has changed. ``where``: on `Request`.

    Locked in the order in which marks are written, so that the two never wait for each other.
    """
    due = select(Outbox.request_id).join(Request, Request.id == Outbox.request_id)
    due = due.where(Outbox.sink == sink, where).order_by(Outbox.request_id).with_for_update(of=Outbox)
    ordered = due.cte("ordered")
    told = update(Outbox).where(Outbox.sink == sink, Outbox.request_id == ordered.c.request_id)
    values = {"told_version": Outbox.version - 1, "due_at": func.clock_timestamp(), "tries": 0}
    await session.execute(told.values(values).execution_options(synchronize_session=False))


async def nudge_all(session: AsyncSession, where: ColumnElement[bool]) -> None:
    """Say that the workflows of all these requests must look at their rows again. ``where``: on `Request`."""
    which = select(literal("nudge"), Request.id, literal(1)).where(where, Request.has_workflow).order_by(Request.id)
    new = insert(Outbox).from_select(["sink", "request_id", "version"], which)
    due = {"version": Outbox.version + 1, "due_at": func.clock_timestamp(), "tries": 0}
    await session.execute(new.on_conflict_do_update(index_elements=["sink", "request_id"], set_=due))


async def claim(session: AsyncSession, sink: str) -> Sequence[Mark]:
    """Take what is due for a sink, for 5 s and then longer each time it is not told; others skip what is taken."""
    shortest, longest = WAITS.get(sink, _WAITS)
    given = {"sink": sink, "batch": BATCH, "shortest": shortest, "longest": longest}
    rows = (await session.execute(_CLAIM, given)).all()
    return [Mark(row.request_id, row.version) for row in rows]


async def told(session: AsyncSession, sink: str, marks: Sequence[Mark]) -> None:
    """Record what was told; a newer version stays due."""
    given = {"sink": sink, "ids": [m.request_id for m in marks], "versions": [m.version for m in marks]}
    await session.execute(_TOLD.bindparams(bindparam("ids"), bindparam("versions")), given)
