"""The reconciler: claims what must be told, hands it to a sink, records what was told. Level-triggered."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from app.db import outbox
from app.db.session import Database
from app.domain.errors import Unavailable

log = logging.getLogger(__name__)

IDLE = 0.1
"""Seconds between two looks while nothing is due."""


class Sink(Protocol):
    """Somebody who is told. Called with no transaction open; told twice now and then."""

    async def tell(self, request_ids: list[uuid.UUID]) -> list[uuid.UUID]:
        """Make the outside agree with how these requests stand now; those that were told. The others come again."""
        ...


@dataclass(frozen=True, slots=True)
class Reconciler:
    """One per worker process; several claim side by side."""

    database: Database
    sinks: Mapping[str, Sink]

    async def run(self) -> None:
        """Until cancelled. An outage of the database or a sink costs lateness only."""
        await asyncio.gather(*(self._serve(name, sink) for name, sink in self.sinks.items()))

    async def _serve(self, name: str, sink: Sink) -> None:
        while True:
            try:
                busy = await self.round(name, sink)
            except Unavailable as error:
                log.warning("outbox %s: %s", name, error)
                busy = False
                await asyncio.sleep(1.0)
            if not busy:
                await asyncio.sleep(IDLE)

    async def round(self, name: str, sink: Sink) -> bool:
        """Claim what is due for one sink, tell it, record it. True when there was something."""
        async with self.database.transaction() as session:
            due = await outbox.claim(session, name)
        if not due:
            return False
        try:
            done = set(await sink.tell([mark.request_id for mark in due]))
        except Exception:
            log.exception("outbox %s: told again later", name)  # the claim runs out, with growing delay
            return True
        async with self.database.transaction() as session:
            await outbox.told(session, name, [mark for mark in due if mark.request_id in done])
        return True
