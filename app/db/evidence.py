"""What a bundle is made of: entries with their leaves, hashes of the tree, cards, requests that belong together."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import sealing
from app.db.incident_tables import IncidentItem
from app.db.sealing_tables import Leaf
from app.db.slack_tables import CardShown
from app.db.tables import Entry, Request
from app.domain.tree import Span, nodes_of, proof

LONGEST_CHAIN = 16


@dataclass(frozen=True, slots=True)
class Line:
    """An entry of the ledger; ``leaf``: its place in the tree, None until it is sealed."""

    leaf: int | None
    stream: str
    n: int
    body: bytes


async def of_streams(session: AsyncSession, streams: Collection[str]) -> list[Line]:
    """All entries of these streams, sealed or not."""
    return await _lines(session, Entry.stream.in_(streams))


async def of_policies(session: AsyncSession, versions: Collection[str]) -> list[Line]:
    """The entries that tell when these versions were put in force, and by whom."""
    installed = text(
        "stream = 'installation' and convert_from(body, 'utf8')::jsonb #>> '{kind}' = 'policy-installed'"
        " and convert_from(body, 'utf8')::jsonb #>> '{facts,policy_version}' = any(:versions)"
    ).bindparams(versions=list(versions))
    return await _lines(session, installed)


async def of_span(session: AsyncSession, first: int, last: int) -> list[Line]:
    """The entries of these leaves."""
    return await _lines(session, Leaf.index.between(first, last))


async def span(session: AsyncSession, since: datetime, until: datetime) -> tuple[int, int] | None:
    """The leaves between the last checkpoint before ``since`` and the first from ``until`` on; None of nothing."""
    query = text("""
        select
            coalesce((select max(size) from checkpoint where signed_at < :since), 0) as first,
            coalesce(
                (select min(size) from checkpoint where signed_at >= :until), (select max(size) from checkpoint), 0
            ) as end
    """)
    first, end = (await session.execute(query, {"since": since, "until": until})).one()
    return None if end <= first else (first, end - 1)


async def _lines(session: AsyncSession, condition: Any) -> list[Line]:
    query = (
        select(Leaf.index, Entry.stream, Entry.n, Entry.body)
        .select_from(Entry)
        .outerjoin(Leaf, Leaf.entry_id == Entry.id)
    )
    rows = await session.execute(query.where(condition).order_by(Leaf.index.nulls_last(), Entry.id))
    return [Line(leaf, stream, n, body) for leaf, stream, n, body in rows]


async def proofs(session: AsyncSession, spans: Sequence[Sequence[Span]]) -> list[list[bytes]]:
    """The hashes of as many proofs, each over its spans. Raises TreeBroken."""
    nodes = {node for one in spans for span_ in one for node in nodes_of(*span_)}
    hashes = await sealing.hashes(session, nodes)
    return [proof(one, hashes.__getitem__) for one in spans]


async def cards(session: AsyncSession, request_ids: Collection[uuid.UUID]) -> Sequence[CardShown]:
    """What was put before people of these requests."""
    query = select(CardShown).where(CardShown.request_id.in_(request_ids))
    return (await session.execute(query.order_by(CardShown.request_id, CardShown.at, CardShown.hash))).scalars().all()


async def together(session: AsyncSession, row: Request) -> list[Request]:
    """A request, the chain that it came from, what it undoes, and what undoes it; each once."""
    found = {row.id: row}
    above = row.parent
    while above is not None and above not in found and len(found) <= LONGEST_CHAIN:
        parent = await session.get(Request, above)
        if parent is None:
            break
        found[parent.id], above = parent, parent.parent
    original = None if row.reverses is None else await session.get(Request, row.reverses)
    undoing = await session.execute(select(Request).where(Request.reverses == row.id))
    for one in (*([original] if original else []), *undoing.scalars()):
        found[one.id] = one
    return list(found.values())


async def of_incident(session: AsyncSession, rollbacks: Iterable[Request]) -> list[Request]:
    """The rollbacks of an incident, what they undo, and the rollbacks of each that have begun."""
    ids = [one.id for one in rollbacks]
    items = select(IncidentItem.original, IncidentItem.undo).where(IncidentItem.request_id.in_(ids))
    about = {id_ for pair in await session.execute(items) for id_ in pair}
    query = (
        select(Request).where(or_(Request.id.in_(ids), Request.id.in_(about))).order_by(Request.created_at, Request.id)
    )
    return list((await session.execute(query)).scalars())
