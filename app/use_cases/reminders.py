"""Who is reminded in one place in Slack: those asked there who may decide and have not, and nobody else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, slack
from app.db.tables import Request
from app.domain.errors import Unavailable
from app.domain.plan_rows import plan_from_json
from app.domain.states import Status
from app.steps.context import Context
from app.steps.crowd import crowd
from app.steps.facts import bench_of
from app.use_cases.places import channels_of


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder that stands. ``key``: its own; ``users``: of Slack; ``names``: of who has no account there.

    ``until``: when the stage, or the request, closes.
    """

    key: str
    users: tuple[str, ...]
    names: tuple[str, ...]
    until: datetime


async def reminder_in(
    ctx: Context, session: AsyncSession, row: Request, place: str, team: str | None
) -> Reminder | None:
    """The last reminder of the open stage, as of now; None where nobody was reminded, or nobody need be any more.

    In a channel it is for the groups that are asked there; in a direct message for that person alone. Raises
    Unavailable when ``team`` is not known yet.
    """
    plan = None if row.plan is None or row.status != Status.HELD else plan_from_json(row.plan)
    index = None if plan is None else plan.open_stage
    if plan is None or index is None or plan.stages[index].reminded_at is None:
        return None
    if team is None:
        raise Unavailable("Slack has not said yet which team we are installed in.")
    stage, policy = plan.stages[index], await ctx.rules.in_force(session)
    channels = await channels_of(session, policy, stage)
    here = {group for group in stage.groups if channels.get(group) == place}
    alone = {group for group in stage.groups if group not in channels}
    people = await bench_of(session, row, policy, await crowd(session, await ctx.clock.now(session)))
    near = {person for group in here or alone for person in policy.members(group)}
    if not here:  # who decides for somebody of a group that has a channel is asked directly all the same
        near |= people.facts.delegators.keys()
    asked = near & set(people.may_decide())
    accounts = await slack.users_of(session, team, asked)
    if not here:
        accounts, asked = {person: [place] for person, users in accounts.items() if place in users}, set()
    names = {person.id: person.name for person in await governance.persons(session)}
    users = tuple(user for person in sorted(accounts) for user in accounts[person])
    others = tuple(sorted(names[person] for person in asked - accounts.keys()))
    key, until = f"reminded-{index}-{stage.reminded}", stage.until(row.expires_at)
    return Reminder(key, users, others, until) if users or others else None
