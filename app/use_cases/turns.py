"""Taking turns: so many at once for one thing, in this process; who would wait too long is sent away with a 429."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from app.domain.errors import RateLimited

WITHIN = 3.0
"""Seconds after which who had no turn is sent away: nothing was sent or stored, so it is not unconfirmed."""


@dataclass(frozen=True, slots=True)
class Turns:
    """``at_once``: how many have their turn at one thing; the others stand in line, first come, first served."""

    at_once: int
    _lines: WeakValueDictionary[Hashable, asyncio.Semaphore] = field(default_factory=WeakValueDictionary)

    @asynccontextmanager
    async def of(self, thing: Hashable) -> AsyncIterator[None]:
        """A turn at this thing. Raises RateLimited when it does not come in time."""
        line = self._lines.setdefault(thing, asyncio.Semaphore(self.at_once))  # lives while anybody is in this block
        try:
            await asyncio.wait_for(line.acquire(), WITHIN)
        except TimeoutError as error:
            raise RateLimited("Too much at once on this request; send it again.", retry_after=1) from error
        try:
            yield
        finally:
            line.release()
