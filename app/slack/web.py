"""Calls to Slack: one client, and four errors that say whether what was asked for may have been done.

    SlackError
    ├── Refused      Slack said no: nothing was done, and the same call will be refused again
    ├── Limited      too many calls: nothing was done; later it may be
    ├── Unreachable  nothing was sent
    └── Lost         sent, but not answered: it may or may not have been done; find out before calling again

No error's text holds a token or what was sent: not even Slack's words about it, which may quote it.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from app import telemetry

DEFAULTS: Mapping[str, Mapping[str, Any]] = {"chat.postMessage": {"unfurl_links": False, "unfurl_media": False}}
"""Arguments that a call of this method has unless it says otherwise. A machine's words are in our messages: Slack must
not fetch and show what they link to."""
CONNECT_WITHIN = 5.0
"""Seconds, and never more than half of a call's: who cannot connect learns it while it is certain that nothing was
sent."""
MAX_WAIT = 3600.0
"""Seconds; a Retry-After above it is taken for a mistake."""
_WAIT = 30.0
"""Seconds to wait where Slack says that there were too many calls, but not how long."""
_TOO_MANY = frozenset({"ratelimited", "rate_limited"})
_UNSURE = frozenset({"internal_error", "fatal_error", "service_unavailable"})
"""Refusals of which Slack's documentation says that some of the work may have been done."""
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)
_NO_ANSWER = (aiohttp.ClientError, OSError)  # TimeoutError is an OSError

_quiet = logging.getLogger("app.slack.sdk")
_quiet.setLevel(logging.WARNING)  # at DEBUG slack_sdk logs whole messages


class SlackError(Exception):
    """A call that Slack did not confirm."""


class Refused(SlackError):
    """``error``: Slack's code, or ``http_404`` and the like where no Slack answered; ``detail``: its words, to read."""

    def __init__(self, error: str, detail: str = "") -> None:
        super().__init__(error)
        self.error = error
        self.detail = detail


class Limited(SlackError):
    """``retry_after``: seconds to wait before the next call of this method (and channel)."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"too many calls, wait {retry_after:g} s")
        self.retry_after = retry_after


class Unreachable(SlackError):
    """No connection; its text is the kind of failure."""


class Lost(SlackError):
    """No answer that tells; its text is the kind of failure."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What Slack said to a call that it did. ``headers``: found by their names in any case."""

    body: dict[str, Any]
    headers: Mapping[str, str]


class Slack:
    """A workspace's Web API, as the bot whose token this is. Nothing that changes anything is sent twice."""

    def __init__(self, token: str, *, api_url: str | None = None, timeout: float = 10.0) -> None:
        """``api_url``: instead of Slack's own; ``timeout``: seconds that a call may take. Connects to nothing yet."""
        self._client = AsyncWebClient(
            token=token, base_url=api_url or AsyncWebClient.BASE_URL, retry_handlers=[], logger=_quiet
        )
        if _without_proxy(self._client.base_url):
            self._client.proxy = None
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=min(CONNECT_WITHIN, timeout / 2))

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Slack's answer to ``method`` (as in ``chat.postMessage``); blocks, metadata and views are Python objects.

        Raises `Refused`, `Limited`, `Unreachable` or `Lost`; ValueError for a method that slack_sdk does not know.
        """
        return (await self.answer(method, **arguments)).body

    async def answer(self, method: str, **arguments: Any) -> Answer:
        """Like `call`, with the headers of the answer."""
        try:
            answer = await self._sent(method, arguments)
        except SlackError as error:
            telemetry.called_slack(method, type(error).__name__.lower())
            raise
        telemetry.called_slack(method, "ok")
        return answer

    async def close(self) -> None:
        """Close the connections. A call after that opens new ones."""
        session, self._client.session = self._client.session, None
        if session is not None:
            await session.close()

    async def _sent(self, method: str, arguments: Mapping[str, Any]) -> Answer:
        function = getattr(self._client, method.replace(".", "_"), None)
        if function is None or "." not in method:
            raise ValueError(f"slack_sdk knows no method {method}")
        call = function(**{**DEFAULTS.get(method, {}), **arguments})
        if self._client.session is None:
            self._client.session = _session(self._timeout)
        try:
            response = await call
        except _NOT_SENT as error:
            raise Unreachable(type(error).__name__) from None
        except _NO_ANSWER as error:
            raise Lost(type(error).__name__) from None
        return Answer(response.data, response.headers)


def _without_proxy(url: str) -> bool:
    """Whether the environment's proxy is not for this host; slack_sdk does not look at NO_PROXY."""
    host = urlsplit(url).hostname or ""
    return host in {"localhost", "127.0.0.1", "::1"} or bool(proxy_bypass(host))


def _session(timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), middlewares=(_judge,))


async def _judge(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Let through only what Slack has done, for slack_sdk's own errors quote what was answered.

    No redirect is followed: that would send the call a second time, and to who knows whom.
    """
    response = await handler(request)
    body = await _read(response)
    if response.status != 200 or body.get("ok") is not True:
        raise _meaning(response.status, response.headers, body)
    return response


async def _read(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """The JSON object in the answer, an empty one if it is anything else. Raises aiohttp's errors for a cut one."""
    await response.read()
    if response.content_type != "application/json":
        return {}
    try:
        body = await response.json()
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _meaning(status: int, headers: Mapping[str, str], body: Mapping[str, Any]) -> SlackError:
    error = str(body.get("error", ""))
    if status == 429 or error in _TOO_MANY:
        return Limited(_seconds(headers.get("Retry-After")))
    if status >= 500 or status == 408 or error in _UNSURE:
        return Lost(error if error in _UNSURE else f"http_{status}")
    if body.get("ok") is False and error:
        return Refused(re.sub(r"[^\w.:-]", "_", error, flags=re.ASCII)[:80], _detail(body))
    return Refused(f"http_{status}") if status >= 300 else Lost("an answer that is not Slack's")


def _seconds(text: str | None) -> float:
    if text is None or not re.fullmatch(r"[0-9]{1,9}", text.strip()):
        return _WAIT
    return min(max(float(text), 1.0), MAX_WAIT)


def _detail(body: Mapping[str, Any]) -> str:
    """Slack's words about a refusal: what is wrong with which block, which scope is missing."""
    told = {name: body[name] for name in ("needed", "provided", "errors", "response_metadata") if body.get(name)}
    return json.dumps(told)[:500] if told else ""
