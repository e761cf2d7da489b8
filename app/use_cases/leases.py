"""Leading something alone among all processes, for as long as the lease is good."""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from app.db import leases
from app.domain.errors import InterlockError
from app.steps.context import Context


@dataclass(slots=True)
class Leadership:
    """One process's hold on a lease, for ``span`` at a time.

    ``epoch``: of the last time it was taken, None while another leads.
    """

    ctx: Context
    name: str
    span: timedelta
    owner: uuid.UUID = field(default_factory=uuid.uuid4)
    epoch: int | None = None
    _good_until: float = 0.0

    @property
    def due(self) -> bool:
        """True when it is time to take or prolong it."""
        return self.left < self.span.total_seconds() / 2

    @property
    def left(self) -> float:
        """Seconds for which nobody else can lead, by a clock that also runs while this process is frozen."""
        return 0.0 if self.epoch is None else self._good_until - self.ctx.boottime()

    async def take(self) -> bool:
        """Take or prolong the lease; True when it is ours. Raises Unavailable."""
        asked = self.ctx.boottime()
        async with self.ctx.database.transaction() as session:
            self.epoch = await leases.take(session, self.name, self.owner, self.span)
        self._good_until = asked + self.span.total_seconds()
        return self.epoch is not None

    async def give_back(self) -> None:
        """Let the next one lead at once; if that cannot be said, the lease runs out by itself."""
        self.epoch = None
        with suppress(InterlockError):
            async with self.ctx.database.transaction() as session:
                await leases.give_back(session, self.name, self.owner)
