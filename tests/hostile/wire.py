"""HTTP/1.1 by hand: a client library would repair what these tests send, or refuse to send it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

Lines = tuple[tuple[bytes, bytes], ...]
CLOSE = (b"Connection", b"close")
PROBE = b"GET /healthz HTTP/1.1\r\nHost: interlock.test\r\nConnection: close\r\n\r\n"
"""A call that anybody may make; sent behind another on the same connection, it shows where the server saw that end."""
WITHIN = 30
"""Seconds in which a server answers anything at all that came in whole."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One response. ``headers``: by lower-case name; none that Interlock sends comes twice."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body, which must be one JSON object."""
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


def head(method: str, target: str, headers: Iterable[tuple[bytes, bytes]], *, host: bytes = b"interlock.test") -> bytes:
    """Request line and headers, as they are given; ``Host`` first."""
    lines = [f"{method} {target} HTTP/1.1".encode("latin-1"), b"Host: " + host]
    return b"\r\n".join([*lines, *(name + b": " + value for name, value in headers), b"", b""])


def whole(method: str, target: str, headers: Lines, body: bytes | None) -> bytes:
    """A request with its length declared truly."""
    length = () if body is None else ((b"Content-Length", str(len(body)).encode()),)
    return head(method, target, (*headers, *length)) + (body or b"")


async def talk(port: int, raw: bytes) -> list[Answer]:
    """All answers to these bytes: until one that says ``Connection: close``, or until the server closes.

    Raises TimeoutError when the server neither answers nor closes, AssertionError when it says so and does not.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sending = asyncio.create_task(_send(writer, raw))  # beside: who answers before it has read all must be heard
    try:
        async with asyncio.timeout(WITHIN):
            return await _answers(reader)
    finally:
        sending.cancel()
        writer.transport.abort()


async def _send(writer: asyncio.StreamWriter, raw: bytes) -> None:
    with suppress(ConnectionError):
        writer.write(raw)
        await writer.drain()


async def _answers(reader: asyncio.StreamReader) -> list[Answer]:
    found = []
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            found.append(await one(reader))
            if found[-1].headers.get("connection") == "close":
                await _gone(reader)
                break
    return found


async def one(reader: asyncio.StreamReader) -> Answer:
    """The next response. Raises IncompleteReadError at the end of the connection."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    status = int(first.split(" ")[1])
    if status < 200:
        return Answer(status, headers, b"")
    length = headers.get("content-length")  # what the server says below the application ends with the connection
    return Answer(status, headers, await (reader.read() if length is None else reader.readexactly(int(length))))


async def _gone(reader: asyncio.StreamReader) -> None:
    """Raise unless the server, having said so, closes without another byte."""
    with suppress(ConnectionError):
        assert await reader.read() == b""
