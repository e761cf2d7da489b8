"""What is exported: sealed entries by leaf index, and how far each endpoint has been sent them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.export_tables import ExportCursor

MOST = 1000
"""Entries of one page at most."""
MOST_BYTES = 4_000_000
"""Bytes of the bodies of one page at most, unless its first one alone has more."""

_SEALED = text("select coalesce(max(size), 0) from checkpoint")
_PAGE = text("""
    select leaf, stream, n, body, leaf_hash from (
        select l.index as leaf, e.stream, e.n, e.body, e.leaf_hash,
               sum(length(e.body)) over (order by l.index) as bytes
        from (select index, entry_id from leaf where index >= :first and index < :end order by index limit :most) l
        left join entry e on e.id = l.entry_id
    ) page
    where bytes <= :bytes or leaf = :first or bytes is null
    order by leaf
""")


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """An entry with its place in the tree."""

    leaf: int
    stream: str
    n: int
    body: bytes
    leaf_hash: bytes


class LedgerGap(Exception):
    """A leaf or its entry is missing below the newest checkpoint: nothing is exported across a gap."""


async def sealed(session: AsyncSession) -> int:
    """How many leaves are under a checkpoint: those below this index stay what they are."""
    return int((await session.execute(_SEALED)).scalar_one())


async def page(session: AsyncSession, first: int, end: int, most: int = MOST) -> Sequence[SealedEntry]:
    """The entries of the leaves from ``first`` on, below ``end``, at most so many, and at least one if there is one.

    ``end``: at most what `sealed` says. Raises LedgerGap.
    """
    if first >= end:
        return ()
    asked = {"first": first, "end": end, "most": min(most, MOST), "bytes": MOST_BYTES}
    found = [
        SealedEntry(row.leaf, row.stream, row.n, bytes(row.body or b""), bytes(row.leaf_hash or b""))
        for row in await session.execute(_PAGE, asked)
    ]
    for index, entry in enumerate(found, start=first):
        if entry.leaf != index or not entry.body:
            raise LedgerGap(_missing(index))
    if not found:
        raise LedgerGap(_missing(first))
    return found


def _missing(leaf: int) -> str:
    return f"leaf {leaf} of the sealed ledger is missing: run interlock ledger verify"


async def begin(session: AsyncSession, endpoint: str, first: int) -> None:
    """Keep where an endpoint begins, unless it has begun."""
    now = func.clock_timestamp()
    row = insert(ExportCursor).values(endpoint=endpoint, next_leaf=first, tries=0, due_at=now)
    await session.execute(row.on_conflict_do_nothing())


async def due(session: AsyncSession, endpoint: str) -> int | None:
    """The next leaf of an endpoint; None while it is to be left alone."""
    query = select(ExportCursor.next_leaf).where(
        ExportCursor.endpoint == endpoint, ExportCursor.due_at <= func.clock_timestamp()
    )
    return (await session.execute(query)).scalar_one_or_none()


async def cursor(session: AsyncSession, endpoint: str) -> ExportCursor:
    """An endpoint's row, locked."""
    query = select(ExportCursor).where(ExportCursor.endpoint == endpoint).with_for_update()
    return (await session.execute(query.execution_options(populate_existing=True))).scalar_one()


def took(row: ExportCursor, leaf: int) -> None:
    """An endpoint has taken this leaf; one that is not the next has been counted before."""
    if row.next_leaf == leaf:
        row.next_leaf, row.tries, row.failing_since, row.alerted_at, row.error = leaf + 1, 0, None, None, None


async def failed(session: AsyncSession, row: ExportCursor, error: str, longest: timedelta, alert: timedelta) -> bool:
    """An endpoint has not taken its next leaf; it is tried later and later. True when that is to be said aloud."""
    now = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    row.failing_since, row.error = row.failing_since or now, error
    row.due_at = now + min(longest, timedelta(seconds=2 ** min(row.tries, 20)))
    row.tries += 1
    if row.alerted_at is not None and now < row.alerted_at + alert:
        return False
    row.alerted_at = now
    return True
