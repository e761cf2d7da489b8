"""What has been kept for long enough, by data class; and its deletion. Flush yes, commit no."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Text, delete, exists, select, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.erasures import NOT_OVER, patiently
from app.db.slack_tables import CardShown, LinkCode
from app.db.tables import Attempt, Outbox, Request
from app.domain.request import Kind

REQUESTS, ATTEMPTS, CARDS, OUTBOX, CODES = "requests", "attempts", "cards", "outbox", "codes"
"""The classes."""

_SAID = exists().where(Attempt.request_id == Request.id, type_coerce(Attempt.body, Text) != "{}")
_SHOWN = exists().where(CardShown.request_id == Request.id)
_HAS: Mapping[str, ColumnElement[bool]] = MappingProxyType(
    {REQUESTS: Request.kind != Kind.GOVERNANCE, ATTEMPTS: _SAID, CARDS: _SHOWN}
)
"""Of which requests there is something to erase. How the rules came to be is kept."""


async def over(session: AsyncSession, what: str, before: datetime, after: uuid.UUID, limit: int) -> list[uuid.UUID]:
    """Requests that were over before then and have content of this class, by id."""
    query = select(Request.id).where(
        Request.updated_at < before, Request.status.not_in(NOT_OVER), Request.erased_at.is_(None), _HAS[what]
    )
    return list((await session.execute(query.where(Request.id > after).order_by(Request.id).limit(limit))).scalars())


async def _attempts(session: AsyncSession, request_id: uuid.UUID) -> None:
    query = update(Attempt).where(Attempt.request_id == request_id).values(body={}, idempotency_key=None)
    await session.execute(query.execution_options(synchronize_session=False))


async def _cards(session: AsyncSession, request_id: uuid.UUID) -> None:
    await session.execute(delete(CardShown).where(CardShown.request_id == request_id))


PRUNE: Mapping[str, Callable[[AsyncSession, uuid.UUID], Awaitable[None]]] = MappingProxyType(
    {ATTEMPTS: _attempts, CARDS: _cards}
)
"""What is taken from a request whose other content stays."""


async def told(session: AsyncSession, before: datetime) -> int:
    """Delete the marks of what was told before then, of requests that are over; how many."""
    done = select(Request.id).where(Request.updated_at < before, Request.status.not_in(NOT_OVER))
    query = delete(Outbox).where(
        Outbox.told_version >= Outbox.version, Outbox.due_at < before, Outbox.request_id.in_(done)
    )
    return await _many(session, query)


async def codes(session: AsyncSession, before: datetime) -> int:
    """Delete the one-time codes that expired before then; how many."""
    return await _many(session, delete(LinkCode).where(LinkCode.expires_at < before))


async def _many(session: AsyncSession, query: Any) -> int:
    await patiently(session, 60)
    done: Any = await session.execute(query.execution_options(synchronize_session=False))
    return int(done.rowcount)
