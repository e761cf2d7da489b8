"""One event to one endpoint: guarded as the calls of actions are, bounded, and never to where an answer points."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from app.domain.webhooks import Event, signed
from app.execution.http import CONNECT_WITHIN, NETWORK_ERRORS, boottime
from app.execution.wire import Errand, Refused

WITHIN = 10.0
"""Seconds that one call may take."""
MOST_READ = 65_536
"""Bytes of an answer that are read; nothing is made of them."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where events go. ``keys``: what they are signed with; ``private``: it may lie in a private network."""

    name: str
    url: str
    keys: Sequence[bytes] = field(repr=False)
    private: bool = False


async def post(client: httpx.AsyncClient, endpoint: Endpoint, event: Event) -> str | None:
    """Send it; None when it was taken (2xx), else in words why not. Never raises for what the network does.

    ``client``: of `app.execution.http.new_client`.
    """
    errand = Errand(boottime() + WITHIN, boottime, CONNECT_WITHIN, endpoint.private)
    try:
        async with asyncio.timeout(WITHIN):
            status = await _exchange(client, endpoint, event, errand)
    except TimeoutError:
        return f"no answer within {WITHIN:.0f} s"
    except NETWORK_ERRORS as error:
        return _why(error)
    return None if 200 <= status < 300 else f"it answered {status}"


async def _exchange(client: httpx.AsyncClient, endpoint: Endpoint, event: Event, errand: Errand) -> int:
    headers = signed(event, endpoint.keys, int(time.time()))
    async with client.stream(
        "POST", endpoint.url, content=event.body, headers=headers, extensions={"errand": errand}
    ) as response:
        read = 0
        async for part in response.aiter_raw():
            read += len(part)
            if read > MOST_READ:
                break
        return response.status_code


def _why(error: BaseException) -> str:
    """A sentence without what an endpoint may have put there: only our own words are quoted."""
    return str(error) if isinstance(error, Refused) else f"it cannot be reached ({type(error).__name__})"
