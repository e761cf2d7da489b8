"""Idempotency keys: a write runs once, and whoever asks again gets the answer of that one time."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tests.fakes.retail import shapes, tables
from tests.fakes.retail.problems import Malformed, Refused
from tests.fakes.retail.tools import Tool


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer as it was given, byte for byte."""

    status: int
    answer: str


async def once(
    database: AsyncEngine,
    tool: Tool,
    key: str,
    body_digest: str,
    body: shapes.Body,
    *,
    redeem: Callable[[], Awaitable[None]] | None = None,
) -> Stored:
    """Runs the write, or answers what it answered before, in one transaction with its effect.

    ``redeem``: called right before the write runs, and only then; what it raises leaves nothing.
    A success and a refusal (409) are kept; any other problem is raised and leaves nothing. Raises `Malformed` when
    the key was used for something else. Two calls with one key: the second waits on the first one's row.
    """
    async with database.begin() as conn:
        if not await _claimed(conn, tool, key, body_digest):
            return await _standing(conn, tool, key, body_digest)
        if redeem is not None:
            await redeem()
        stored = await _outcome(conn, tool, key, body)
        kept = update(tables.idempotency).where(tables.idempotency.c.key == key)
        await conn.execute(kept.values(status=stored.status, answer=stored.answer))
        return stored


async def _claimed(conn: AsyncConnection, tool: Tool, key: str, body_digest: str) -> bool:
    row = upsert(tables.idempotency).values(key=key, path=tool.path, body_digest=body_digest)
    return bool((await conn.execute(row.on_conflict_do_nothing())).rowcount)


async def _standing(conn: AsyncConnection, tool: Tool, key: str, body_digest: str) -> Stored:
    row = (await conn.execute(select(tables.idempotency).where(tables.idempotency.c.key == key))).one()
    if (row.path, row.body_digest) != (tool.path, body_digest):
        raise Malformed("idempotency-key-reused", "This idempotency key was used for another call")
    return Stored(row.status, row.answer)


async def _outcome(conn: AsyncConnection, tool: Tool, key: str, body: shapes.Body) -> Stored:
    try:
        async with conn.begin_nested():
            answer = await tool.run(conn, body)
            await conn.execute(insert(tables.effect).values(key=key, path=tool.path))
            return Stored(200, json.dumps(answer))
    except Refused as refusal:
        return Stored(refusal.status, json.dumps(refusal.body))


async def effects(conn: AsyncConnection) -> list[dict[str, Any]]:
    """Every effect that there was, in order: which key, which path, when."""
    rows = await conn.execute(select(tables.effect).order_by(tables.effect.c.at))
    return [{"key": row.key, "path": row.path, "at": row.at.isoformat()} for row in rows]
