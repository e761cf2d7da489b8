"""A target that does what a test tells it to, over real HTTP, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakes.retail.serving import serving


@dataclass(slots=True)
class Seen:
    """One call that arrived."""

    path: str
    key: str
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass(slots=True)
class Desk:
    """``script(thing, 503, 200)``: how the next calls for that thing are answered; 0 hangs until `release`."""

    url: str = ""
    seen: dict[str, list[Seen]] = field(default_factory=lambda: defaultdict(list))
    scripts: dict[str, deque[int]] = field(default_factory=lambda: defaultdict(deque))
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    gates: dict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))

    def script(self, thing: str, *statuses: int) -> None:
        """The answers to the next calls for this thing; afterwards 200."""
        self.scripts[thing].extend(statuses)

    def release(self, thing: str) -> None:
        """Let a hanging call for this thing go on."""
        self.gates[thing].set()

    async def called(self, thing: str, times: int = 1) -> list[Seen]:
        """The calls for this thing, once there are that many."""
        async with self.arrived:
            await asyncio.wait_for(self.arrived.wait_for(lambda: len(self.seen[thing]) >= times), 60)
        return self.seen[thing]

    async def answer(self, request: Request) -> Response:
        """Answer a call as scripted."""
        body = await request.json()
        thing = body["thing"]
        async with self.arrived:
            key = request.headers["idempotency-key"]
            self.seen[thing].append(Seen(request.url.path, key, body, dict(request.headers)))
            self.arrived.notify_all()
        status = self.scripts[thing].popleft() if self.scripts[thing] else 200
        if status == 0:
            await self.gates[thing].wait()
            status = 200
        return JSONResponse({"done": thing} if status < 400 else {"error": f"status {status}"}, status)


@asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    """A desk that serves on a free port of loopback."""
    made = Desk()
    app = Starlette(routes=[Route("/{path:path}", made.answer, methods=["POST"])])
    async with serving(app) as url:
        made.url = url
        yield made
