"""What is exported: sealed entries by leaf index, and how far each endpoint has been sent them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

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
