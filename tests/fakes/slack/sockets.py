"""Socket Mode: the web sockets of the app, and the acks of its envelopes."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

from aiohttp import WSMsgType, web

Object = dict[str, Any]


class Sockets:
    """The open sockets; each envelope goes to one of them, in turn."""

    def __init__(self, app_id: str, complaints: list[str]) -> None:
        self._app_id, self._complaints = app_id, complaints
        self._tickets: set[str] = set()
        self._open: list[tuple[web.Request, web.WebSocketResponse]] = []
        self._waiting: dict[str, tuple[Object, asyncio.Future[Any]]] = {}
        self._changed = asyncio.Event()

    def ticket(self) -> str:
        """A new ticket; it opens one socket."""
        made = uuid.uuid4().hex
        self._tickets.add(made)
        return made

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    async def connected(self) -> None:
        """Waits until one is open."""
        while not self._open:
            self._changed.clear()
            await self._changed.wait()

    def cut(self) -> None:
        """Cuts all connections."""
        for request, _ in self._open:
            if request.transport is not None:
                request.transport.abort()

    async def refresh(self) -> None:
        """Asks each to make room for a new one, as Slack does every few hours, and closes it."""
        old, self._open = self._open, []
        for _, socket in old:
            await socket.send_json({"type": "disconnect", "reason": "refresh_requested"})
            await socket.close()

    async def close(self) -> None:
        """Closes all politely."""
        for _, socket in list(self._open):
            await socket.close()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One socket, until it ends. Raises `HTTPForbidden` without a good ticket."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            raise web.HTTPForbidden
        self._tickets.remove(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        mine = (request, socket)
        self._open.append(mine)
        try:
            await socket.send_json(self._hello())
            self._changed.set()
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acked(json.loads(message.data))
        finally:
            if mine in self._open:
                self._open.remove(mine)
        return socket

    def _hello(self) -> Object:
        info = {"host": "fake", "approximate_connection_time": 18060}
        return {
            "type": "hello",
            "num_connections": self.count,
            "debug_info": info,
            "connection_info": {"app_id": self._app_id},
        }

    @staticmethod
    def envelope(kind: str, payload: Object) -> Object:
        """An envelope for a payload."""
        takes = kind == "slash_commands" or payload.get("type") in {"view_submission", "block_suggestion"}
        made = {"envelope_id": str(uuid.uuid4()), "type": kind, "accepts_response_payload": takes, "payload": payload}
        return {**made, "retry_attempt": 0, "retry_reason": ""} if kind == "events_api" else made

    async def send(self, envelope: Object) -> Any:
        """Sends an envelope over the next socket and waits for its ack: gives its payload, or None.

        Raises `ConnectionError` if no socket is open.
        """
        if not self._open:
            raise ConnectionError("no events URL is set and no socket is open")
        self._open.append(self._open.pop(0))
        acked: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[envelope["envelope_id"]] = (envelope, acked)
        try:
            await self._open[-1][1].send_json(envelope)
            return await acked
        finally:
            self._waiting.pop(envelope["envelope_id"], None)

    def _acked(self, ack: Object) -> None:
        envelope, acked = self._waiting.get(str(ack.get("envelope_id")), (None, None))
        if envelope is None or acked is None or acked.done():
            self._complaints.append(f"an ack of no open envelope: {ack.get('envelope_id')}")
            return
        payload = ack.get("payload")
        if payload and not envelope["accepts_response_payload"]:
            self._complaints.append("an ack with a payload, for an envelope that takes none")
        acked.set_result(payload)
