"""Refusals are evidence: each is on the ledger, the same again within a minute is counted, too many are turned away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from app.db.tables import Refusal
from app.domain.errors import RateLimited
from app.steps.scene import Scene
from app.use_cases.actors import Actor

PER_MINUTE = 20
"""Refusals of one actor on one request that are answered as such; what comes on top is turned away."""

_MINUTE = timedelta(minutes=1)


async def note(found: Scene, who: Actor, op: str, violations: Sequence[str]) -> RateLimited | None:
    """Count a refusal on a locked request and put it on the ledger, once for the same reasons within a minute.

    ``op``: what was refused; ``violations``: the invariants by name. An error when the actor is refused too often.
    """
    actor = (
        who.kind if who.kind == "unlinked" else who.key
    )  # accounts of nobody are counted together: they cost nothing
    reasons = ",".join([op, *violations])
    known = await found.session.get(Refusal, (found.row.id, actor))
    if known is None:
        known = Refusal(request_id=found.row.id, actor=actor, count=0)
        _begin_minute(found, known)
        found.session.add(known)
    elif found.now - known.window_started_at > _MINUTE:
        _begin_minute(found, known)
    known.count, known.window_count = known.count + 1, known.window_count + 1
    if known.window_count > PER_MINUTE:
        return RateLimited("Refused too often on this request; look at why first.", retry_after=60)
    if known.last_invariants != reasons:
        known.last_invariants = reasons
        person = found.pid(who.id) if who.kind == "person" else None
        found.note("refused", {"identity": who.identity}, person=person, violations=list(violations), op=op)
    return None


def _begin_minute(found: Scene, known: Refusal) -> None:
    known.window_started_at, known.window_count, known.last_invariants = found.now, 0, ""
