"""Taking checkpoints to the anchors: the newest one to each, whatever befalls the others.

One worker does, by a lease. It is for economy only: what two of them put is the same, and an anchor takes that twice.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from app.db import anchoring, sealing
from app.db.sealing_tables import SignedHead
from app.domain.errors import InterlockError
from app.domain.note import Checkpoint, VerifierKey
from app.domain.tree import is_consistent
from app.ledger import proofs
from app.ledger.anchors.anchor import Anchor, AnchorFailed
from app.ledger.notes import opened
from app.steps.context import Context
from app.use_cases.leases import Leadership

log = logging.getLogger(__name__)

LEASE = "anchors"
WITHIN = 30.0
"""Seconds that one anchor may take for one checkpoint."""
AGAIN = 3600.0
"""Seconds after which an anchor that still fails is told of again."""


@dataclass(slots=True)
class Anchoring:
    """Takes the newest checkpoint to each anchor. ``keys``: that sign checkpoints, or have."""

    ctx: Context
    anchors: Sequence[Anchor]
    keys: Sequence[VerifierKey]
    every: float
    within: float = WITHIN
    _told: dict[str, float] = field(default_factory=dict)

    async def run(self) -> None:
        """Until cancelled: whenever this process leads, a round every so many seconds."""
        span = timedelta(seconds=2 * self.within + self.every)
        leadership = Leadership(self.ctx, LEASE, span)
        try:
            while True:
                try:
                    if self.anchors and await leadership.take():
                        await self.round()
                except InterlockError as error:
                    log.warning("anchors: %s", error)
                await asyncio.sleep(self.every)
        finally:
            await leadership.give_back()

    async def round(self) -> None:
        """Take the newest checkpoint to all anchors, side by side. Raises Unavailable."""
        async with self.ctx.database.transaction() as session:
            newest = await sealing.newest(session)
        if newest is not None:
            await asyncio.gather(*(self._serve(anchor, newest) for anchor in self.anchors))

    async def _serve(self, anchor: Anchor, newest: SignedHead) -> None:
        error: str | None = None
        try:
            async with asyncio.timeout(self.within):
                await self._take(anchor, newest)
        except TimeoutError:
            error = f"it took more than {self.within:g} s"
        except (AnchorFailed, ValueError, sealing.TreeBroken, OSError) as failure:
            error = str(failure) or type(failure).__name__
        async with self.ctx.database.transaction() as session:
            if error is None:
                await anchoring.taken(session, anchor.name, newest.origin, newest.size)
            since = await anchoring.tried(session, anchor.name, error)
        self._tell(anchor.name, error, failed_before=since is not None)

    async def _take(self, anchor: Anchor, newest: SignedHead) -> None:
        """Raises AnchorFailed when this checkpoint is not one that goes on from what the anchor holds."""
        head, note = opened(newest.note, self.keys), await anchor.newest(newest.origin)
        held = None if note is None else opened(note, self.keys)
        async with self.ctx.database.transaction() as session:
            before = await anchoring.last(session, anchor.name, newest.origin)
        has, had = 0 if held is None else held.size, 0 if before is None else before.size
        if has < had:
            raise AnchorFailed(f"it took a checkpoint of {had} leaves, and holds {has} at most: who has emptied it?")
        if held is not None:
            await self._check(held, head)
        await anchor.put(newest.note)

    async def _check(self, held: Checkpoint, head: Checkpoint) -> None:
        if held.size > head.size:
            raise AnchorFailed(
                f"it holds a checkpoint of {held.size} leaves, and the ledger has {head.size} only:"
                " was an older database put back? Run interlock ledger verify"
            )
        async with self.ctx.database.transaction() as session:
            path = await proofs.consistency(session, held.size, head.size) if held.size else []
        if held.size and not is_consistent(held.size, head.size, held.root, head.root, path):
            raise AnchorFailed(
                f"the ledger of {head.size} leaves does not go on from the {held.size} that it holds a checkpoint of:"
                " the ledger was rewritten. Run interlock ledger verify"
            )

    def _tell(self, name: str, error: str | None, *, failed_before: bool) -> None:
        if error is None:
            self._told.pop(name, None)
            if failed_before:
                log.info("anchor %s works again", name)
            return
        now = time.monotonic()
        if name not in self._told or now - self._told[name] >= AGAIN:
            self._told[name] = now
            log.error("anchor %s fails: %s", name, error)
