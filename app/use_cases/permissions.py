"""Standing permissions: what an ask for one must be, who sees them, and how one is revoked at once."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, ledger, permissions
from app.db.permissions import Stored
from app.domain.ask import Ask
from app.domain.clocks import rfc3339
from app.domain.errors import Forbidden, NotFound
from app.governance.policy import Policy
from app.steps.access import SEATS
from app.steps.context import Context
from app.steps.permitting import Wish, fault
from app.use_cases.actors import Actor, person_id
from app.use_cases.services import Services

MOST = 200
"""How many are listed, the newest first."""

NO_SUCH = "There is no such standing permission."
"""Said of what is not there and of what one may not see: nobody learns which."""

MAY_REVOKE = ("exceptions", "security", "business")
"""The seats of a bot whose holders revoke, as its responders and administrators do."""

View = dict[str, Any]


async def check_permission(ctx: Context, ask: Ask) -> None:
    """Raises Forbidden, OffSchema with what is wrong, or NotOpenToThis: for this action none is to be had."""
    async with ctx.database.transaction() as session:
        policy, now = await ctx.rules.in_force(session), await ctx.clock.now(session)
    wrong = fault(policy, Wish(ask.asker_id, ask.parameters, now, now))
    if wrong is not None:
        raise wrong


async def listing(services: Services, who: Actor, bot: str | None) -> View:
    """``{items}``: those that this person may see, of one bot or of all. Raises Forbidden for all but people."""
    person, ctx = person_id(who), services.ctx
    async with ctx.database.transaction() as session:
        policy = await ctx.rules.in_force(session)
        bots = _seen(policy, person)
        if bot is not None:
            bots = {bot} if bots is None or bot in bots else set()
        rows, now = await permissions.listed(session, bots, MOST), await ctx.clock.now(session)
        return {"items": [view(row, policy, now) for row in rows]}


def _seen(policy: Policy, person: str) -> set[str] | None:
    """The bots whose permissions somebody may see; None: all, also those that are gone."""
    if any(person in policy.groups_that_may(what) for what in ("audit", "administer", "respond")):
        return None
    return {bot for bot in policy.bots if person in policy.responders(bot) or _seated(policy, person, bot, SEATS)}


def _seated(policy: Policy, person: str, bot: str, seats: tuple[str, ...]) -> bool:
    return any(person in policy.seat(bot, None, seat) for seat in seats)


async def revoke(services: Services, who: Actor, permission_id: uuid.UUID, reason: str) -> View:
    """End a permission now; revoked already: as it stands. Once this has answered, nothing starts under it any more.

    Raises NotFound, Forbidden, Unavailable, Unconfirmed.
    """
    person, ctx = person_id(who), services.ctx
    async with services.own.of(("stop", who.key)), ctx.database.urgent() as session:
        policy = await ctx.rules.in_force(session)
        _require(policy, person, await permissions.by_id(session, permission_id))
        row = await permissions.locked(session, permission_id)
        now = await ctx.clock.now(session)
        if row is None:
            raise NotFound(NO_SUCH)
        if row.revoked_at is None:
            row.revoked_at, row.revoked_by, row.revoke_reason = now, person, reason
            await session.flush()
            await _told(services, session, who, row, now)
        return view(row, policy, now)


def _require(policy: Policy, person: str, row: Stored | None) -> None:
    seen = _seen(policy, person)
    if row is None or not (seen is None or row.bot in seen):
        raise NotFound(NO_SUCH)
    if not may_revoke(policy, person, row.bot):
        raise Forbidden(f"To revoke this one must hold a seat of {row.bot}, respond for it, or administer.")


def may_revoke(policy: Policy, person: str, bot: str) -> bool:
    """True for who may revoke a permission of this bot."""
    stops = person in policy.responders(bot) or policy.may(person, "administer")
    return stops or _seated(policy, person, bot, MAY_REVOKE)


async def _told(services: Services, session: AsyncSession, who: Actor, row: Stored, now: datetime) -> None:
    known = await governance.person(session, row.revoked_by or "")
    secret = await services.ctx.vault.create(session, f"revocation:{row.id}")
    facts = {
        "permission": str(row.id),
        "person": None if known is None else str(known.pid),
        "via": who.via,
        "uses": row.uses,
        "total": row.total,
        "sealed": secret.seal({"identity": who.identity, "reason": row.revoke_reason}),
    }
    stream = f"bot:{row.bot}"
    await ledger.lock_stream(session, stream)
    await ledger.append(session, stream, "permission-revoked", now, facts)


def view(row: Stored, policy: Policy, now: datetime) -> View:
    """As the API and the command line tell it."""
    parameter, at_most = row.max_parameter, row.max_total
    return {
        "id": str(row.id),
        "bot": row.bot,
        "action": row.action,
        "when": row.condition,
        "max_uses": row.max_uses,
        "uses": row.uses,
        "max_total": None if at_most is None else {"parameter": parameter, "at_most": at_most, "total": row.total},
        "granted_at": rfc3339(row.granted_at),
        "granted_by": row.granted_by,
        "expires_at": rfc3339(row.expires_at),
        "status": _status(row, policy, now),
        "revoked_at": None if row.revoked_at is None else rfc3339(row.revoked_at),
        "revoked_by": row.revoked_by,
        "revoke_reason": row.revoke_reason,
    }


def _status(row: Stored, policy: Policy, now: datetime) -> str:
    if row.revoked_at is not None:
        return "revoked"
    if row.expires_at <= now:
        return "expired"
    action = policy.actions.get(row.action)
    if action is None or action.version != row.action_version or row.bot not in policy.bots:
        return "action-changed"
    return "live" if row.uses < row.max_uses else "used-up"
