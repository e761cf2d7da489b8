"""A person decides: judged here first, so that a refusal is recorded and costs no update; then recorded in order."""

from __future__ import annotations

import uuid
from typing import Any

from app.db import outbox, requests
from app.db.tables import Attempt
from app.domain.errors import InterlockError, Malformed, NotFound, RateLimited
from app.domain.request import Say
from app.steps import judge
from app.steps.access import roles
from app.steps.facts import bench
from app.steps.judge import ruling_from_json
from app.steps.progress import go_on
from app.steps.scene import NO_SUCH_REQUEST, Scene
from app.use_cases import attempts, refusals
from app.use_cases.actors import Actor, person_id
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
    card: str | None = None,
) -> View:
    """Decide; the request as the decider sees it afterwards. ``key``: the Idempotency-Key, if one was sent.

    ``card``: the hash that `app.use_cases.cards.show` gave for what was shown; needed via Slack.

    Raises NotFound, Malformed, Forbidden with violations, Closed, DecisionStands, DigestDiffers, IdempotencyKeyReused,
    RateLimited, Unavailable, Unconfirmed.
    """
    if decision == Say.DENY and not (reason or "").strip():
        raise Malformed("A denial needs a reason.", where="reason")
    body = {"decision": decision, "reason": reason, "digest": digest} | ({} if card is None else {"card": card})
    attempt, has_workflow, refused = await _judged_first(services, who, request_id, key, body)
    if refused is not None:
        raise refused
    if attempt.ruling is not None:
        return await attempts.seen(services, who, request_id)
    await attempts.send(services, request_id, attempt, has_workflow=has_workflow, step=judge.decide)
    attempt, shown = await attempts.outcome(services, who, request_id, attempt.id)
    error = ruling_from_json(attempt.ruling or {}).error()
    if error is not None:
        raise error
    return shown


async def _judged_first(
    services: Services, who: Actor, request_id: uuid.UUID, key: str | None, body: dict[str, Any]
) -> tuple[Attempt, bool, InterlockError | None]:
    try:
        async with attempts.opened(services, who, request_id) as found:
            _refuse_foreign_bots(found, who)
            attempt = await attempts.known(found, who, "decide", key, body)
            error = None if attempt is None or attempt.ruling is None else ruling_from_json(attempt.ruling).error()
            if attempt is None:
                attempt, error = await _judge(found, who, key, body)
            return attempt, found.row.has_workflow, error
    except NotFound:
        if who.kind == "unlinked":  # an account of nobody in particular does not learn what there is
            person_id(who)
        raise


def _refuse_foreign_bots(found: Scene, who: Actor) -> None:
    """A bot that decides its own is refused by name; of another's request it does not learn that it is there."""
    if who.kind in ("bot", "target") and not roles(found.policy, who.kind, who.id, found.row):
        raise NotFound(NO_SUCH_REQUEST)


async def _judge(
    found: Scene, who: Actor, key: str | None, body: dict[str, Any]
) -> tuple[Attempt, InterlockError | None]:
    """Judge what time has made of the request. Kept: what goes on to be recorded, and what may be asked for by key."""
    before = await bench(found)
    if await go_on(found, before):
        await found.changed()
        outbox.nudge(found.session, found.row.id)
    attempt = attempts.build(found, who, "decide", key, body)
    said, _ = await judge.judge(found, attempt, before.made)
    error, goes_on = said.error(), said.word in ("record", "withdraw")
    if not goes_on:
        attempt.ruling = said.as_json()
    if said.word == "refused":
        names = [violation.invariant for violation in said.violations]
        error = await refusals.note(found, who, "decide", names) or error
        await found.write_entries()
    if goes_on or (key is not None and not isinstance(error, RateLimited)):
        attempt = await requests.store_attempt(found.session, attempt)
    return attempt, error
