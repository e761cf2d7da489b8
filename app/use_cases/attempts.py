"""What decide, cancel, report and begin share: an attempt is stored, judged once, sent on, and its ruling read back."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from app.db import requests
from app.db.tables import Attempt
from app.domain.digest import derived_id
from app.domain.errors import IdempotencyKeyReused, Unavailable
from app.domain.request import word
from app.steps.context import Context
from app.steps.scene import Scene
from app.use_cases import temporal
from app.use_cases.actors import Actor
from app.use_cases.services import Services
from app.use_cases.views import View, view
from workflows.contracts import State

Step = Callable[[Context, uuid.UUID, uuid.UUID], Awaitable[State]]


async def store(found: Scene, who: Actor, op: str, key: str | None, body: dict[str, Any]) -> Attempt:
    """Keep what somebody wants to do, before anything is made of it. The same key finds what is kept.

    Raises IdempotencyKeyReused when the key came before, on this request and by this account, with another body.
    """
    if key is not None:
        known = await requests.attempt_with_key(found.session, found.row.id, _actor(who), key)
        if known is not None and (known.op, known.body) != (op, body):
            raise IdempotencyKeyReused("This Idempotency-Key came before with another body.", status=found.row.status)
    attempt = Attempt(
        id=_attempt_id(found.row.id, who, op, key, body),
        request_id=found.row.id,
        op=op,
        actor_kind=who.kind,
        actor_id=who.id if who.kind in ("person", "bot") else None,
        actor=_actor(who),
        identity=who.identity,
        level=word(who.level),
        via=who.via,
        idempotency_key=key,
        body=body,
        ruling=None,
        created_at=found.now,
    )
    return await requests.store_attempt(found.session, attempt)


def _attempt_id(request_id: uuid.UUID, who: Actor, op: str, key: str | None, body: dict[str, Any]) -> uuid.UUID:
    if key is None:
        return uuid.uuid4()
    said = str(body.get("decision", op))
    return derived_id(str(request_id), _actor(who), key, said, str(body.get("digest", "")))


def _actor(who: Actor) -> str:
    return who.id or who.identity


async def send(services: Services, request_id: uuid.UUID, attempt: Attempt, *, has_workflow: bool, step: Step) -> None:
    """Let the attempt be recorded, in the order of the request's workflow; without one, here."""
    if not has_workflow:
        await step(services.ctx, request_id, attempt.id)
        services.waiters.wake(request_id)
        return
    try:
        await temporal.act(services, request_id, attempt.op, attempt.id)
    except temporal.WorkflowGone:
        await _without_workflow(services, request_id, attempt, step)


async def _without_workflow(services: Services, request_id: uuid.UUID, attempt: Attempt, step: Step) -> None:
    """Its workflow has ended, or Temporal has lost it: the row decides here, and is taken over if it is still open.

    First the step: a workflow that takes over an approved row executes it at once, and this may be what forbids that.
    """
    state = await step(services.ctx, request_id, attempt.id)
    services.waiters.wake(request_id)
    if state.is_open:
        with suppress(temporal.WorkflowGone):  # it was taken over, and has ended, meanwhile
            await temporal.take_over(services, request_id)


async def outcome(services: Services, who: Actor, request_id: uuid.UUID, attempt_id: uuid.UUID) -> tuple[Attempt, View]:
    """The attempt with its ruling, and the request as this actor sees it now."""
    async with services.ctx.database.transaction() as session:
        attempt = await session.get(Attempt, attempt_id, populate_existing=True)
        row = await requests.by_id(session, request_id)
        if attempt is None or row is None or attempt.ruling is None:
            raise Unavailable("It was not recorded. Try again.")
        policy = await services.ctx.rules.in_force(session)
        return attempt, await view(session, policy, who, row)
