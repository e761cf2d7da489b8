"""A person decides: judged here first, so that a refusal is recorded and costs no update; then recorded in order."""

from __future__ import annotations

import uuid
from typing import Any

from app.db import outbox
from app.db.tables import Attempt
from app.domain.errors import InterlockError, Malformed
from app.domain.request import Say
from app.steps import judge
from app.steps.facts import bench
from app.steps.judge import ruling_from_json
from app.steps.progress import go_on
from app.steps.scene import scene
from app.use_cases import attempts, refusals
from app.use_cases.actors import Actor
from app.use_cases.services import Services
from app.use_cases.views import View


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
        if await go_on(found, await bench(found)):
            await found.changed()
            outbox.nudge(found.session, found.row.id)
        said, _ = await judge.judge(found, attempt)
        if said.word not in ("record", "withdraw"):
            attempt.ruling = said.as_json()
        error = said.error()
        if said.word == "refused":
            names = [violation.invariant for violation in said.violations]
            error = await refusals.note(found, who, "decide", names) or error
        await found.session.flush()
        await found.write_entries()
        return attempt, found.row.has_workflow, error
