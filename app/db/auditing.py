"""Reading the whole ledger, and what was made of it, as of one moment: for whoever checks it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from app.db.sealing import RADIX
from app.domain.ledger import Stored
from app.domain.sealed import Sealed
from app.domain.tree import Node

_STREAMED = {"yield_per": 2000}
_LEAVES = text("""
    select l.index, l.hash, e.stream, e.n, e.body from leaf l left join entry e on e.id = l.entry_id order by l.index
""")
_OPEN = text("""
    select e.stream, e.n, e.body from entry e left join leaf l on l.entry_id = e.id
    where l.entry_id is null order by e.stream, e.n
""")
_OF_REQUESTS = text("select stream, body from entry where stream like 'request:%' order by stream, n")


@asynccontextmanager
async def moment(url: str) -> AsyncIterator[AsyncConnection]:
    """A connection that reads one moment of the database, for as long as that takes, and cannot write."""
    engine = create_async_engine(
        url, poolclass=NullPool, connect_args={"server_settings": {"application_name": "interlock-verify"}}
    )
    try:
        async with engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield connection
    finally:
        await engine.dispose()


async def leaves(connection: AsyncConnection) -> AsyncIterator[Sealed]:
    """All leaves in order, each with its entry."""
    async with connection.stream(_LEAVES, execution_options=_STREAMED) as rows:
        async for index, hash_, stream, n, body in rows:
            yield Sealed(index, hash_, None if body is None else Stored(stream, n, body))


async def open_entries(connection: AsyncConnection) -> AsyncIterator[Stored]:
    """All entries that have no leaf yet, each stream's in order."""
    async with connection.stream(_OPEN, execution_options=_STREAMED) as rows:
        async for stream, n, body in rows:
            yield Stored(stream, n, body)


async def kept(connection: AsyncConnection) -> dict[Node, bytes]:
    """The hashes of complete subtrees that are kept."""
    rows = await connection.execute(text("select height, index, hash from subtree"))
    return {(height * RADIX, index): hash_ for height, index, hash_ in rows}


async def checkpoints(connection: AsyncConnection) -> Sequence[tuple[str, int, bytes, str]]:
    """Origin, size, root and note of every checkpoint."""
    rows = await connection.execute(text("select origin, size, root, note from checkpoint order by size, origin"))
    return [(row.origin, row.size, row.root, row.note) for row in rows]


async def request_bodies(connection: AsyncConnection) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Each request's stream, and its entries' bodies in order."""
    name, bodies = "", list[bytes]()
    async with connection.stream(_OF_REQUESTS, execution_options=_STREAMED) as rows:
        async for stream, body in rows:
            if stream != name and bodies:
                yield name, bodies
                bodies = []
            name = stream
            bodies.append(body)
    if bodies:
        yield name, bodies


async def rows_of(connection: AsyncConnection, table: str, columns: str) -> Sequence[Any]:
    """These columns of all rows of a table of ours."""
    return (await connection.execute(text(f"select {columns} from {table}"))).all()  # noqa: S608  both are ours


async def pids(connection: AsyncConnection) -> dict[str, str]:
    """The pid of each person."""
    return {id_: str(pid) for id_, pid in await rows_of(connection, "person", "id, pid")}


def request_id(stream: str) -> uuid.UUID | None:
    """The request whose stream this is; None for another's, or one that is called as no request can be."""
    try:
        found = uuid.UUID(stream.removeprefix("request:"))
    except ValueError:
        return None
    return found if stream == f"request:{found}" else None
