"""A ledger that is written and sealed, as tests/ledger/test_sequencer.py does it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.digest import canonical
from app.domain.ledger import leaf_hash
from app.ledger.notes import Signer
from tests.db.test_schema import connected
from tests.ledger.sealing import sealed
from tests.ledger.test_sequencer import write

CHANGE = "update entry set body = overlay(body placing 'X'::bytea from 20) where id = (select entry_id from leaf {})"


async def grown(url: str, signer: Signer, *, stream: str = "request:1", count: int = 1) -> None:
    """More entries, sealed."""
    await write(url, stream, count)
    await sealed(url, signer)


async def by_superuser(url: str, *statements: str) -> None:
    """What only somebody can do who owns the database."""
    async with connected(url) as connection:
        await connection.execute(text("set session_replication_role = replica"))
        for table in ("entry", "leaf", "checkpoint"):
            await connection.execute(text(f"alter table {table} disable trigger all"))
        for statement in statements:
            await connection.execute(text(statement))
        await connection.commit()


async def expected(url: str) -> list[dict[str, Any]]:
    """What an export has to hold, made from the tables by other code."""
    query = "select l.index, e.stream, e.n, e.body from leaf l join entry e on e.id = l.entry_id order by l.index"
    async with connected(url) as connection, AsyncSession(connection) as session:
        rows = (await session.execute(text(query))).all()
    return [
        {
            "leaf": row.index,
            "stream": row.stream,
            "n": row.n,
            "kind": json.loads(row.body)["kind"],
            "at": json.loads(row.body)["at"],
            "leaf_hash": leaf_hash(row.body),
            "body": json.loads(row.body),
        }
        for row in rows
    ]


def whole(lines: Sequence[bytes], first: int = 0) -> list[dict[str, Any]]:
    """The items of lines, after checking them as docs/export.md says that one may."""
    items = [json.loads(line) for line in lines]
    for leaf, item in enumerate(items, start=first):
        assert item["leaf"] == leaf
        assert item["leaf_hash"] == leaf_hash(canonical(item["body"]))
    return items
