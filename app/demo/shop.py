"""A look behind the shop's counter, and its door as the bot uses it for reads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx

from app.demo.expect import Unexpected
from app.domain.digest import sha256

Json = dict[str, Any]

ROWS = """
    select to_jsonb(o)::text from purchase o where order_id = $1
    union all select to_jsonb(i)::text from purchase_item i where order_id = $1
    union all select to_jsonb(p)::text from payment p where order_id = $1
    union all select to_jsonb(m)::text from payment_method m
        where user_id = (select user_id from purchase where order_id = $1)
    order by 1
"""
"""An order, its lines and its payments, and what its customer pays with."""
ADDRESSES = """
    select to_jsonb(c)::text from customer c
    union all select to_jsonb(o)::text from purchase o
    order by 1
"""


class Shop:
    """The shop: its database for checks, its read endpoints for the bot."""

    def __init__(self, url: str, connection: Any) -> None:
        self._url = url
        self._database = connection

    async def status(self, order_id: str) -> str:
        """How an order stands in the shop's database."""
        return str(await self._database.fetchval("SELECT status FROM purchase WHERE order_id = $1", order_id))

    async def rows(self, order_id: str) -> list[str]:
        """All that a change of an order can touch, row by row."""
        return [row[0] for row in await self._database.fetch(ROWS, order_id)]

    async def addresses(self) -> list[str]:
        """All accounts and all orders, row by row: wherever an address is."""
        return [row[0] for row in await self._database.fetch(ADDRESSES)]

    async def refunded(self, order_id: str) -> int:
        """How much of an order was paid back, in cents."""
        question = (
            "SELECT coalesce(sum(amount_minor), 0) FROM payment WHERE order_id = $1 AND transaction_type = 'refund'"
        )
        return int(await self._database.fetchval(question, order_id))

    async def effects(self, request: Json) -> int:
        """How often the shop did what a request asked for."""
        return int(await self._database.fetchval("SELECT count(*) FROM effect WHERE key = $1", request["id"]))

    async def read(self, tool: str, request: Json) -> Json:
        """Look something up under a request's grant, as the bot does."""
        headers = {
            "Authorization": f"Bearer {request['grant']['grant']}",
            "Interlock-Request": request["id"],
            "Interlock-Parameters-Digest": sha256(request["parameters"]),
        }
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            answer = await http.post(f"{self._url}/read/{tool}", json=request["parameters"], headers=headers)
        if answer.status_code != 200:
            raise Unexpected(f"the shop answers the bot's read: expected 200, got {answer.status_code} {answer.text}")
        found: Json = answer.json()
        return found


@asynccontextmanager
async def shop(url: str, database_url: str) -> AsyncIterator[Shop]:
    """The running shop."""
    connection = await asyncpg.connect(database_url)
    try:
        yield Shop(url, connection)
    finally:
        await connection.close()
