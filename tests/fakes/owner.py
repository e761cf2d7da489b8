"""A customer's own worker: it takes what Interlock hands over, and does it at their system over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from temporalio.client import Client
from temporalio.worker import Worker

from app.grants.activity import Order, Owner, Refused


@dataclass(slots=True)
class Hands:
    """What such a worker has done. ``may_fetch``: cleared, it waits before it fetches a grant."""

    may_fetch: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    orders: list[Order] = field(default_factory=list)

    def hold(self) -> None:
        """From now on nothing is fetched."""
        self.may_fetch.clear()
        self.waiting.clear()

    async def on_its_way(self, request: httpx.Request) -> None:
        """Before each call of Interlock."""
        if request.url.path.endswith("/fetch"):
            self.waiting.set()
            await self.may_fetch.wait()


@asynccontextmanager
async def at_work(
    client: Client, queue: str, api_url: str, credentials: tuple[str, str], system_url: str
) -> AsyncIterator[Hands]:
    """A worker on their queue. ``client``: their own; ``credentials``: of a client of the target."""
    hands = Hands()
    hands.may_fetch.set()
    hooks = {"request": [hands.on_its_way]}
    async with (
        httpx.AsyncClient(base_url=api_url, event_hooks=hooks, timeout=30) as interlock,
        httpx.AsyncClient(base_url=system_url, timeout=60) as system,
    ):
        owner = Owner(interlock, *credentials)

        @owner.activity("do.it")
        async def do_it(order: Order) -> Any:
            hands.orders.append(order)
            answer = await system.post(f"/{order.action}", json=order.parameters, headers=order.headers)
            if answer.status_code == 409:
                raise Refused(answer.json())
            if answer.status_code >= 500:
                raise RuntimeError(f"it broke over {order.parameters} with {order.grant}")
            return answer.json()

        async with Worker(client, task_queue=queue, activities=[do_it]):
            yield hands
