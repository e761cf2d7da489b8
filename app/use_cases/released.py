"""Who must hear at once that one person released something alone: the bot's owners, and who is to review it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, slack
from app.db.tables import Request
from app.domain.errors import Unavailable
from app.governance.policy import Policy
from app.steps.context import Context

OWNERS = ("business", "security", "exceptions")
"""The seats whose holders are told."""


@dataclass(frozen=True, slots=True)
class Told:
    """Whom a reply is for. ``users``: of Slack; ``names``: of who has no account there."""

    users: tuple[str, ...]
    names: tuple[str, ...] = ()


def concerned(policy: Policy, row: Request) -> frozenset[str]:
    """The persons who must hear of it; not who did it. Nobody, where nobody did."""
    if row.break_glass is None:
        return frozenset()
    seats = (policy.seat(row.bot, row.action, seat) for seat in OWNERS)
    return frozenset(row.break_glass["reviewers"]).union(*seats) - {row.break_glass["by"]}


async def accounts(session: AsyncSession, policy: Policy, row: Request, team: str | None) -> dict[str, list[str]]:
    """Their accounts in Slack, by person. Raises Unavailable when ``team`` is not known yet."""
    persons = concerned(policy, row)
    if not persons:
        return {}
    if team is None:
        raise Unavailable("Slack has not said yet which team we are installed in.")
    return await slack.users_of(session, team, persons)


async def told_in(ctx: Context, session: AsyncSession, row: Request, place: str, team: str | None) -> Told | None:
    """Whom the reply in one place is for: everybody in a channel, in a direct message that person alone."""
    if row.break_glass is None:
        return None
    policy = await ctx.rules.in_force(session)
    users = await accounts(session, policy, row, team)
    if place.startswith(("U", "W")):
        return Told(tuple(user for of_person in users.values() for user in of_person if user == place))
    names = {person.id: person.name for person in await governance.persons(session)}
    without = sorted(names[person] for person in concerned(policy, row) - users.keys())
    return Told(tuple(user for person in sorted(users) for user in users[person]), tuple(without))
