"""What every use case is handed: the parts of the process that serves users."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from joserfc.jwk import OKPKey
from temporalio.client import Client

from app.keys import KeyRing
from app.steps.context import Context
from app.use_cases.turns import Turns

JUDGED_AT_ONCE = 2
"""Callers of one request who have a connection to the database; the row's lock lets one at a time through anyway.

Without a bound, fifty who decide on one request held all connections, and everybody else waited.
"""

UPDATES_AT_ONCE = 3
"""Updates of one request that this process has under way.

Temporal allows ten for all processes together, and each one that it refuses takes the workflow task from those under
way, whose steps then run again: 50 decisions at once took 11 s, and 2 to 3 s in turns of four to ten (measured).
"""


class Waiters:
    """Long polls of this process, woken by what the outbox tells."""

    def __init__(self) -> None:
        """Nobody waits yet."""
        self._events: dict[uuid.UUID, set[asyncio.Event]] = {}

    @asynccontextmanager
    async def watching(self, *ids: uuid.UUID) -> AsyncIterator[asyncio.Event]:
        """An event that is set when any of these requests may have changed; watch first, then read."""
        event = asyncio.Event()
        for id_ in ids:
            self._events.setdefault(id_, set()).add(event)
        try:
            yield event
        finally:
            for id_ in set(ids):
                self._events[id_].discard(event)
                if not self._events[id_]:
                    del self._events[id_]

    def waits(self, id_: uuid.UUID) -> bool:
        """True while anybody waits for this."""
        return id_ in self._events

    def wake(self, request_id: uuid.UUID) -> None:
        """Something of this request may have changed."""
        for event in self._events.get(request_id, ()):
            event.set()


@dataclass(frozen=True, slots=True)
class Services:
    """The parts. ``tokens``: the ring that signs access tokens; ``base_url``: our issuer and audience.

    ``own``, ``judging``, ``updates``: turns at one request, of one actor, of all who wait for its row, of all who wait
    for its workflow. ``email_domains``: lower case; a confirmed address there says which person a Slack account is.
    """

    ctx: Context
    temporal: Client
    task_queue: str
    waiters: Waiters
    tokens: KeyRing[OKPKey]
    base_url: str
    own: Turns = field(default_factory=partial(Turns, 1))
    judging: Turns = field(default_factory=partial(Turns, JUDGED_AT_ONCE))
    updates: Turns = field(default_factory=partial(Turns, UPDATES_AT_ONCE))
    email_domains: frozenset[str] = frozenset()
