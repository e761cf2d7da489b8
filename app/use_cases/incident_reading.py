"""Reading an incident, a page of them, and waiting for one to change."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, literal, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import incidents, requests
from app.db.incident_tables import Incident
from app.db.tables import Request
from app.domain.clocks import rfc3339
from app.domain.errors import NotFound
from app.domain.incident import Standing
from app.domain.request import Kind
from app.domain.states import Status
from app.governance.built_in import UNDO
from app.governance.policy import Policy
from app.steps.incident_rollback import LIVE
from app.use_cases.access import received, visible
from app.use_cases.actors import Actor, person_id
from app.use_cases.cursors import behind, position
from app.use_cases.incident_access import NO_SUCH, readable, seated
from app.use_cases.incident_views import View, brief, look, progress, suspended, undone, view
from app.use_cases.incidents import open_incident
from app.use_cases.read import LOOK_AGAIN
from app.use_cases.services import Services


async def opened(services: Services, who: Actor, key: str, *, suspend: bool, **fields: Any) -> tuple[View, bool]:
    """Open an incident; its view, with ``suspended`` where that was asked for, and whether it was this call.

    ``fields``, and what it raises: see `open_incident`.
    """
    incident, new = await open_incident(services, who, key, suspend=suspend, **fields)
    async with services.ctx.database.transaction() as session:
        policy = await services.ctx.rules.in_force(session)
        looked = await look(services.ctx, session, policy, incident)
        stopped = {"suspended": await suspended(session, incident.bots)} if suspend else {}
    return await view(looked) | stopped, new


async def read(services: Services, who: Actor, incident_id: uuid.UUID) -> View:
    """An incident as it stands. Raises NotFound also for what one may not see, Forbidden for all but people."""
    async with services.ctx.database.transaction() as session:
        policy = await services.ctx.rules.in_force(session)
        incident = await readable(services, session, policy, who, incident_id)
        looked = await look(services.ctx, session, policy, incident)
    return await view(looked)


async def wait(services: Services, who: Actor, incident_id: uuid.UUID, *, seconds: float, since: int | None) -> View:
    """Like `read`, but not before the version exceeds ``since`` (default: what stands now), or the time is over.

    Only what is small is looked at meanwhile: what an incident is about is worked out once, for the answer.
    """
    async with services.ctx.database.transaction() as session:
        policy = await services.ctx.rules.in_force(session)
        incident = await readable(services, session, policy, who, incident_id)
        seen = incident.version if since is None else since
    await _changed(services, incident_id, seen, seconds)
    return await read(services, who, incident_id)


async def _changed(services: Services, incident_id: uuid.UUID, seen: int, seconds: float) -> None:
    """Until its version exceeds ``seen``, nothing can change any more, or the time is over.

    What runs tells by its rollback, which there may not be yet: who asks for it wakes those who wait for the incident.
    """
    loop = asyncio.get_running_loop()
    deadline, rollback = loop.time() + seconds, None
    while True:
        async with services.waiters.watching(incident_id, rollback or incident_id) as changed:
            version, now, may_change = await _look(services, incident_id)
            left = deadline - loop.time()
            if version > seen or not may_change or left <= 0:
                return
            if now != rollback:
                rollback = now
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), min(left, LOOK_AGAIN))


async def _look(services: Services, incident_id: uuid.UUID) -> tuple[int, uuid.UUID | None, bool]:
    """Its version, its rollback, and whether either may change."""
    async with services.ctx.database.transaction() as session:
        incident = await incidents.by_id(session, incident_id)
        if incident is None:
            raise NotFound(NO_SUCH)
        row = None if incident.rollback is None else await requests.by_id(session, incident.rollback)
    runs = row is not None and Status(row.status) in LIVE
    return incident.version, incident.rollback, runs or incident.status != Standing.CLOSED


async def followed(services: Services, who: Actor, incident_id: uuid.UUID) -> View:
    """``{status, rollback, rollback_status, progress}``: how far it is, and no more, for who may read it."""
    async with services.ctx.database.transaction() as session:
        policy = await services.ctx.rules.in_force(session)
        incident = await readable(services, session, policy, who, incident_id)
        row = None if incident.rollback is None else await requests.by_id(session, incident.rollback)
        items = [] if row is None else await undone(session, row)
    told = {"rollback": row and str(row.id), "rollback_status": row and row.status}
    return {"status": incident.status, **told, "progress": progress(items)}


async def listing(services: Services, who: Actor, *, cursor: str | None, limit: int) -> dict[str, Any]:
    """``{items, next_cursor}``, newest first: the incidents that this person may read, without what they are about."""
    after = None if cursor is None else position(cursor)
    async with services.ctx.database.transaction() as session:
        policy = await services.ctx.rules.in_force(session)
        where = await _seen(services, session, policy, who)
        rows = await incidents.page(session, where=[where], after=after, limit=limit + 1)
    found = rows[:limit]
    return {
        "items": [brief(row) for row in found],
        "next_cursor": behind(rfc3339(found[-1].opened_at), str(found[-1].id)) if len(rows) > limit else None,
    }


async def _seen(services: Services, session: AsyncSession, policy: Policy, who: Actor) -> ColumnElement[bool]:
    """The condition under which a list may show an incident: the same rule as `readable`."""
    person = person_id(who)
    if person in policy.groups_that_may("respond") or policy.may(person, "audit"):
        return true()
    owned = [bot for bot in policy.bots if seated(policy, person, bot) or person in policy.responders(bot)]
    seen = visible(policy, who, await received(services.ctx, session, who))
    rollbacks = select(Request.undoes["incident"].astext).where(
        Request.action == UNDO, Request.kind == Kind.INCIDENT_ROLLBACK, seen
    )
    by_office = [Incident.bots.has_any(literal(owned, ARRAY(Text))), Incident.bots == []] if owned else []
    return or_(cast(Incident.id, Text).in_(rollbacks), *by_office)
