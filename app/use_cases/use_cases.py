"""Use cases of bots: what an ask to approve one must be, and how a bot's stands."""

from __future__ import annotations

from typing import Any

from app.db import use_cases
from app.db.use_cases import Stored
from app.domain.ask import Ask
from app.domain.clocks import rfc3339
from app.domain.errors import NotFound
from app.governance.policy import Policy
from app.governance.use_case import ASK, Approved, missing, statement, stopped
from app.steps.access import SEATS
from app.steps.approving import Wish, fault
from app.steps.context import Context
from app.steps.use_cases import as_approved
from app.use_cases.actors import Actor, person_id
from app.use_cases.services import Services

NO_SUCH = "There is no such bot."
"""Said of what is not there and of what one may not see: nobody learns which."""

View = dict[str, Any]


async def check_use_case(ctx: Context, ask: Ask) -> None:
    """Raises Forbidden for who may not ask, OffSchema with what is wrong."""
    async with ctx.database.transaction() as session:
        policy, now = await ctx.rules.in_force(session), await ctx.clock.now(session)
    wrong = fault(policy, Wish(ask.asker_id, ask.parameters["bot"], ask.parameters["review_by"], now, now))
    if wrong is not None:
        raise wrong


async def use_case(services: Services, who: Actor, bot: str) -> View:
    """A bot's use case: in force, approved, and what is between them. Raises Forbidden, NotFound."""
    person, ctx = person_id(who), services.ctx
    async with ctx.database.transaction() as session:
        policy, now = await ctx.rules.in_force(session), await ctx.clock.now(session)
        if bot not in policy.bots or not _may_see(policy, person, bot):
            raise NotFound(NO_SUCH)
        row = await use_cases.newest(session, bot)
        known = None if row is None else await as_approved(session, ctx.rules, row)
        said, why = statement(policy, policy.bots[bot]), stopped(policy.bots[bot], known, now)
        return {
            "bot": bot,
            "may_ask": why is None,
            "why_not": None if why is None else why.removesuffix(ASK).strip(),
            "in_force": said.as_json(),
            "approved": None if row is None or known is None else _approved(row, known),
            "missing": [] if known is None else missing(said, known.statement),
        }


def _may_see(policy: Policy, person: str, bot: str) -> bool:
    if any(person in policy.groups_that_may(what) for what in ("audit", "administer", "respond")):
        return True
    seated = any(person in policy.seat(bot, None, seat) for seat in SEATS)
    return seated or person in policy.responders(bot) or person == policy.bots[bot].deployed_by


def _approved(row: Stored, known: Approved) -> View:
    return {
        "statement": known.statement.as_json(),
        "approved_at": rfc3339(row.approved_at),
        "review_by": row.review_by.isoformat(),
        "via": row.via,
        "request": str(row.id) if row.via == "request" else None,
        "policy_version": row.policy_version,
    }
