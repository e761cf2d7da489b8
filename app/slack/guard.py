"""In front of Bolt: nothing that is not Slack's gets in, and nothing makes Bolt answer 500."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.signature import SignatureVerifier
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

MAX_BODY = 1024 * 1024
BODY_WITHIN = 10.0
"""Seconds that a body may take to come."""

TIMESTAMP, SIGNATURE, TYPE = "x-slack-request-timestamp", "x-slack-signature", "content-type"
_ONCE = (TIMESTAMP, SIGNATURE, TYPE)
_SECONDS = re.compile(r"[0-9]{1,12}")
_SIGNED = re.compile(r"v0=[0-9a-f]{64}")
_LONGEST_SSL_CHECK = 1_000
ODD = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)
"""What Bolt raises while it reads a payload of another shape than Slack's."""

Dispatch = Callable[[AsyncBoltRequest], Awaitable[BoltResponse]]


class Guard:
    """The endpoint for everything that Slack sends over HTTP."""

    def __init__(self, signing_secret: str, dispatch: Dispatch) -> None:
        """``dispatch``: Bolt, behind. Raises ValueError for an empty secret."""
        self._verifier = SignatureVerifier(signing_secret)
        self._dispatch = dispatch

    async def __call__(self, request: Request) -> Response:
        """Answer one call. When it arrived goes along as ``context["arrived"]``, on the event loop's clock."""
        arrived = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(BODY_WITHIN):
                raw = await _body(request)
        except TimeoutError:
            return _no(408, "the body did not come in time")
        if raw is None:
            return _no(413, f"the body is over {MAX_BODY // 1024} KiB")
        text = _text(raw)
        if text is not None and _is_ssl_check(text):
            return Response()  # Slack looks at our certificate; it does not sign that, and it does nothing
        if text is None or not self._genuine(request.headers, text):
            return _no(401, "this is not a request that Slack has signed, just now")
        return await self._answered(request.headers, text, arrived)

    def _genuine(self, headers: Headers, text: str) -> bool:
        if any(len(headers.getlist(name)) > 1 for name in _ONCE):
            return False
        timestamp, signature = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
        if not _SECONDS.fullmatch(timestamp) or not _SIGNED.fullmatch(signature):
            return False
        return self._verifier.is_valid(text, timestamp, signature)

    async def _answered(self, headers: Headers, text: str, arrived: float) -> Response:
        # Only headers that Bolt is to go by: there are others, not covered by the signature, that steer it.
        passed = {name: headers[name] for name in _ONCE if name in headers}
        try:
            request = AsyncBoltRequest(body=text, headers=dict(passed), context={"arrived": arrived})
        except ODD:
            return _malformed()
        if not isinstance(request.body, dict) or not request.body:
            return _malformed()
        answer = await self._dispatch(request)
        content_type = answer.headers.get(TYPE, ["text/plain"])[0]
        return Response(answer.body, answer.status, media_type=content_type.partition(";")[0])


async def _body(request: Request) -> bytes | None:
    """The body; None as soon as it is too long."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > MAX_BODY):
        return None
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
    return b"".join(parts)


def _is_ssl_check(text: str) -> bool:
    return len(text) <= _LONGEST_SSL_CHECK and ("ssl_check", "1") in parse_qsl(text)


def _text(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _malformed() -> Response:
    return _no(400, "this is not a payload that Slack sends")


def _no(status: int, why: str) -> Response:
    return JSONResponse({"error": why}, status)
