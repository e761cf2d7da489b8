"""Sends what people do to the app: signed, over HTTP or a socket, with Slack's patience of three seconds."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp

from tests.fakes.slack.sockets import Sockets

Object = dict[str, Any]

PATIENCE_SECONDS = 3.0


@dataclass(slots=True)
class Sent:
    """One delivery: its exact bytes and headers, and what came back.

    `status` is None if no answer came within three seconds; `seen` is the error that the person then saw. Over a
    socket, `body` is the envelope and 200 stands for its ack.
    """

    url: str | None
    body: bytes
    headers: dict[str, str]
    payload: Object
    status: int | None = None
    answer: bytes = b""
    answer_headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    seen: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the app took it in time."""
        return self.status == 200

    @property
    def trigger_id(self) -> str:
        """The trigger that it gave the app."""
        return str(self.payload["trigger_id"])

    @property
    def json(self) -> Any:
        """The answer as JSON; None if it is empty."""
        return json.loads(self.answer) if self.answer else None


def signed(body: bytes, secret: str, timestamp: float | str | None = None) -> dict[str, str]:
    """Slack's headers for a body; `timestamp` is in seconds, by default now, a string as it stands."""
    at = timestamp if isinstance(timestamp, str) else str(int(time.time() if timestamp is None else timestamp))
    mac = hmac.new(secret.encode(), b"v0:" + at.encode() + b":" + body, hashlib.sha256)
    return {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": f"v0={mac.hexdigest()}"}


class Delivery:
    """The way to the app: its events URL if there is one, else a socket."""

    def __init__(self, sockets: Sockets, signing_secret: str, events_url: str | None) -> None:
        self.signing_secret, self.events_url = signing_secret, events_url
        self.sent: list[Sent] = []
        self._sockets = sockets
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Ends what is under way."""
        if self._session is not None:
            await self._session.close()

    async def interactive(self, payload: Object) -> Sent:
        """Sends what somebody did in a message or a view."""
        return await self._send("interactive", payload, urlencode({"payload": json.dumps(payload)}).encode())

    async def command(self, form: dict[str, str]) -> Sent:
        """Sends a slash command."""
        return await self._send("slash_commands", dict(form), urlencode(form).encode())

    async def event(self, payload: Object, retry: int = 0, reason: str = "") -> Sent:
        """Sends an envelope of the Events API; `retry` counts from 1."""
        more = {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": reason} if retry else {}
        return await self._send("events_api", payload, json.dumps(payload).encode(), "application/json", more)

    async def _send(
        self,
        kind: str,
        payload: Object,
        body: bytes,
        content_type: str = "application/x-www-form-urlencoded",
        more: dict[str, str] | None = None,
    ) -> Sent:
        if self.events_url is None:
            return await self._by_socket(kind, payload)
        headers = {"Content-Type": content_type, "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)"}
        headers |= signed(body, self.signing_secret) | (more or {})
        return await self._post(Sent(self.events_url, body, headers, payload))

    async def resend(self, sent: Sent) -> Sent:
        """Sends the same bytes with the same headers once more, as somebody who has overheard them could."""
        again = Sent(sent.url, sent.body, dict(sent.headers), sent.payload)
        return await (self._over(again) if sent.url is None else self._post(again))

    async def raw(self, body: bytes, headers: dict[str, str]) -> Sent:
        """Posts any bytes under any headers to the events URL."""
        return await self._post(Sent(self.events_url, body, headers, {}))

    async def _post(self, sent: Sent) -> Sent:
        assert sent.url is not None, "no events URL"
        self.sent.append(sent)
        began = time.monotonic()
        try:
            await self._exchange(sent)
        except TimeoutError:
            sent.seen = "operation_timeout"
        except aiohttp.ClientError as error:
            sent.seen = f"http_client_error: {type(error).__name__}"
        sent.seconds = time.monotonic() - began
        if sent.status is not None and sent.status != 200:
            sent.seen = f"http_status_{sent.status}"
        return sent

    async def _exchange(self, sent: Sent) -> None:
        if self._session is None:
            # a connection of its own for each, as from Slack's many machines: none is stale after the app's restart
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True, limit=0))
        timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
        url = str(sent.url)
        async with self._session.post(url, data=sent.body, headers=sent.headers, timeout=timeout) as answer:
            sent.answer = await answer.read()
            sent.answer_headers = {name.lower(): value for name, value in answer.headers.items()}
            sent.status = answer.status

    async def _by_socket(self, kind: str, payload: Object) -> Sent:
        envelope = self._sockets.envelope(kind, payload)
        return await self._over(Sent(None, json.dumps(envelope).encode(), {}, payload))

    async def _over(self, sent: Sent) -> Sent:
        self.sent.append(sent)
        began = time.monotonic()
        try:
            answer = await asyncio.wait_for(self._sockets.send(json.loads(sent.body)), PATIENCE_SECONDS)
            sent.status, sent.answer = 200, json.dumps(answer).encode() if answer else b""
            sent.answer_headers = {"content-type": "application/json"} if answer else {}
        except (TimeoutError, ConnectionResetError):
            sent.seen = "operation_timeout"
        sent.seconds = time.monotonic() - began
        return sent
