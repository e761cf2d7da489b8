"""The sealed ledger's rows: which entries have no leaf yet, and what the hashes of the tree are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.sealing_tables import SequencerState, SignedHead
from app.domain.note import Checkpoint
from app.domain.tree import Node, node_hash

SEQUENCER_LOCK = 10
"""First key of the session's advisory lock that the leading sequencer holds; other modules of `app.db` have more."""

RADIX = 8
"""Levels between two that are kept: nodes of every eighth level, the leaves among them."""

_UNSEALED = text("""
    select e.id, e.leaf_hash from entry e left join leaf l on l.entry_id = e.id
    where e.xid::xid8 >= cast(cast(:horizon as text) as xid8) and l.entry_id is null
    order by e.id limit :most
""")
_LEAVES = text("""
    select index, hash from leaf where index = any(cast(:indexes as bigint[]))
""")
_SUBTREES = text("""
    select height, index, hash from subtree
    join unnest(cast(:heights as int[]), cast(:indexes as bigint[])) as wanted(height, index) using (height, index)
""")
_ADD_LEAVES = text("""
    insert into leaf (index, entry_id, hash)
    select * from unnest(cast(:indexes as bigint[]), cast(:entries as bigint[]), cast(:hashes as bytea[]))
""")
_ADD_SUBTREE = text("insert into subtree (height, index, hash) values (:height, :index, :hash)")


class TreeBroken(Exception):
    """A hash that the tree needs is not kept: rows of the sealed ledger are missing."""


@dataclass(frozen=True, slots=True)
class State:
    """How far the log is sealed; see `SequencerState`."""

    origin: str
    size: int
    horizon: str


async def begin(session: AsyncSession, origin: str) -> None:
    """Begin a log of this name, unless one is begun."""
    begun = insert(SequencerState).values(id=1, origin=origin, size=0, horizon="0")
    await session.execute(begun.on_conflict_do_nothing())


async def state(session: AsyncSession) -> State | None:
    """How far the log is sealed; None when nothing ever was."""
    row = await session.get(SequencerState, 1, populate_existing=True)
    return None if row is None else State(row.origin, row.size, row.horizon)


async def advance(session: AsyncSession, size: int, horizon: str) -> None:
    """Record how far the log is sealed now."""
    await session.execute(
        text("update sequencer_state set size = :size, horizon = :horizon where id = 1"),
        {"size": size, "horizon": horizon},
    )


async def horizon(session: AsyncSession) -> str:
    """The oldest transaction that this one's snapshot takes for unfinished: all before it are over, and seen."""
    return str((await session.execute(text("select pg_snapshot_xmin(pg_current_snapshot())::text"))).scalar_one())


async def forget_horizon_of_elsewhere(session: AsyncSession) -> None:
    """Look at all entries once more where the horizon lies ahead of all transactions: a dump restored elsewhere."""
    await session.execute(
        text("""
        update sequencer_state set horizon = '0'
        where cast(horizon as xid8) > pg_snapshot_xmax(pg_current_snapshot())
    """)
    )


async def unsealed(session: AsyncSession, horizon_: str, most: int) -> Sequence[tuple[int, bytes]]:
    """Committed entries without a leaf, of transactions from ``horizon_`` on: id and leaf hash, in order of ids.

    Within a stream that is its order: whoever adds to it holds its lock until the commit.
    """
    rows = await session.execute(_UNSEALED, {"horizon": horizon_, "most": most})
    return [(row.id, row.leaf_hash) for row in rows]


async def add(
    session: AsyncSession, first: int, entries: Sequence[tuple[int, bytes]], made: Iterable[tuple[Node, bytes]]
) -> None:
    """Give entries (id and leaf hash) their leaves, from index ``first`` on.

    Of the nodes ``made`` those of a kept level are kept.
    """
    columns = {
        "indexes": list(range(first, first + len(entries))),
        "entries": [id_ for id_, _ in entries],
        "hashes": [hash_ for _, hash_ in entries],
    }
    await session.execute(_ADD_LEAVES, columns)
    kept = [
        {"height": level // RADIX, "index": index, "hash": hash_}
        for (level, index), hash_ in made
        if level % RADIX == 0
    ]
    if kept:
        await session.execute(_ADD_SUBTREE, kept)


async def hashes(session: AsyncSession, nodes: Iterable[Node]) -> dict[Node, bytes]:
    """The hashes of complete subtrees, each made of at most 128 that are kept.

    Raises TreeBroken when one of those is missing.
    """
    wanted = set(nodes)
    places = sorted({(level // RADIX, place) for level, index in wanted for place in _places(level, index)})
    kept = await _kept(session, places)
    return {node: _made(node, kept) for node in wanted}


def _places(level: int, index: int) -> range:
    """Where a node's parts of the kept level at or below it are."""
    below = level % RADIX
    return range(index << below, (index + 1) << below)


async def _kept(session: AsyncSession, places: Sequence[tuple[int, int]]) -> dict[Node, bytes]:
    """What is kept there, by height and index. Two statements for all: most of a proof's time is the way there."""
    kept: dict[Node, bytes] = {}
    leaves = [index for height, index in places if height == 0]
    if leaves:
        found = await session.execute(_LEAVES, {"indexes": leaves})
        kept |= {(0, index): bytes(hash_) for index, hash_ in found}
    above = [place for place in places if place[0] > 0]
    if above:
        heights, indexes = (list(column) for column in zip(*above, strict=True))
        rows = await session.execute(_SUBTREES, {"heights": heights, "indexes": indexes})
        kept |= {(height * RADIX, index): bytes(hash_) for height, index, hash_ in rows}
    return kept


def _made(node: Node, kept: dict[Node, bytes]) -> bytes:
    level, index = node
    below = level % RADIX
    try:
        row = [kept[level - below, place] for place in _places(level, index)]
    except KeyError:
        raise TreeBroken(f"no hash is kept for a part of the {1 << level} leaves from {index << level} on") from None
    while len(row) > 1:
        row = [node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]


async def add_checkpoint(session: AsyncSession, head: Checkpoint, note: str) -> None:
    """Keep a signed head."""
    session.add(SignedHead(origin=head.origin, size=head.size, root=head.root, note=note))
    await session.flush()


async def newest(session: AsyncSession, *, at_least: int = 0) -> SignedHead | None:
    """The newest checkpoint; None when there is none of ``at_least`` that many leaves."""
    rows = await session.execute(
        text("select origin, size from checkpoint where size >= :size order by size desc limit 1"), {"size": at_least}
    )
    row = rows.first()
    return None if row is None else await session.get(SignedHead, (row.origin, row.size))


async def note_of(session: AsyncSession, origin: str, size: int) -> str | None:
    """The signed note over a tree of just this size; None where none was signed."""
    row = await session.get(SignedHead, (origin, size))
    return None if row is None else row.note


@dataclass(frozen=True, slots=True)
class Backlog:
    """Entries that are recorded and have no leaf. ``oldest``: seconds since the first of them; None without any."""

    recorded: int
    unsealed: int
    oldest: float | None


async def backlog(session: AsyncSession) -> Backlog:
    """How far sealing is behind, of all entries that there are; seconds, for millions of them."""
    await session.execute(text("set local statement_timeout = '60s'"))
    recorded = (await session.execute(text("select count(*) from entry"))).scalar_one()
    known = await state(session)
    found = await session.execute(
        text("""
        select count(*) as unsealed, extract(epoch from clock_timestamp() - min(e.created_at))::float8 as oldest
        from entry e left join leaf l on l.entry_id = e.id
        where e.xid::xid8 >= cast(cast(:horizon as text) as xid8) and l.entry_id is null
    """),
        {"horizon": "0" if known is None else known.horizon},
    )
    row = found.one()
    return Backlog(int(recorded), int(row.unsealed), row.oldest)
