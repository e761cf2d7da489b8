"""A server that says what a test wants it to, over real HTTP: what Slack may answer, and what networks may do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from app.slack.web import Slack

TOKEN = "xoxb-1-s3cret"
Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Asked:
    """A call that came in."""

    verb: str
    method: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass(slots=True)
class SmallSlack:
    """``reply`` answers every call; ``asked``: the calls so far."""

    reply: Reply
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Keep the call and answer it."""
        raw = await request.read()
        body = json.loads(raw) if request.content_type == "application/json" else raw.decode()
        headers = {name.lower(): value for name, value in request.headers.items()}
        method = request.path.rpartition("/")[2]
        self.asked.append(Asked(request.method, method, dict(request.query), headers, body))
        return await self.reply(request)


@asynccontextmanager
async def small_slack(reply: Reply, *, within: float = 5.0) -> AsyncIterator[tuple[SmallSlack, Slack]]:
    """A server on loopback, and a client of it."""
    fake = SmallSlack(reply)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.handle)
    async with TestServer(app) as server:
        fake.url = str(server.make_url("/api/"))
        client = Slack(TOKEN, api_url=fake.url.rstrip("/"), timeout=within)
        try:
            yield fake, client
        finally:
            await client.close()


def says(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    """Answers every call with this JSON."""

    async def reply(_: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status, headers=headers)

    return reply


def sends(text: bytes, *, status: int = 200, headers: dict[str, str]) -> Reply:
    """Answers every call with these bytes."""

    async def reply(_: web.Request) -> web.StreamResponse:
        return web.Response(body=text, status=status, headers=headers)

    return reply


async def cuts(request: web.Request) -> web.StreamResponse:
    """Closes the connection instead of answering."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def cuts_halfway(request: web.Request) -> web.StreamResponse:
    """Closes the connection in the middle of a good answer."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"ok": true, ')
    return await cuts(request)


async def never(_: web.Request) -> web.StreamResponse:
    """Answers nothing, for as long as the connection lasts."""
    await asyncio.Event().wait()
    raise AssertionError
