"""Somebody who gets events over real HTTP: checks every signature with code of its own, and answers as it is told."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.execution.raw_server import hear, http

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER_SECRET = "whsec_" + base64.b64encode(bytes(range(32, 64))).decode()
HANG = b""


@dataclass
class Receiver:
    """``taken``: events that were answered 2xx, in order; ``heard``: all whose signature held, by ``webhook-id``."""

    secret: str = SECRET
    port: int = 0
    taken: list[dict[str, Any]] = field(default_factory=list)
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    script: deque[bytes] = field(default_factory=deque)
    always: bytes | None = None
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/events"

    async def until(self, holds: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until that is so; looked at whenever an event has come."""
        async with asyncio.timeout(seconds), self._came:
            await self._came.wait_for(holds)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = self._answer(await hear(reader))
            async with self._came:
                self._came.notify_all()
            if answer == HANG:
                await reader.read()
            writer.write(answer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _answer(self, request: bytes) -> bytes:
        head, _, body = request.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        if defect := self._defect(first, headers, body):
            self.wrong.append(defect)
            return http(401)
        event = json.loads(body)
        self.heard.append((headers["webhook-id"], event))
        answer = self.script.popleft() if self.script else self.always
        if answer is None:
            self.taken.append(event)
            return http(204)
        return answer

    def _defect(self, first: str, headers: dict[str, str], body: bytes) -> str | None:
        if first != "POST /events HTTP/1.1":
            return first
        if headers["content-type"] != "application/cloudevents+json":
            return headers["content-type"]
        if abs(time.time() - int(headers["webhook-timestamp"])) > 300 or "." in headers["webhook-id"]:
            return "its time or id"
        content = ".".join((headers["webhook-id"], headers["webhook-timestamp"], "")).encode() + body
        key = base64.b64decode(self.secret.split("_", 1)[1])
        ours = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
        given = [part.split(",", 1) for part in headers["webhook-signature"].split(" ")]
        return None if ["v1", ours] in given else "no signature holds"


@asynccontextmanager
async def receiver(secret: str = SECRET) -> AsyncIterator[Receiver]:
    """One at work on a free port of this machine. When it ends, all it was sent was signed well."""
    made = Receiver(secret)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
    assert made.wrong == []
