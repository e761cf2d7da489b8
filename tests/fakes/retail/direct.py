"""The shop without HTTP: the same writes straight on a database, and its rows to compare two databases by."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fakes.retail import shapes, tables
from tests.fakes.retail.problems import ShopProblem
from tests.fakes.retail.tools import TOOLS


async def apply(conn: AsyncConnection, tool: str, arguments: Any) -> tuple[int, dict[str, Any]]:
    """Runs a tool by name and answers (status, body) as HTTP would; a refusal leaves nothing behind.

    The caller commits. Needs no grant and keeps no idempotency key. Raises `KeyError` for a tool that does not exist.
    """
    wanted = TOOLS[tool]
    try:
        async with conn.begin_nested():
            return 200, await wanted.run(conn, shapes.read(wanted.shape, arguments))
    except ShopProblem as problem:
        return problem.status, dict(problem.body)


async def snapshot(conn: AsyncConnection) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table of the shop, by table, in the order of its primary key."""
    rows = {}
    for table in tables.SHOP:
        found = await conn.execute(select(table).order_by(*table.primary_key))
        rows[table.name] = [dict(row) for row in found.mappings()]
    return rows
