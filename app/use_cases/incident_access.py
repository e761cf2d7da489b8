"""Who may read an incident, and who may act on it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import incidents
from app.db.incident_tables import Incident
from app.domain.errors import NotFound
from app.governance.built_in import UNDO
from app.governance.policy import Policy
from app.steps.access import MAY, SEATS, roles
from app.use_cases.access import received
from app.use_cases.actors import Actor, person_id
from app.use_cases.services import Services

NO_SUCH = "There is no such incident."


def may_respond(policy: Policy, person: str, bots: Sequence[str]) -> bool:
    """True for who may respond by a group, and for who holds the incident seat of each of these bots."""
    if person in policy.groups_that_may("respond"):
        return True
    return bool(bots) and all(person in policy.responders(bot) for bot in bots)


async def readable(
    services: Services, session: AsyncSession, policy: Policy, who: Actor, incident_id: uuid.UUID
) -> Incident:
    """The incident, for who may respond to it, audits, owns one of its bots, or may read a rollback of it.

    Raises NotFound also for what one may not see, Forbidden for all but people.
    """
    person = person_id(who)
    incident = await incidents.by_id(session, incident_id)
    if incident is not None and _by_office(policy, person, incident):
        return incident
    if incident is not None:
        given = await received(services.ctx, session, who)
        rollbacks = await incidents.rollbacks_of(session, incident, UNDO)
        if any(roles(policy, who.kind, who.id, row, given) & MAY["read"] for row in rollbacks):
            return incident
    raise NotFound(NO_SUCH)


def _by_office(policy: Policy, person: str, incident: Incident) -> bool:
    if may_respond(policy, person, incident.bots) or policy.may(person, "audit"):
        return True
    return any(seated(policy, person, bot) for bot in incident.bots or policy.bots)


def seated(policy: Policy, person: str, bot: str) -> bool:
    """True for who holds any seat of this bot."""
    return any(person in policy.seat(bot, None, seat) for seat in SEATS)
