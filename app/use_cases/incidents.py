"""A responder opens an incident, asks to undo what it is about, pauses that, lets it go on, and closes it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import incidents, requests
from app.db.incident_tables import Incident
from app.db.tables import Request
from app.domain.ask import Ask
from app.domain.clocks import rfc3339
from app.domain.digest import derived_id, request_id
from app.domain.errors import (
    Closed,
    Forbidden,
    IdempotencyKeyReused,
    Malformed,
    NotOpenToThis,
    OffSchema,
)
from app.domain.incident import Standing
from app.domain.request import Kind
from app.domain.states import Status
from app.governance.built_in import UNDO
from app.governance.policy import Policy
from app.steps import incidents as steps
from app.steps.context import Context
from app.steps.incident_rollback import LIVE, MOST, candidates
from app.steps.incidents import By
from app.steps.rollback import Undoing
from app.steps.scene import scene
from app.use_cases import stop
from app.use_cases.actors import Actor, person_id
from app.use_cases.asking import Submitted, standing, through_workflow
from app.use_cases.incident_access import NO_SUCH, may_respond, readable
from app.use_cases.rollback import refuse_denied
from app.use_cases.services import Services

__all__ = ["NO_SUCH", "may_respond"]

LONGEST_REASON = 2000
"""Of a suspension's reason."""


async def open_incident(
    services: Services,
    who: Actor,
    key: str,
    *,
    title: str,
    bots: Sequence[str],
    actions: Sequence[str],
    since: datetime,
    until: datetime,
    suspend: bool = False,
) -> tuple[Incident, bool]:
    """Open an incident; True beside it when it was this call. ``key``: its idempotency key; empty lists: all.

    ``suspend``: stop its bots first. Where the incident stands they were stopped, and are not once more: it is kept
    last, so that a call whose answer was lost does what is left of it.
    Raises Forbidden unless one is a responder, Malformed, OffSchema for a bot that there is not, IdempotencyKeyReused.
    """
    person, ctx = person_id(who), services.ctx
    new = Incident(
        id=derived_id("incident", person, key),
        title=title,
        bots=sorted(set(bots)),
        actions=sorted(set(actions)),
        since=since,
        until=until,
        opened_by=person,
        status=Standing.OPEN.value,
        version=1,
    )
    fields = _fields(new, bots, actions, suspend=suspend)
    standing = await _standing(services, new, fields)
    if standing is not None:
        return standing, False
    for bot in new.bots if suspend else ():
        await stop.suspend(services, who, bot, f"Incident {new.id}: {title}"[:LONGEST_REASON])
    async with ctx.database.urgent() as session:
        incident = await steps.open_(ctx, session, new, _by(who, person), fields)
        await _refuse_other(ctx, session, incident, fields)
        return incident, incident is new


def _fields(new: Incident, bots: Sequence[str], actions: Sequence[str], *, suspend: bool) -> dict[str, Any]:
    """What was asked for, as it was asked for. Raises Malformed."""
    if new.since >= new.until:
        raise Malformed("An incident begins before it ends.", where="to")
    if suspend and not bots:
        raise Malformed("To suspend bots, name them.", where="suspend")
    begun_and_ended = {"from": rfc3339(new.since), "to": rfc3339(new.until)}
    return {"title": new.title, "bots": list(bots), "actions": list(actions), **begun_and_ended, "suspend": suspend}


async def _standing(services: Services, new: Incident, fields: dict[str, Any]) -> Incident | None:
    """The incident that stands under this id, for who may open it. Raises as `open_incident`."""
    ctx = services.ctx
    async with ctx.database.urgent() as session:
        policy = await ctx.rules.in_force(session)
        unknown = sorted(set(new.bots) - set(policy.bots))
        if unknown:
            raise OffSchema(f"There is no bot {unknown[0]}.", where="bots")
        _require(policy, new.opened_by, new.bots)
        standing = await incidents.by_id(session, new.id)
        if standing is not None:
            await _refuse_other(ctx, session, standing, fields)
        return standing


async def _refuse_other(ctx: Context, session: AsyncSession, incident: Incident, fields: dict[str, Any]) -> None:
    if not await steps.is_same(ctx, session, incident, fields):
        raise IdempotencyKeyReused("This Idempotency-Key came before with another body.")


def _require(policy: Policy, person: str, bots: Sequence[str]) -> None:
    if not may_respond(policy, person, bots):
        raise Forbidden("For an incident one must be a responder, or hold the incident seat of each of its bots.")


def _by(who: Actor, person: str) -> By:
    return By(person, who.identity, who.via)


async def roll_back_incident(
    services: Services, who: Actor, incident_id: uuid.UUID, key: str, *, chosen: Sequence[uuid.UUID] | str, reason: str
) -> Submitted:
    """Ask to undo what was chosen of an incident, or ``"all"`` that can be: one request, held under one plan.

    Raises NotFound, Forbidden, OffSchema for what is no candidate, NotReversible, WindowOver, RollbackExists,
    NotOpenToThis, IdempotencyKeyReused, Unavailable, Unconfirmed.
    """
    person = person_id(who)
    which = chosen if isinstance(chosen, str) else sorted({str(id_) for id_ in chosen})
    about = {"id": str(incident_id), "requests": which}
    ask = Ask(Kind.INCIDENT_ROLLBACK.value, "person", person, None, UNDO, {}, reason=reason, incident=about)
    id_ = request_id(ask.kind, ask.asker_kind, ask.asker_id, key)
    async with services.ctx.database.transaction() as session:
        stands = await requests.by_id(session, id_) is not None
    if not stands:
        await _check(services, who, incident_id, which)
    created = False if stands else await through_workflow(services, id_, ask)
    async with services.ctx.database.transaction() as session:
        row, done = await standing(session, services, who, ask, id_, created=created)
    refuse_denied(row)
    services.waiters.wake(incident_id)
    return done


async def _check(services: Services, who: Actor, incident_id: uuid.UUID, which: Sequence[str] | str) -> None:
    """What can be seen at once to be impossible is refused here, nothing stored."""
    ctx = services.ctx
    async with ctx.database.urgent() as session:
        policy = await ctx.rules.in_force(session)
        incident = await _known(services, session, who, incident_id)
        if incident.status != Standing.OPEN:
            raise NotOpenToThis(f"The incident is {incident.status}: nothing more is undone of it.")
        only = None if isinstance(which, str) else [uuid.UUID(id_) for id_ in which]
        if only is not None and len(only) > MOST:
            raise OffSchema(
                f"One rollback undoes {MOST} requests at most; undo the others by another.", where="requests"
            )
        found = await candidates(session, policy, incident, await ctx.clock.now(session), only=only)
    known = {one.row.id for one in found}
    strangers = [id_ for id_ in only or () if id_ not in known]
    if strangers:
        raise OffSchema(f"{strangers[0]} is no candidate of this incident.", where="requests")
    if not any(isinstance(one.how, Undoing) for one in found):
        raise NotOpenToThis("Nothing of this incident can be undone now: see why at its candidates.")


async def _known(services: Services, session: AsyncSession, who: Actor, incident_id: uuid.UUID) -> Incident:
    """The incident, for a responder. Raises NotFound for what one may not even read, Forbidden."""
    policy = await services.ctx.rules.in_force(session)
    incident = await readable(services, session, policy, who, incident_id)
    _require(policy, person_id(who), incident.bots)
    return incident


async def pause(services: Services, who: Actor, incident_id: uuid.UUID) -> Incident:
    """Stop a running rollback: once this has answered, no item starts. Again: as it stands.

    Raises NotFound, Forbidden, NotOpenToThis.
    """
    return await _turn(services, who, incident_id, Standing.ROLLING_BACK, Standing.PAUSED)


async def go_on(services: Services, who: Actor, incident_id: uuid.UUID) -> Incident:
    """Let a paused rollback go on. Again: as it stands. Raises NotFound, Forbidden, NotOpenToThis."""
    return await _turn(services, who, incident_id, Standing.PAUSED, Standing.ROLLING_BACK)


async def _turn(services: Services, who: Actor, incident_id: uuid.UUID, at: Standing, to: Standing) -> Incident:
    person, ctx = person_id(who), services.ctx
    async with ctx.database.transaction() as session:
        rollback = (await _known(services, session, who, incident_id)).rollback
    if rollback is None:
        raise NotOpenToThis("Nothing of this incident is being undone.")
    async with scene(ctx, rollback) as found:
        incident = await incidents.locked(found.session, incident_id)
        assert incident is not None  # noqa: S101  for the type checker: it was there, and none is ever taken away
        if incident.status == to:
            return incident
        if incident.status != at or incident.rollback != rollback:
            raise NotOpenToThis(f"The incident is {incident.status}.")
        await (steps.pause if to is Standing.PAUSED else steps.go_on)(found, incident, _by(who, person))
    services.waiters.wake(rollback)
    services.waiters.wake(incident_id)
    return incident


async def close(services: Services, who: Actor, incident_id: uuid.UUID, summary: str) -> Incident:
    """Close it with a summary; of a paused rollback nothing more runs then. The same again: as it stands.

    Raises NotFound, Forbidden, Closed when another summary stands, NotOpenToThis while its rollback waits or runs.
    """
    ctx = services.ctx
    async with ctx.database.transaction() as session:
        await _known(services, session, who, incident_id)
        incident = await incidents.locked(session, incident_id)
        assert incident is not None  # noqa: S101  for the type checker: `_known` has found it
        if incident.status == Standing.CLOSED:
            if incident.summary == summary:
                return incident
            raise Closed("The incident is closed.", status=incident.status)
        last = None if incident.rollback is None else await requests.by_id(session, incident.rollback)
        _refuse_while_live(incident, last)
        await steps.close(ctx, session, incident, _by(who, person_id(who)), summary)
    services.waiters.wake(incident_id)
    return incident


def _refuse_while_live(incident: Incident, last: Request | None) -> None:
    if last is None or Status(last.status) not in LIVE or incident.status == Standing.PAUSED:
        return
    if incident.status == Standing.ROLLING_BACK:
        raise NotOpenToThis("It is being rolled back: wait for that, or pause it first.")
    raise NotOpenToThis(f"Its rollback {last.id} is {last.status}: decide or cancel that first.")
