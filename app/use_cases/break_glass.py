"""A responder releases a held action at once, alone: judged and recorded in one transaction, then its workflow told."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from app.db import outbox, requests
from app.domain.errors import Forbidden, InterlockError
from app.steps import glass
from app.steps.facts import bench
from app.steps.progress import go_on
from app.steps.scene import Scene
from app.use_cases import attempts, refusals
from app.use_cases.access import require
from app.use_cases.actors import Actor, person_id
from app.use_cases.services import Services
from app.use_cases.views import View

OP = "break-glass"


@dataclass(frozen=True, slots=True)
class Pull:
    """What somebody who breaks the glass sends. ``key``: the Idempotency-Key, if one was sent."""

    reason: str
    digest: str
    key: str | None = None

    def body(self) -> dict[str, str]:
        """As the attempt keeps it."""
        return {"reason": self.reason, "digest": self.digest}


async def break_glass(services: Services, who: Actor, request_id: uuid.UUID, pull: Pull) -> View:
    """Release a held action alone; the request as this person sees it. By the same person again: the same.

    Raises NotFound, Forbidden (with violations), DigestDiffers, Closed, NotOpenToThis, IdempotencyKeyReused,
    RateLimited, Unavailable.
    """
    person = person_id(who)
    async with attempts.opened(services, who, request_id) as found:
        refused = await _released(found, who, person, pull)
    if refused is not None:
        raise refused
    services.waiters.wake(request_id)
    return await attempts.seen(services, who, request_id)


async def _released(found: Scene, who: Actor, person: str, pull: Pull) -> InterlockError | None:
    """Why not; None when it is released, now or before. Raises NotFound for what one may not even see."""
    try:
        require(found.policy, who, found.row, "break the glass of")
    except Forbidden as lacking:
        return await _noted(found, who, lacking)
    known = await attempts.known(found, who, OP, pull.key, pull.body())
    if known is not None or (glass.stands(found.row) and glass.breaker(found.row) == person):
        return None
    return await _judged(found, who, person, pull)


async def _judged(found: Scene, who: Actor, person: str, pull: Pull) -> InterlockError | None:
    """Judge what time has made of the request, and release it if nothing speaks against it."""
    people = await bench(found)
    if await go_on(found, people):
        await found.changed()
        outbox.nudge(found.session, found.row.id)
    broken = await glass.violations(found, people, person, who.level)
    if broken:
        return await _noted(found, who, Forbidden(" ".join(v.sentence for v in broken), broken))
    against = glass.conflict(found, people, person, pull.digest)
    if against is None:
        attempt = attempts.build(found, who, OP, pull.key, pull.body())
        attempt.ruling = {"word": "record"}
        await requests.store_attempt(found.session, attempt)
        await glass.release(found, people, attempt)
        outbox.nudge(found.session, found.row.id)
    return against


async def _noted(found: Scene, who: Actor, error: Forbidden) -> InterlockError:
    """A refusal is on the ledger, and counted."""
    limited = await refusals.note(found, who, OP, [v.invariant for v in error.violations])
    await found.write_entries()
    return limited or error
