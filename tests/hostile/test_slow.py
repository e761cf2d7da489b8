"""Who is slow on purpose gets an answer or an end in time, keeps nobody else waiting, and leaves nothing behind.

The limits are the API's own, made short; the server is configured as `app.main` does it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app import main
from app.api import connection, reading
from app.api.app import create_app
from app.devstack.ports import free_port
from app.identity.tokens import Authenticator
from app.settings import load
from tests.api.conftest import BASE, Api
from tests.hostile.counting import change, counts
from tests.hostile.wire import Answer, Lines, head, one
from tests.world import World

BODY_WITHIN = 1.0
HEAD_WITHIN = 2.0
ANSWERED_WITHIN = 5.0
CLOSED_WITHIN = 15.0
"""By then a connection is gone whose caller only dribbles: the limits, uvicorn's 5 s of keep-alive, some patience."""

JSON = (b"Content-Type", b"application/json")
FORM = (b"Content-Type", b"application/x-www-form-urlencoded")


@pytest.fixture(scope="module")
async def api(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """The application on a real server in this process, so that its limits can be made short."""
    rings = world.rings
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "BODY_WITHIN", BODY_WITHIN)
        patch.setattr(connection, "HEAD_WITHIN", HEAD_WITHIN)
        async with httpx.AsyncClient() as outside:
            authenticator = Authenticator(
                base_url=BASE, tokens=rings.tokens, issuers=(), http=outside, dev=rings.dev_issuer
            )
            app = create_app(world.services, authenticator, ready=partial(main.readiness, world.services))
            serving = _serving(app, tmp_path_factory.mktemp("keys"))
            async with serving as url, httpx.AsyncClient(base_url=url, timeout=60) as http:
                yield Api(app, http, world)


@asynccontextmanager
async def _serving(app: Any, keys: Path) -> AsyncIterator[str]:
    port = free_port()
    variables = {
        "INTERLOCK_DATABASE__URL": "postgresql://nobody@127.0.0.1:9/none",
        "INTERLOCK_KEYS__DIR": str(keys),
        "INTERLOCK_API__PORT": str(port),
        "INTERLOCK_API__BASE_URL": f"http://127.0.0.1:{port}",
    }
    running = uvicorn.Server(main._config(app, load(variables)))  # noqa: SLF001  the API's own configuration
    serving = asyncio.create_task(running._serve())  # noqa: SLF001  without taking over the signals of pytest
    async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(30), reraise=True):
        with attempt:
            assert running.started
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        running.force_exit = running.should_exit = True
        await serving


@dataclass(frozen=True, slots=True)
class Slow:
    """How a slow caller fared. ``answered``, ``closed``: after how many seconds; None for what did not come in time."""

    answer: Answer | None
    answered: float | None
    closed: float | None


async def dribble(api: Api, start: bytes, drip: bytes, *, every: float = 0.2) -> Slow:
    """Send a start, then the same few bytes again and again until the connection is closed or the time is over."""
    port = api.http.base_url.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()
    answered = asyncio.create_task(_answer(reader, began))
    closed = None
    try:
        writer.write(start)
        while closed is None and time.monotonic() - began < CLOSED_WITHIN:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(answered), every)
            closed = await _closed(reader, began) if answered.done() else None
            if closed is None and drip:
                with suppress(ConnectionError):
                    writer.write(drip)
                    await writer.drain()
    finally:
        writer.transport.abort()
    answer, seconds = await answered if answered.done() else (None, None)
    answered.cancel()
    return Slow(answer, seconds, closed)


async def _answer(reader: asyncio.StreamReader, began: float) -> tuple[Answer | None, float | None]:
    try:
        return await one(reader), time.monotonic() - began
    except (asyncio.IncompleteReadError, ConnectionError):
        return None, None


async def _closed(reader: asyncio.StreamReader, began: float) -> float | None:
    """When the connection was closed, should it be within a moment."""
    with suppress(TimeoutError, ConnectionError):
        await asyncio.wait_for(reader.read(1024), 0.2)
    return time.monotonic() - began if reader.at_eof() else None


async def served_meanwhile(api: Api, others: asyncio.Task[Any]) -> float:
    """The longest that anybody else waited for an answer, until the slow ones are done with."""
    longest = 0.0
    while not others.done():
        began = time.monotonic()
        answer = await api.http.get("/v1/requests?limit=1", headers=api.person("anya"))
        assert answer.status_code == 200
        longest = max(longest, time.monotonic() - began)
        await asyncio.wait({others}, timeout=0.1)
    return longest


def a_line(who: dict[str, str]) -> Lines:
    return tuple((name.encode(), value.encode()) for name, value in who.items())


async def bodies(api: Api) -> dict[str, bytes]:
    """The head of a call that may be made, by route; its body is yet to come."""
    held, running = (await api.ask("do.two")).json(), (await api.ask("look.up", on_behalf_of=None)).json()
    bot, dana, ivan = a_line(api.client()), a_line(api.person("dana")), a_line(api.person("ivan"))
    keyed = (*ivan, (b"Idempotency-Key", b"slow"))
    length, chunked = (b"Content-Length", b"1000"), (b"Transfer-Encoding", b"chunked")
    on_held, on_running = f"/v1/requests/{held['id']}", f"/v1/requests/{running['id']}"
    return {
        "token": head("POST", "/oauth/token", (FORM, length)),
        "ask": head("POST", "/v1/requests", (*bot, (b"Idempotency-Key", b"slow"), JSON, length)),
        "ask, in chunks": head("POST", "/v1/requests", (*bot, (b"Idempotency-Key", b"slow"), JSON, chunked)),
        "decisions": head("POST", on_held + "/decisions", (*dana, JSON, length)),
        "cancel": head("POST", on_held + "/cancel", (*bot, JSON, length)),
        "cancel, undeclared": head("POST", on_held + "/cancel", (*bot, length)),
        "grant": head("POST", on_running + "/grant", (*bot, JSON, length)),
        "outcome": head("POST", on_running + "/outcome", (*bot, JSON, length)),
        "settle": head("POST", on_held + "/settle", (*ivan, JSON, length)),
        "rollbacks": head("POST", on_held + "/rollbacks", (*keyed, JSON, length)),
        "suspend": head("POST", "/v1/bots/bot/suspend", (*ivan, JSON, length)),
        "suspend all": head("POST", "/v1/installation/suspend", (*ivan, JSON, length)),
        "resume": head("POST", "/v1/bots/bot/resume", (*ivan, JSON, length)),
        "resume all": head("POST", "/v1/installation/resume", (*ivan, JSON, length)),
        "revoke": head("POST", f"/v1/standing-permissions/{held['id']}/revoke", (*ivan, JSON, length)),
        "change": head("POST", "/v1/governance-requests", (*keyed, JSON, length)),
    }


async def test_a_body_that_dribbles_in(api: Api, record_property: Any) -> None:
    """On every route that writes, at once: each is told so in time, nobody else waits, nothing is stored."""
    starts = await bodies(api)
    before = await counts(api.world)
    drips = {name: b"1\r\n \r\n" if "chunks" in name else b" " for name in starts}
    slow = asyncio.gather(*(dribble(api, starts[name], drips[name]) for name in starts))
    longest = await served_meanwhile(api, asyncio.ensure_future(slow))
    fared = dict(zip(starts, await slow, strict=True))
    for name, slowly in fared.items():
        assert slowly.answer is not None, name
        assert slowly.answer.status == 408, (name, slowly.answer)
        told = slowly.answer.json()
        assert (told["type"], told["status"]) == ("urn:interlock:problem:too-slow", 408), name
        assert slowly.answer.headers["content-type"] == "application/problem+json"
        assert slowly.answered is not None
        assert BODY_WITHIN <= slowly.answered < ANSWERED_WITHIN, name
    assert longest < 2
    assert change(before, await counts(api.world)) == {}
    record_property(
        "figure", f"slow bodies on {len(starts)} routes at once: others waited {longest * 1000:.0f} ms at most"
    )
    assert {name: slowly.closed is not None for name, slowly in fared.items()} == dict.fromkeys(starts, True)


HEADS = {
    "nothing at all": (b"", b""),
    "a path": (b"GET /", b"a"),
    "a name of a header": (b"POST /v1/requests HTTP/1.1\r\nHost: x\r\nX-", b"a"),
    "a value of a header": (b"POST /v1/requests HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ", b"a"),
    "header after header": (b"POST /v1/requests HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n"),
    "empty lines": (b"", b"\r\n"),
    "a second call": (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /", b"a"),
}


async def test_a_head_that_dribbles_in(api: Api, record_property: Any) -> None:
    """Anybody may open a connection; who never comes to the point does not keep it."""
    slow = asyncio.gather(*(dribble(api, start, drip) for start, drip in HEADS.values()))
    longest = await served_meanwhile(api, asyncio.ensure_future(slow))
    fared = dict(zip(HEADS, await slow, strict=True))
    assert longest < 2
    assert {name: slowly.closed is not None for name, slowly in fared.items()} == dict.fromkeys(HEADS, True)
    seconds = max(slowly.closed or 0 for slowly in fared.values())
    record_property("figure", f"slow heads, {len(HEADS)} ways at once: all closed after {seconds:.1f} s")


async def test_who_leaves_in_the_middle_of_a_body(api: Api) -> None:
    """Nothing is stored, and nobody is told of an error of ours."""
    starts = await bodies(api)
    before = await counts(api.world)
    for start in starts.values():
        _, writer = await asyncio.open_connection("127.0.0.1", api.http.base_url.port)
        writer.write(start + b"{")
        await writer.drain()
        writer.transport.abort()
    metrics = (await api.http.get("/metrics")).text
    assert 'status="500"' not in metrics
    assert change(before, await counts(api.world)) == {}
