"""Everywhere that a person sits: what must be handed over, and what ends, when they leave."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import delegations, governance, sitting
from app.db.tables import Person
from app.domain.clocks import rfc3339
from app.domain.errors import Forbidden, NotFound
from app.governance.off_boarding import Place, places
from app.governance.policy import Policy
from app.steps.context import Context
from app.use_cases import delegations as delegating
from app.use_cases import permissions as permitting
from app.use_cases.actors import Actor, person_id
from app.use_cases.services import Services

View = dict[str, Any]


async def seats_of(services: Services, who: Actor, person: str) -> View:
    """Everything that is a person's here. For themself, auditors and who may administer. Raises Forbidden, NotFound."""
    asker, ctx = person_id(who), services.ctx
    async with ctx.database.transaction() as session:
        policy = await ctx.rules.in_force(session)
        if asker != person and not (policy.may(asker, "audit") or policy.may(asker, "administer")):
            raise Forbidden("To see where another sits one must audit or administer.")
        known = await governance.person(session, person)
        if known is None:
            raise NotFound("There is no such person.")
        return {
            "person": {"id": known.id, "name": known.name, "active": known.active},
            **await _in_the_rules(ctx, session, policy, known),
            **await _given(ctx, session, known),
            **await _pending(session, known),
            **await _made(ctx, session, policy, known),
        }


async def _in_the_rules(ctx: Context, session: AsyncSession, policy: Policy, person: Person) -> View:
    found = places((await ctx.rules.source(session))["document"], person.id)
    return {
        "seats": [_seat(place) for place in found if place.seat is not None],
        "groups": [
            {"place": place.key, "group": place.name, "may": sorted(policy.groups[place.name].may)}
            for place in found
            if place.seat is None
        ],
    }


def _seat(place: Place) -> View:
    kind = {"bots": "bot", "actions": "action"}[place.section]
    return {"place": place.key, "of": kind, "name": place.name, "seat": place.seat, "by_group": place.by}


async def _given(ctx: Context, session: AsyncSession, person: Person) -> View:
    rows = await delegations.listed(session, await ctx.clock.now(session), person.id)
    return {
        "delegations": [delegating.view(row) for row in rows],
        "identities": [
            {"kind": row.kind, "issuer": row.issuer, "subject": row.subject, "source": row.source}
            for row in await sitting.identities_of(session, person.id)
        ],
    }


async def _pending(session: AsyncSession, person: Person) -> View:
    return {
        "requests": [
            {"id": str(row.id), "kind": row.kind, "action": row.action, "status": row.status}
            for row in await sitting.asked_by(session, person.id)
        ],
        "votes": [
            {"request": str(row.id), "action": row.action, "status": row.status, "decision": said.say}
            for said, row in await sitting.votes_of(session, person.id)
        ],
        "reviews": [
            {"id": str(row.id), "kind": row.kind, "bot": row.bot, "due_at": rfc3339(row.due_at)}
            for row in await sitting.reviews_for(session, person.id)
        ],
    }


async def _made(ctx: Context, session: AsyncSession, policy: Policy, person: Person) -> View:
    now = await ctx.clock.now(session)
    granted = [permitting.view(row, policy, now) for row in await sitting.permissions_of(session, person.id)]
    return {
        "credentials": [
            {"client_id": row.client_id, "kind": row.holder_kind, "holder": row.holder_id}
            for row in await sitting.credentials_of(session, person.id)
        ],
        "permissions": [
            {name: one[name] for name in ("id", "bot", "action", "expires_at")}
            for one in granted
            if one["status"] == "live"
        ],
    }
