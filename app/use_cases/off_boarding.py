"""A person who leaves, and accounts that are linked for others: what an ask must be before it is stored."""

from __future__ import annotations

import asyncio

from app.db import governance
from app.domain.ask import Ask
from app.domain.errors import GovernanceInvalid, OffSchema
from app.governance.files import Governance
from app.governance.off_boarding import Leaving, leaving, places, without
from app.steps import linking, off_boarding
from app.steps.context import Context


async def check_off_boarding(ctx: Context, ask: Ask) -> None:
    """Raises Forbidden for who does not administer, OffSchema, NotOpenToThis: they have left already.

    OffSchema also with every seat that would be empty or held twice, and when fewer than two would administer.
    """
    wish = leaving(ask.parameters)
    async with ctx.database.transaction() as session:
        policy = await ctx.rules.in_force(session)
        active = {person.id: person.active for person in await governance.persons(session)}
        rules = await off_boarding.rules_in_force(ctx, session)
    wrong = off_boarding.fault(policy, active, ask.asker_id, wish)
    if wrong is not None:
        raise wrong
    try:
        await asyncio.to_thread(without, rules, wish)
    except GovernanceInvalid as error:
        raise OffSchema(f"{error.told()}{_to_nobody(rules, wish)}", where="parameters") from error


def _to_nobody(rules: Governance, wish: Leaving) -> str:
    """What to do about places in groups, which are handed over one by one."""
    mine = [place.key for place in places(rules.document, wish.person) if place.seat is None]
    left = [key for key in mine if key not in wish.seats]
    return f". Nobody takes their place in {', '.join(left)}, unless seats names who" if left else ""


async def check_link(ctx: Context, ask: Ask) -> None:
    """Raises Forbidden for who does not administer, OffSchema, NotOpenToThis: the account is somebody's already."""
    async with ctx.database.transaction() as session:
        policy = await ctx.rules.in_force(session)
        wrong = await linking.fault(session, policy, ask.asker_id, ask.parameters)
    if wrong is not None:
        raise wrong
