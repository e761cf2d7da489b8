"""What decide, cancel, report and begin share: an attempt is stored, judged once, sent on, and its ruling read back."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from app.db import outbox, requests
from app.db.tables import Attempt
from app.domain.digest import derived_id
from app.domain.errors import Closed, IdempotencyKeyReused, NotFound, Unavailable
from app.domain.request import word
from app.steps.context import Context
from app.steps.scene import NO_SUCH_REQUEST, Scene, scene
from app.use_cases import temporal
from app.use_cases.actors import Actor
from app.use_cases.services import Services
from app.use_cases.views import View, view
from workflows.contracts import State

Step = Callable[[Context, uuid.UUID, uuid.UUID], Awaitable[State]]


@asynccontextmanager
async def opened(services: Services, who: Actor, request_id: uuid.UUID) -> AsyncIterator[Scene]:
    """The request, locked to judge what this actor wants to do; one of theirs at a time, and few of everybody's.

    Raises NotFound, RateLimited; Closed once its content was erased, which nothing is to be added to.
    """
    async with (
        services.own.of((request_id, who.key)),
        services.judging.of(request_id),
        scene(services.ctx, request_id) as found,
    ):
        if found.row.erased_at is not None:
            raise Closed("The content of this request has been erased.", status=found.row.status)
        yield found


async def known(found: Scene, who: Actor, op: str, key: str | None, body: dict[str, Any]) -> Attempt | None:
    """What this actor sent on this request under this key before.

    Raises IdempotencyKeyReused when that was something else.
    """
    if key is None:
        return None
    before = await requests.attempt_with_key(found.session, found.row.id, who.key, key)
    if before is not None and (before.op, before.body) != (op, body):
        raise IdempotencyKeyReused("This Idempotency-Key came before with another body.", status=found.row.status)
    return before


def build(found: Scene, who: Actor, op: str, key: str | None, body: dict[str, Any]) -> Attempt:
    """What somebody wants to do, not kept yet: what is refused or stands already costs its caller more than us."""
    return Attempt(
        id=_attempt_id(found.row.id, who, op, key, body),
        request_id=found.row.id,
        op=op,
        actor_kind=who.kind,
        actor_id=who.id if who.kind in ("person", "bot") else None,
        actor=who.key,
        identity=who.identity,
        level=word(who.level),
        via=who.via,
        idempotency_key=key,
        body=body,
        ruling=None,
        created_at=found.now,
    )


def _attempt_id(request_id: uuid.UUID, who: Actor, op: str, key: str | None, body: dict[str, Any]) -> uuid.UUID:
    if key is None:
        return uuid.uuid4()
    said = str(body.get("decision", op))
    return derived_id(str(request_id), who.key, key, said, str(body.get("digest", "")))


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
    except Unavailable:
        await _look_again(services, request_id)
        raise


async def _look_again(services: Services, request_id: uuid.UUID) -> None:
    """Temporal forgets an update with its memory, though its step has recorded: without a nudge nobody would go on."""
    async with services.ctx.database.transaction() as session:
        outbox.nudge(session, request_id)


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
        return attempt, await view(services.ctx, session, policy, who, row)


async def seen(services: Services, who: Actor, request_id: uuid.UUID) -> View:
    """The request as this actor sees it now."""
    async with services.ctx.database.transaction() as session:
        row = await requests.by_id(session, request_id)
        if row is None:
            raise NotFound(NO_SUCH_REQUEST)
        return await view(services.ctx, session, await services.ctx.rules.in_force(session), who, row)
