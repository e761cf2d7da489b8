"""What an anonymous connection can cost the API process, over a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.api import problems
from app.api.reading import read_up_to
from app.devstack.ports import is_free
from app.domain.errors import InterlockError
from app.main import _config
from app.settings import load

BIG = 8 * 1024 * 1024


async def _reading(request: Request) -> Response:
    try:
        return JSONResponse({"read": len(await read_up_to(request, 1024))})
    except InterlockError as error:
        return problems.answer(error)


@asynccontextmanager
async def server(tmp_path: Path) -> AsyncIterator[int]:
    """The API's own server configuration, over one route that reads a body as the token endpoint does."""
    port = next(port for port in range(22000, 23000) if is_free(port))
    variables = {
        "INTERLOCK_DATABASE__URL": "postgresql://nobody@127.0.0.1:9/none",
        "INTERLOCK_KEYS__DIR": str(tmp_path),
        "INTERLOCK_API__PORT": str(port),
        "INTERLOCK_API__BASE_URL": f"http://127.0.0.1:{port}",
    }
    app = FastAPI()
    app.add_api_route("/read", _reading, methods=["POST"])
    running = uvicorn.Server(_config(app, load(variables)))
    serving = asyncio.create_task(running._serve())  # noqa: SLF001  without taking over the signals of pytest
    async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(30), reraise=True):
        with attempt:
            assert running.started
    try:
        yield port
    finally:
        running.force_exit = running.should_exit = True
        await serving


async def swallowed(port: int, start: bytes, most: int) -> int:
    """How many bytes of one endless request head a server takes before it refuses, closes or stops to read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(start)
    taken = 0
    with suppress(ConnectionError, TimeoutError):
        while taken < most and not reader.at_eof():
            writer.write(b"x" * 65536)
            await asyncio.wait_for(writer.drain(), 2)
            taken += 65536
            await asyncio.sleep(0)
    writer.transport.abort()
    return taken


async def test_a_header_has_an_end(tmp_path: Path) -> None:
    async with server(tmp_path) as port:
        head = b"GET /healthz HTTP/1.1\r\nHost: interlock\r\nX-Big: "
        assert await swallowed(port, head, BIG) < BIG


async def test_a_path_has_an_end(tmp_path: Path) -> None:
    async with server(tmp_path) as port:
        assert await swallowed(port, b"GET /", BIG) < BIG
