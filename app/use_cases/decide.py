"""A person decides: judged here first, so that a refusal is recorded and costs no update; then recorded in order."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from app.db.tables import Attempt, Refusal
from app.domain.errors import InterlockError, Malformed, RateLimited
from app.domain.request import Say
from app.steps import judge
from app.steps.judge import Ruling, ruling_from_json
from app.steps.scene import Scene, scene
from app.use_cases import attempts
from app.use_cases.actors import Actor
from app.use_cases.services import Services
from app.use_cases.views import View

REFUSALS_PER_MINUTE = 20
_MINUTE = timedelta(minutes=1)


async def decide(
    services: Services,
    who: Actor,
    request_id: uuid.UUID,
    *,
    decision: str,
    reason: str | None,
    digest: str,
    key: str | None,
) -> View:
    """Decide; the request as the decider sees it afterwards. ``key``: the Idempotency-Key, if one was sent.

    Raises NotFound, Malformed, Forbidden with violations, Closed, DecisionStands, DigestDiffers, IdempotencyKeyReused,
    RateLimited, Unavailable, Unconfirmed.
    """
    if decision == Say.DENY and not (reason or "").strip():
        raise Malformed("A denial needs a reason.", where="reason")
    body = {"decision": decision, "reason": reason, "digest": digest}
    attempt, has_workflow, refused = await _judged_first(services, who, request_id, key, body)
    if refused is not None:
        raise refused
    if attempt.ruling is None:
        await attempts.send(services, request_id, attempt, has_workflow=has_workflow, step=judge.decide)
    attempt, shown = await attempts.outcome(services, who, request_id, attempt.id)
    error = ruling_from_json(attempt.ruling or {}).error()
    if error is not None:
        raise error
    return shown


async def _judged_first(
    services: Services, who: Actor, request_id: uuid.UUID, key: str | None, body: dict[str, Any]
) -> tuple[Attempt, bool, InterlockError | None]:
    async with scene(services.ctx, request_id) as found:
        attempt = await attempts.store(found, who, "decide", key, body)
        if attempt.ruling is not None:
            return attempt, found.row.has_workflow, ruling_from_json(attempt.ruling).error()
        said, _ = await judge.judge(found, attempt)
        if said.word not in ("record", "withdraw"):
            attempt.ruling = said.as_json()
        error = said.error()
        if said.word == "refused":
            error = await _refuse(found, who, said) or error
        await found.session.flush()
        await found.write_entries()
        return attempt, found.row.has_workflow, error


async def _refuse(found: Scene, who: Actor, said: Ruling) -> InterlockError | None:
    """Put a refusal on the ledger; the same one again within a minute is only counted, and too many are turned away."""
    actor, names = who.id or who.identity, ",".join(v.invariant for v in said.violations)
    known = await found.session.get(Refusal, (found.row.id, actor))
    if known is None:
        values = {"request_id": found.row.id, "actor": actor, "count": 0, "window_count": 0}
        await found.session.execute(insert(Refusal).values(**values, window_started_at=found.now, last_invariants=""))
        known = await found.session.get(Refusal, (found.row.id, actor))
    assert known is not None  # noqa: S101  for the type checker: the row's lock is ours, the insert went through
    if found.now - known.window_started_at > _MINUTE:
        known.window_started_at, known.window_count, known.last_invariants = found.now, 0, ""
    known.count, known.window_count = known.count + 1, known.window_count + 1
    if known.window_count > REFUSALS_PER_MINUTE:
        return RateLimited("Refused too often on this request; look at why first.", retry_after=60)
    if known.last_invariants != names:
        known.last_invariants = names
        person = found.pid(who.id) if who.kind == "person" else None
        personal = {"identity": who.identity}
        found.note("refused", personal, person=person, violations=[v.invariant for v in said.violations], op="decide")
    return None
