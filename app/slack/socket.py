"""Socket Mode: what Slack sends comes over a WebSocket that we open, where Slack cannot reach the API."""

from __future__ import annotations

import asyncio
import logging
import time

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import send_async_response
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from app.slack.app import Door
from app.slack.guard import ODD

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0
"""Seconds between two looks whether the socket is open."""


class _Inert(logging.Filter):
    """slack_sdk's lines without what they quote: an address of a socket lets anybody in who has it first."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = "the connection to Slack has trouble", ()
        return True


_sdk = logging.getLogger("app.slack.socket.sdk")
_sdk.setLevel(logging.ERROR)
if not any(isinstance(known, _Inert) for known in _sdk.filters):
    _sdk.addFilter(_Inert())


class SocketDoor:
    """The same listeners as over HTTP. Several processes may each have a socket: Slack sends to one of them."""

    def __init__(self, door: Door, app_token: str, *, slack_url: str | None = None) -> None:
        """``app_token``: xapp-...; ``slack_url``: of Slack's Web API, if not at its own address."""
        self._door, self._token = door, app_token
        self._url = slack_url or AsyncWebClient.BASE_URL

    async def run(self) -> None:
        """Until cancelled; a connection that breaks, or cannot be made yet, is made anew."""
        client = AsyncWebClient(base_url=self._url, logger=_sdk)
        handler = _Handler(self._door, self._token, client)
        try:
            connecting = asyncio.create_task(handler.client.connect(), name="socket to Slack")  # type: ignore[no-untyped-call]
            try:
                await self._watch(handler)
            finally:
                connecting.cancel()
                await asyncio.gather(connecting, return_exceptions=True)
        finally:
            await handler.client.close()  # type: ignore[no-untyped-call]

    async def _watch(self, handler: _Handler) -> None:
        """slack_sdk tries one address over and over, also when it is good no more: let it ask for a new one."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if not await handler.client.is_connected():
                log.warning("slack: no connection; trying again")
                handler.client.wss_uri = None


class _Handler(AsyncSocketModeHandler):
    def __init__(self, door: Door, app_token: str, client: AsyncWebClient) -> None:
        super().__init__(door.bolt, app_token, logger=_sdk, web_client=client)
        self._door = door

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        """Answer one envelope. One that cannot be read is answered as well: Slack would only send it again."""
        began = time.time()
        context = {"arrived": asyncio.get_running_loop().time()}
        try:
            request = AsyncBoltRequest(mode="socket_mode", body=req.payload, context=context)
            answer = await self._door.dispatch(request)
        except ODD:
            log.warning("slack: an envelope could not be read")
            answer = BoltResponse(status=200, body="")
        if answer.status != 200 or not req.accepts_response_payload:
            answer = BoltResponse(status=200, body="")
        await send_async_response(client, req, answer, began)
