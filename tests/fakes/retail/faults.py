"""Faults that a test can order: the network and the machine of a real target, on a bad day."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.fakes.retail.serving import Connections

Mode = Literal["delay", "status", "cut-before", "cut-after", "hang"]


class Fault(BaseModel):
    """What happens to the next `times` calls of `path`.

    ``delay``: the effect happens, the answer comes `value` seconds later. ``status``: nothing happens, the answer is
    `value`. ``cut-before`` and ``cut-after``: the connection is reset before or after the effect, with no answer.
    ``hang``: nothing happens and no answer comes until the caller gives up.
    """

    model_config = ConfigDict(extra="forbid")

    path: str
    mode: Mode
    value: float = 0
    times: int = Field(default=1, gt=0)


class Faults:
    """The faults still to come, and an ASGI layer that makes them."""

    def __init__(self, app: ASGIApp, connections: Connections) -> None:
        self._app = app
        self._connections = connections
        self._coming: list[Fault] = []
        self.made: list[tuple[str, Mode]] = []
        """Every fault that there was: of the call with which idempotency key, and which."""

    def order(self, fault: Fault) -> None:
        """Adds a fault behind those still to come for its path."""
        self._coming.append(fault)

    def clear(self) -> None:
        """Forgets all faults still to come."""
        self._coming.clear()

    def _taken(self, scope: Scope) -> Fault | None:
        fault = self._take(scope["path"])
        if fault is not None:
            headers = dict(scope["headers"])
            self.made.append((headers.get(b"idempotency-key", b"").decode(), fault.mode))
        return fault

    def _take(self, path: str) -> Fault | None:
        fault = next((fault for fault in self._coming if fault.path == path), None)
        if fault is not None:
            fault.times -= 1
            self._coming = [fault for fault in self._coming if fault.times]
        return fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves the call, with the fault that is due for its path."""
        match self._taken(scope):
            case None:
                await self._app(scope, receive, send)
            case Fault(mode="status", value=status):
                await _answer(send, int(status))
            case Fault(mode="hang"):
                await _gone(receive)
            case Fault(mode="cut-before"):
                await self._cut(scope, receive)
            case fault:
                await self._after(fault, scope, receive, send)

    async def _after(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        await self._app(scope, receive, keep)
        if fault.mode == "cut-after":
            return await self._cut(scope, receive)
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(_gone(receive), fault.value)
        for message in answer:
            await send(message)
        return None

    async def _cut(self, scope: Scope, receive: Receive) -> None:
        self._connections.cut(tuple(scope["client"]))
        await _gone(receive)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer(send: Send, status: int) -> None:
    body = b'{"error": "fault", "message": "A test ordered this answer"}'
    headers: list[Any] = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
