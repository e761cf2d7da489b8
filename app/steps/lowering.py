"""Who has lowered the bar for a request lately, and must not step over it (`policy-author`, DESIGN.md section 8)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import requests
from app.db.tables import Request
from app.domain.lowering import Bar, gained
from app.domain.plan import PlanRule, reach
from app.domain.request import Risk, Say
from app.domain.verdict import Outcome, Verdict
from app.governance.built_in import PUBLICATIONS
from app.governance.policy import Policy
from app.governance.separation import MAX_COOL_DOWN
from app.steps.access import MAY, roles
from app.steps.admission import Asked
from app.steps.context import Context
from app.steps.crowd import Crowd, crowd
from app.steps.scene import Scene


@dataclass(frozen=True, slots=True)
class Judged:
    """What one version of the rules says of an ask. ``owners``: persons whom it keeps out, ``subjects`` as well."""

    verdict: Verdict
    risk: Risk
    owners: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()


Under = Callable[[Policy], Awaitable[Judged]]
"""What another version of the rules would have said of the same ask."""


async def lowered_by(asked: Asked, now: datetime, judged: Judged, under: Under) -> frozenset[str]:
    """Who asked for or approved a publication within the cool-down by which less is needed now, or others.

    Only of holds: what nobody decides is nobody's to decide.
    """
    published = await requests.succeeded(asked.session, PUBLICATIONS, now - MAX_COOL_DOWN)
    if not published or judged.verdict.outcome is not Outcome.HOLD:
        return frozenset()
    everybody, found = await crowd(asked.session, now), frozenset[str]()
    bar = _bar(asked.policy, judged, everybody)
    before = {one.id: await asked.ctx.rules.version(asked.session, one.verdict["policy_version"]) for one in published}
    cool_down = _cool_down(asked.policy, [(now - one.updated_at, before[one.id]) for one in published])
    for one in published:
        if now - one.updated_at < cool_down:
            under_it = partial(_bar_under, under=under, everybody=everybody)
            found |= await _by(asked, one, before[one.id], bar, under_it)
    return found


async def let_in(found: Scene, plan: PlanRule) -> frozenset[str]:
    """Of a request that newer rules hold again: who published rules since its admission, and thereby joined a group.

    They would decide a stage that is there only now, among people who are there only now.
    """
    before, since = await found.ctx.rules.version(found.session, found.row.policy_version), found.row.created_at
    authors = [
        await _authors(found.session, one) for one in await requests.succeeded(found.session, PUBLICATIONS, since)
    ]
    joined = [found.policy.members(group) - before.members(group) for group in reach(plan)]
    return frozenset().union(*authors) & frozenset().union(*joined)


async def entitled_by_themselves(found: Scene, person: str, what: str) -> bool:
    """Whether this person may do that with a request by rules that they published within the cool-down, not before."""
    published = await requests.succeeded(found.session, PUBLICATIONS, found.now - MAX_COOL_DOWN)
    before = [await found.ctx.rules.version(found.session, one.verdict["policy_version"]) for one in published]
    ages = [found.now - one.updated_at for one in published]
    cool_down = _cool_down(found.policy, list(zip(ages, before, strict=True)))
    for one, age, old in zip(published, ages, before, strict=True):
        if age < cool_down and person in await _authors(found.session, one) and not _may(old, person, found.row, what):
            after = await _after(found.ctx, found.session, one)
            if _may(after, person, found.row, what):
                return True
    return False


def _may(policy: Policy, person: str, row: Request, what: str) -> bool:
    return bool(roles(policy, "person", person, row) & MAY[what])


async def _after(ctx: Context, session: AsyncSession, published: Request) -> Policy:
    return await ctx.rules.version(session, (published.execution or {})["result"]["policy_version"])


async def _authors(session: AsyncSession, published: Request) -> frozenset[str]:
    """Who asked for a publication, and who approved it."""
    made = await requests.decisions(session, published.id)
    return frozenset({published.asker_id, *(d.person_id for d in made if d.standing and d.say == Say.APPROVE)})


def _cool_down(policy: Policy, replaced: Sequence[tuple[timedelta, Policy]]) -> timedelta:
    """Of the rules in force, or a longer one of rules replaced within that: who shortens it waits for the longer.

    ``replaced``: how long ago, and what. Else two publications in a row would do what one cannot.
    """
    return max([policy.cool_down, *(before.cool_down for age, before in replaced if age < before.cool_down)])


async def _by(
    asked: Asked, published: Request, before: Policy, bar: Bar, bar_under: Callable[[Policy], Awaitable[Bar]]
) -> frozenset[str]:
    """Of those who made one publication: who gained by it, and has still."""
    after = await _after(asked.ctx, asked.session, published)
    authors = await _authors(asked.session, published)
    then = await bar_under(before)
    return gained(authors, bar, then) & gained(authors, await bar_under(after), then)


async def _bar_under(policy: Policy, *, under: Under, everybody: Crowd) -> Bar:
    return _bar(policy, await under(policy), everybody)


def _bar(policy: Policy, judged: Judged, everybody: Crowd) -> Bar:
    plan = judged.verdict.plan
    members = {} if plan is None else {group: policy.members(group) for group in reach(plan)}
    beneficiaries = frozenset(id_ for id_, subjects in everybody.subjects.items() if subjects & judged.subjects)
    return Bar(judged.verdict, judged.risk, judged.owners, beneficiaries, members)
