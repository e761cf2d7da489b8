"""Around every call: headers, trace, log line, metrics, and an answer to what nobody expected."""

from __future__ import annotations

import logging
import re
import time
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import telemetry
from app.api import problems
from app.domain.errors import Malformed

log = logging.getLogger(__name__)

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


def trace_id(traceparent: str | None) -> str | None:
    """The trace id of a ``traceparent`` header, None when it is none (W3C Trace Context level 1, section 3.2)."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    if match is None or (match[2] and (traceparent or "").startswith("00")):  # version 00 has exactly four parts
        return None
    return match[1]


class Envelope:
    """ASGI middleware, outermost of ours."""

    def __init__(self, app: ASGIApp) -> None:
        """``app``: what answers."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = _Call(scope, send)
        with telemetry.log_context(trace_id=call.trace_id):
            try:
                app = _refuse_two_lengths if call.has_two_lengths else self._app
                await app(scope, receive, call.send)
            except ClientDisconnect:
                call.status = 499  # nobody is left to answer; nginx's number for it
            except Exception:
                log.exception("unexpected error", extra={"fields": {"route": call.route}})
                await self._apologise(call, receive)
            call.told()

    async def _apologise(self, call: _Call, receive: Receive) -> None:
        if call.status is None:
            await problems.internal()(call.scope, receive, call.send)
        else:
            raise _Broken  # half an answer is out: only a cut connection tells the caller


async def _refuse_two_lengths(scope: Scope, receive: Receive, send: Send) -> None:
    """A proxy may go by the other one, and what we take for the next call be a body to it (RFC 9112, section 6.1)."""
    response = problems.answer(Malformed("The call says its length twice: send Content-Length or Transfer-Encoding."))
    response.headers["Connection"] = "close"
    await response(scope, receive, send)


class _Broken(Exception):
    """An answer broke off."""


class _Call:
    """One call on its way."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self.status: int | None = None
        self._send = send
        self._began = time.perf_counter()
        headers = Headers(scope=scope)
        self._traceparent = headers.get("traceparent")
        self.has_two_lengths = "content-length" in headers and "transfer-encoding" in headers
        self.trace_id = trace_id(self._traceparent)

    @property
    def route(self) -> str:
        """The template of the route; never the path, which anybody makes up."""
        return getattr(self.scope.get("route"), "path", None) or "unmatched"

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in _SECURITY.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
            if self.trace_id is not None and self._traceparent is not None:
                headers["traceparent"] = self._traceparent
        await self._send(message)

    def told(self) -> None:
        """Count it and log it."""
        seconds = time.perf_counter() - self._began
        status = 500 if self.status is None else self.status
        telemetry.answered(self.scope["method"], self.route, status, seconds)
        fields: dict[str, Any] = {"method": self.scope["method"], "route": self.route, "status": status}
        log.info("answered", extra={"fields": {**fields, "ms": round(seconds * 1000, 1)}})
