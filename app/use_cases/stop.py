"""Stopping a bot, or all of them: one call, at once, whatever else is down but the database."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance
from app.db.session import Database
from app.db.stops import InFlight
from app.domain.clocks import rfc3339
from app.domain.errors import Forbidden, NotFound
from app.governance.policy import Policy
from app.steps.context import DatabaseClock
from app.steps.stop import Stopped, stop, stopping
from app.use_cases.actors import Actor, person_id
from app.use_cases.services import Services


async def suspend(services: Services, who: Actor, bot: str | None, reason: str) -> dict[str, Any]:
    """Suspend a bot (None: the installation); ``{suspended_at, in_flight[{request_id, attempt, action, started_at}]}``.

    From the answer on, no token, admission, decision, grant or start of it; what it lists can still reach a target.
    Raises NotFound, Forbidden unless one is a responder or holds a security seat, Unavailable.
    """
    person = person_id(who)
    async with services.own.of(("stop", who.key)), services.ctx.database.urgent() as session:
        policy = await services.ctx.rules.in_force(session)
        await require_stopper(session, policy, person, bot)
    async with stopping(services.ctx.database, bot) as session:
        by = await _by(session, services, who, person, reason)
        return answer(await stop(session, services.ctx.clock, bot, reason, by))


async def require_stopper(session: AsyncSession, policy: Policy, person: str, bot: str | None) -> None:
    """Raises NotFound for a bot that there never was, Forbidden for a person who may not stop it."""
    if bot is not None and bot not in policy.bots and await governance.bot(session, bot) is None:
        raise NotFound(f"There is no bot {bot}.")
    if not may_stop(policy, person, bot):
        what = "the installation" if bot is None else bot
        raise Forbidden(f"To stop {what} one must be a responder or hold its security seat.")


def may_stop(policy: Policy, person: str, bot: str | None) -> bool:
    """True for responders and holders of the security seat; of any bot, where it is about the installation."""
    return person in policy.responders(bot) | policy.security(bot)


async def suspend_in_emergency(database: Database, bot: str | None, reason: str, by: str) -> dict[str, Any]:
    """The same straight on the database, by whoever may reach it. ``by``: ``os:user@host``, recorded as it stands.

    The reason is kept where it can be erased, not on the ledger: there are no keys here to seal it with.
    """
    async with stopping(database, bot) as session:
        return answer(await stop(session, DatabaseClock(), bot, reason, {"person": None, "by": by, "via": "cli"}))


async def _by(session: AsyncSession, services: Services, who: Actor, person: str, reason: str) -> dict[str, Any]:
    known = await governance.person(session, person)
    secret = await services.ctx.vault.create(session, f"stop:{uuid.uuid4()}")
    sealed = secret.seal({"identity": who.identity, "reason": reason})
    return {"person": None if known is None else str(known.pid), "via": who.via, "sealed": sealed}


def answer(found: Stopped) -> dict[str, Any]:
    """As the API and the command line tell it."""
    return {"suspended_at": rfc3339(found.since), "in_flight": in_flight(found.in_flight)}


def in_flight(found: Sequence[InFlight]) -> list[dict[str, Any]]:
    """Attempts without outcome, as they are told."""
    return [
        {
            "request_id": str(one.request_id),
            "attempt": one.attempt,
            "action": one.action,
            "started_at": rfc3339(one.started_at),
        }
        for one in found
    ]
