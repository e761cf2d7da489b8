"""Writing entries, in the fact's own transaction. Reading them back, in order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.tables import Entry, StreamHead
from app.domain.ledger import GENESIS, Stored, entry_body, leaf_hash


async def append(session: AsyncSession, stream: str, kind: str, at: datetime, facts: dict[str, Any]) -> None:
    """Add one entry to a stream whose lock the caller holds: the request's row, or `lock_stream`.

    ``facts``: JSON; persons only as pids, personal data only sealed.
    """
    await extend(session, stream, at, [(kind, facts)])


async def extend(
    session: AsyncSession, stream: str, at: datetime, entries: Sequence[tuple[str, dict[str, Any]]]
) -> None:
    """Add entries, ``(kind, facts)`` each, in this order; as `append`."""
    if not entries:
        return
    last = select(Entry.n, Entry.body).where(Entry.stream == stream).order_by(Entry.n.desc()).limit(1)
    found = (await session.execute(last)).first()
    n, prev = (1, GENESIS) if found is None else (found.n + 1, leaf_hash(found.body))
    rows = []
    for kind, facts in entries:
        body = entry_body(stream=stream, n=n, prev=prev, kind=kind, at=at, facts=facts)
        rows.append({"stream": stream, "n": n, "body": body})
        n, prev = n + 1, leaf_hash(body)
    await session.execute(insert(Entry).values(rows))


async def lock_stream(session: AsyncSession, stream: str) -> None:
    """Lock a stream that is not a request's, for this transaction; last of all locks, sorted."""
    await session.execute(insert(StreamHead).values(stream=stream).on_conflict_do_nothing())
    await session.execute(select(StreamHead).where(StreamHead.stream == stream).with_for_update())


async def read(session: AsyncSession, stream: str) -> Sequence[Stored]:
    """A stream's entries in order."""
    query = select(Entry.stream, Entry.n, Entry.body).where(Entry.stream == stream).order_by(Entry.n)
    return [Stored(row.stream, row.n, row.body) for row in (await session.execute(query)).all()]


async def streams(session: AsyncSession) -> Sequence[str]:
    """The names of all streams."""
    return (await session.execute(select(Entry.stream).distinct().order_by(Entry.stream))).scalars().all()
