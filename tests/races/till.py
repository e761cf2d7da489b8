"""A target that notices when two calls about one thing are in it at once."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakes.retail.serving import serving


@dataclass(slots=True)
class Till:
    """Calls stay in until ``let_go`` for their thing is set; ``came``: request ids in the order of their arrival.

    ``overlaps``: the things that two calls were at, at once.
    """

    url: str = ""
    came: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    let_go: dict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    overlaps: set[str] = field(default_factory=set)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    _inside: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    async def called(self, thing: str) -> str:
        """The request whose call came first, once one has."""
        async with self.arrived:
            await asyncio.wait_for(self.arrived.wait_for(lambda: self.came[thing]), 30)
        return self.came[thing][0]

    async def answer(self, request: Request) -> Response:
        """Do it, and remember whether somebody else was at it."""
        thing = (await request.json())["thing"]
        async with self.arrived:
            self.came[thing].append(request.headers["idempotency-key"])
            self.arrived.notify_all()
        self._inside[thing] += 1
        if self._inside[thing] > 1:
            self.overlaps.add(thing)
        try:
            await asyncio.wait_for(self.let_go[thing].wait(), 20)
        finally:
            self._inside[thing] -= 1
        return JSONResponse({"done": thing})


@asynccontextmanager
async def till() -> AsyncIterator[Till]:
    """A till that serves on a free port of loopback."""
    made = Till()
    async with serving(Starlette(routes=[Route("/{path:path}", made.answer, methods=["POST"])])) as url:
        made.url = url
        yield made
