"""What concerns a subject, what of it is to be erased, and the erasing of one request. Flush yes, commit no."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    cast,
    delete,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    text,
    type_coerce,
    union,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.erasure_tables import ErasedRequest, Erasure, Subject
from app.db.incident_tables import IncidentItem
from app.db.permission_tables import StandingPermission
from app.db.review_tables import Review
from app.db.slack_tables import CardShown
from app.db.tables import Attempt, DataKey, Decision, ExecutionAttempt, Request, Settlement
from app.domain.request import Kind
from app.domain.states import OPEN, Status

MARK = "(erased)"
"""Stands where a text must stand and none is left."""

TELLING = 8
"""Characters from which a subject's value without its scheme is looked for: shorter ones are words of others, too."""

NOT_OVER = sorted({*(status.value for status in OPEN), Status.UNKNOWN.value})
"""While a request stands at one of these, its content is needed."""


_UNREVIEWED = exists().where(Review.request_id == Request.id, Review.done_at.is_(None))


async def subject_of(session: AsyncSession, hash_: str, *, lock: bool = False) -> Subject:
    """The row of a subject, made when there is none, locked to be changed if asked."""
    row = insert(Subject).values(hash=hash_, pid=uuid.uuid4())
    await session.execute(row.on_conflict_do_nothing())
    query = select(Subject).where(Subject.hash == hash_).execution_options(populate_existing=True)
    return (await session.execute(query.with_for_update() if lock else query)).scalar_one()


async def is_held(session: AsyncSession, hashes: Collection[str]) -> bool:
    """True while a legal hold stands on one of these subjects."""
    query = select(Subject.hash).where(Subject.hash.in_(sorted(hashes)), Subject.held_since.is_not(None))
    return (await session.execute(query.limit(1))).first() is not None


async def open_erasure(session: AsyncSession, pid: uuid.UUID) -> uuid.UUID | None:
    """The order to erase this subject that is being carried out."""
    query = select(Erasure.id).where(Erasure.pid == pid, Erasure.done_at.is_(None))
    return (await session.execute(query)).scalar_one_or_none()


async def undone(session: AsyncSession) -> Sequence[Erasure]:
    """The orders that are being carried out, the oldest first."""
    query = select(Erasure).where(Erasure.done_at.is_(None)).order_by(Erasure.ordered_at)
    return (await session.execute(query)).scalars().all()


async def patiently(session: AsyncSession, seconds: int) -> None:
    """Let this transaction read all requests: it takes longer than a step may."""
    await session.execute(text(f"set local statement_timeout = '{seconds}s'"))


def concerning(subject: str, naming: Collection[str]) -> Select[Any]:
    """The ids of the requests that are for a subject or name them.

    ``naming``: of requests of kind governance, the actions whose parameters name subjects.
    """
    pattern, quoted = _pattern(subject), _pattern(subject, as_json=True)
    for_them = or_(
        Request.on_behalf_of == subject, Request.triggered_by == subject, Request.beneficiaries.contains([subject])
    )
    said = func.concat_ws("\n", type_coerce(Request.parameters, Text), type_coerce(Request.context, Text))
    said = func.concat_ws("\n", said, cast(Request.execution, Text), cast(Request.break_glass, Text))
    words = func.concat_ws("\n", Request.reason, Request.ended_reason, Request.conflict_key)
    meant = or_(Request.kind != Kind.GOVERNANCE, Request.action.in_(sorted(naming)))
    found = union(
        select(Request.id).where(meant, or_(for_them, said.op("~")(quoted), words.op("~")(pattern))),
        select(Decision.request_id).where(Decision.reason.op("~")(pattern)),
        select(Settlement.request_id).where(Settlement.reason.op("~")(pattern)),
        select(Review.request_id).where(Review.reason.op("~")(pattern)),
    ).subquery()
    return select(Request.id).where(Request.id.in_(select(found.c.id)), meant)


def _pattern(subject: str, *, as_json: bool = False) -> str:
    """A regular expression for the subject, or its value where that is long enough, as whole words."""
    value = subject.partition(":")[2]
    names = [subject, *([value] if len(value) >= TELLING else [])]
    if as_json:
        names = [one.replace("\\", "\\\\").replace('"', '\\"') for one in names]
    return rf"(^|[^[:alnum:]_])({'|'.join(map(re.escape, names))})($|[^[:alnum:]_])"


async def open_ones(session: AsyncSession, subject: str, naming: Collection[str], but: uuid.UUID) -> list[uuid.UUID]:
    """The requests that concern a subject and are not over, or not reviewed; ``but``: the one that asks."""
    query = concerning(subject, naming).where(or_(Request.status.in_(NOT_OVER), _UNREVIEWED), Request.id != but)
    return list((await session.execute(query.order_by(Request.created_at).limit(10))).scalars())


async def live_permissions(session: AsyncSession, subject: str) -> list[uuid.UUID]:
    """The standing permissions that name a subject and are in force."""
    named = StandingPermission.condition.op("~")(_pattern(subject, as_json=True))
    live = StandingPermission.revoked_at.is_(None) & (StandingPermission.expires_at > func.clock_timestamp())
    return list((await session.execute(select(StandingPermission.id).where(named, live).limit(10))).scalars())


async def list_up(session: AsyncSession, order: Erasure, subject: str, naming: Collection[str]) -> None:
    """Write down every request that an order is about and that is not written down yet."""
    mine = concerning(subject, naming).where(Request.created_at <= order.ordered_at, Request.id != order.id)
    await _add(session, order.id, mine)
    listed = select(ErasedRequest.request_id).where(ErasedRequest.erasure == order.id)
    other = select(Request.id).where(
        or_(
            Request.reverses.in_(listed),
            Request.id.in_(
                _of_many(listed),
            ),
        )
    )
    await _add(session, order.id, other)


def _of_many(listed: Select[Any]) -> Select[Any]:
    """The rollbacks of incidents that undo one of these, begun or not."""
    original = Request.__table__.alias("original")
    many = Request.__table__.alias("many")
    quotes = func.strpos(cast(many.c.parameters, Text), cast(original.c.id, Text)) > 0
    quoting = select(many.c.id).where(
        many.c.kind == Kind.INCIDENT_ROLLBACK.value,
        exists(select(literal(1)).where(original.c.id.in_(listed), quotes)),
    )
    return union(quoting, select(IncidentItem.request_id).where(IncidentItem.original.in_(listed)))  # type: ignore[return-value]


async def _add(session: AsyncSession, order: uuid.UUID, found: Select[Any]) -> None:
    ids = found.subquery()
    rows = select(ids.c.id, literal(order), null(), null())
    names = ["request_id", "erasure", "erased_at", "history_gone_at"]
    await session.execute(insert(ErasedRequest).from_select(names, rows).on_conflict_do_nothing())


async def waiting(session: AsyncSession, order: uuid.UUID, after: uuid.UUID, limit: int) -> list[uuid.UUID]:
    """Requests of an order whose content is still there, by id."""
    query = select(ErasedRequest.request_id).where(ErasedRequest.erasure == order, ErasedRequest.erased_at.is_(None))
    query = query.where(ErasedRequest.request_id > after).order_by(ErasedRequest.request_id).limit(limit)
    return list((await session.execute(query)).scalars())


async def erased_by(session: AsyncSession, order: uuid.UUID) -> list[uuid.UUID]:
    """The requests whose content has gone on this order."""
    query = select(ErasedRequest.request_id).where(ErasedRequest.erasure == order, ErasedRequest.erased_at.is_not(None))
    return list((await session.execute(query.order_by(ErasedRequest.request_id))).scalars())


async def is_needed(session: AsyncSession, request_id: uuid.UUID) -> bool:
    """True while something that undoes it is not over, or somebody must still review how it was released."""
    undoes = select(Request.id).where(Request.reverses == request_id, Request.status.in_(NOT_OVER))
    unreviewed = select(Request.id).where(Request.id == request_id, _UNREVIEWED)
    return (await session.execute(union(undoes, unreviewed).limit(1))).first() is not None


async def erase_around(session: AsyncSession, row: Request) -> None:
    """Erase what hangs on a request: its key, what was said on it, and what was shown of it."""
    id_ = row.id
    kids = [f"request:{id_}", f"revocation:{id_}"]
    await session.execute(delete(DataKey).where(DataKey.kid.in_(kids)))
    await session.execute(delete(CardShown).where(CardShown.request_id == id_))
    await _blank(session, Attempt, Attempt.request_id == id_, body={}, idempotency_key=None)
    await _blank(session, Decision, and_(Decision.request_id == id_, Decision.reason.is_not(None)), reason=None)
    await _blank(session, Settlement, Settlement.request_id == id_, reason=MARK)
    await _blank(session, ExecutionAttempt, ExecutionAttempt.request_id == id_, conflict_key=None)
    await _blank(session, Review, and_(Review.request_id == id_, Review.reason.is_not(None)), reason=MARK)
    granted = StandingPermission.id == id_
    await _blank(session, StandingPermission, granted, condition="false", revoke_reason=None)


async def _blank(session: AsyncSession, table: Any, where: ColumnElement[bool], **values: Any) -> None:
    await session.execute(update(table).where(where).values(**values).execution_options(synchronize_session=False))


async def mark_erased(session: AsyncSession, request_id: uuid.UUID, order: uuid.UUID | None, at: datetime) -> None:
    """Write down that the content of a request is gone."""
    row = insert(ErasedRequest).values(request_id=request_id, erasure=order, erased_at=at)
    await session.execute(row.on_conflict_do_update(index_elements=["request_id"], set_={"erased_at": at}))


async def with_history(session: AsyncSession, limit: int) -> list[uuid.UUID]:
    """Erased requests of which Temporal may still have something."""
    query = select(ErasedRequest.request_id).where(
        ErasedRequest.erased_at.is_not(None), ErasedRequest.history_gone_at.is_(None)
    )
    return list((await session.execute(query.order_by(ErasedRequest.erased_at).limit(limit))).scalars())


async def history_gone(session: AsyncSession, request_id: uuid.UUID, at: datetime) -> None:
    """Write down that Temporal has nothing of it any more."""
    query = update(ErasedRequest).where(ErasedRequest.request_id == request_id)
    await session.execute(query.values(history_gone_at=at).execution_options(synchronize_session=False))


WORDS = (
    ("delegation", "reason", MARK),
    ("incident", "title", MARK),
    ("incident", "summary", MARK),
    ("owner_review", "reason", MARK),
    ("bot", "stop_reason", MARK),
    ("installation", "stop_reason", MARK),
)
"""People's own words about other things: blanked where they name a subject that is erased."""


async def blank_words(session: AsyncSession, subject: str) -> int:
    """Blank people's words where they name a subject; how many there were."""
    many = 0
    for table, column, mark in WORDS:
        statement = f"update {table} set {column} = :mark where {column} ~ :pattern"  # noqa: S608  constants of ours
        done: Any = await session.execute(text(statement), {"mark": mark, "pattern": _pattern(subject)})
        many += done.rowcount
    return many
