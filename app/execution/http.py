"""The HTTP executor: one call of one attempt, and what came of it (DESIGN.md section 4, point 6)."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpcore
import httpx

from app.domain import digest
from app.domain.outcome import Answer, Sent
from app.execution.answers import MAX_BODY, Body, as_error, as_result, storable_text
from app.execution.wire import Direct, Errand, Refused

FIRST_BYTE_WITHIN = 5.0
CONNECT_WITHIN = 5.0

NETWORK_ERRORS = (
    Refused,
    OSError,  # TimeoutError and ssl.SSLError are ones
    UnicodeError,  # a host name that the resolver cannot encode
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpx.HTTPError,
)
"""All that a network, a resolver or a target's answer can make happen."""


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt. ``committed_at``: CLOCK_BOOTTIME seconds at which the attempt's commit was sent."""

    request_id: str
    attempt: int
    url: str
    parameters: Mapping[str, Any]
    timeout: timedelta
    bearer: str
    hosts: frozenset[str]
    private: bool
    committed_at: float


class Client(httpx.AsyncClient):
    """A client whose every connection is a guarded one."""


def new_client(tls: ssl.SSLContext | None = None) -> httpx.AsyncClient:
    """The client that `send` needs: fresh HTTP/1.1 connections, no redirects, cookies, proxies or environment.

    ``tls``: whom to trust; by default what OpenSSL on this machine does (SSL_CERT_FILE and SSL_CERT_DIR hold).
    """
    return Client(
        transport=Direct(tls or ssl.create_default_context()),
        headers={"User-Agent": "interlock", "Connection": "close", "Accept-Encoding": "identity"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        timeout=None,  # `send` bounds the whole call
        follow_redirects=False,
        trust_env=False,
    )


def boottime() -> float:
    """Seconds since boot, time asleep included: CLOCK_BOOTTIME, and macOS's CLOCK_MONOTONIC, which is the same."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


async def send(client: httpx.AsyncClient, call: Call, *, clock: Callable[[], float] = boottime) -> Answer:
    """Make one call, at most ``call.timeout`` long; its first byte leaves within 5 s of the commit or never.

    Never raises for what the network does; cancellation passes through. Raises `TypeError` for a client that is not
    from `new_client`: it would send unguarded.
    """
    if not isinstance(client, Client):
        raise TypeError("send() takes a client made by new_client()")
    seconds = call.timeout.total_seconds()
    errand = Errand(call.committed_at + FIRST_BYTE_WITHIN, clock, min(CONNECT_WITHIN, seconds), call.private)
    try:
        url = _vetted(call)
        async with asyncio.timeout(seconds):
            return await _exchange(client, url, call, errand)
    except NETWORK_ERRORS as error:
        return _without_answer(errand, error)


def _vetted(call: Call) -> httpx.URL:
    try:
        url = httpx.URL(call.url)
    except httpx.InvalidURL as error:
        raise Refused(f"the target's address is not a URL ({error})") from error
    if url.scheme not in {"http", "https"} or url.userinfo:
        raise Refused("the target's address must be http or https, without a user in it")
    if url.scheme == "http" and not call.private:
        raise Refused("a target that is not private is called over https only: the grant would go in clear")
    if not {url.host, url.raw_host.decode("ascii")} & {host.lower() for host in call.hosts}:
        raise Refused(f"{url.host or 'no host'} is not among the hosts of the target")
    return url


async def _exchange(client: Client, url: httpx.URL, call: Call, errand: Errand) -> Answer:
    async with client.stream(
        "POST",
        url,
        content=digest.canonical(dict(call.parameters)),
        headers=_headers(call),
        extensions={"errand": errand},
    ) as response:
        errand.status = response.status_code
        return _answer(response.status_code, await _read(response))


def _headers(call: Call) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Authorization": f"Bearer {call.bearer}",
        "Idempotency-Key": call.request_id,
        "Interlock-Request": call.request_id,
        "Interlock-Parameters-Digest": digest.sha256(dict(call.parameters)),
    }


async def _read(response: httpx.Response) -> Body:
    data = bytearray()
    async for part in response.aiter_raw():
        data += part
        if len(data) > MAX_BODY:
            return Body(bytes(data[:MAX_BODY]), whole=False)
    return Body(bytes(data), whole=True)


def _answer(status: int, body: Body) -> Answer:
    sent = _meaning(status)
    if sent is Sent.SUCCEEDED:
        result, note = as_result(body)
        return Answer(sent, status, result, None, note)
    return Answer(sent, status, None, as_error(status, body))


def _meaning(status: int) -> Sent:
    if 200 <= status < 300:
        return Sent.SUCCEEDED
    if status < 200 or status in {408, 425, 429} or status >= 500:
        return Sent.UNCERTAIN
    return Sent.FAILED


def _without_answer(errand: Errand, error: Exception) -> Answer:
    if not errand.begun:
        return Answer(Sent.NOT_SENT, None, None, _no_answer(None, f"Nothing was sent: {_why(error)}."))
    if errand.status is None:
        return Answer(Sent.UNCERTAIN, None, None, _no_answer(None, f"Sent, but not answered: {_why(error)}."))
    sent = _meaning(errand.status)
    if sent is Sent.SUCCEEDED:
        sent = Sent.UNCERTAIN  # a good status whose body was cut: what it did is not known
    reason = f"Answered {errand.status}, but not to the end: {_why(error)}."
    return Answer(sent, errand.status, None, _no_answer(errand.status, reason))


def _no_answer(status: int | None, reason: str) -> dict[str, Any]:
    return {"status": status, "body": None, "reason": reason}


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the time for it was over"
    return storable_text(str(error)).rstrip(".")[:500] or type(error).__name__
