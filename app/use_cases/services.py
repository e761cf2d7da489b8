"""What every use case is handed: the parts of the process that serves users."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from joserfc.jwk import OKPKey
from temporalio.client import Client

from app.keys import KeyRing
from app.steps.context import Context


class Waiters:
    """Long polls of this process, woken by what the outbox tells."""

    def __init__(self) -> None:
        """Nobody waits yet."""
        self._events: dict[uuid.UUID, set[asyncio.Event]] = {}

    @asynccontextmanager
    async def watching(self, request_id: uuid.UUID) -> AsyncIterator[asyncio.Event]:
        """An event that is set when the request may have changed; watch first, then read."""
        event = asyncio.Event()
        self._events.setdefault(request_id, set()).add(event)
        try:
            yield event
        finally:
            self._events[request_id].discard(event)
            if not self._events[request_id]:
                del self._events[request_id]

    def wake(self, request_id: uuid.UUID) -> None:
        """Something of this request may have changed."""
        for event in self._events.get(request_id, ()):
            event.set()


@dataclass(frozen=True, slots=True)
class Services:
    """The parts. ``tokens``: the ring that signs access tokens; ``base_url``: our issuer and audience."""

    ctx: Context
    temporal: Client
    task_queue: str
    waiters: Waiters
    tokens: KeyRing[OKPKey]
    base_url: str
