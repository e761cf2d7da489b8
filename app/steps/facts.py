"""The facts that separation of duties is judged on, read in the transaction that records the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import requests
from app.db.tables import Decision, Request
from app.domain import separation
from app.domain.plan import Plan, Tally
from app.domain.plan_rows import plan_from_json
from app.domain.request import Kind, Risk, Say
from app.domain.separation import Facts, Person
from app.governance.built_in import APPROVE, OF_NO_BOT
from app.governance.policy import Policy
from app.steps.crowd import Crowd
from app.steps.scene import Scene


@dataclass(frozen=True, slots=True)
class Bench:
    """The people as they are now, the facts of one request, and the decisions that they were made of."""

    people: Mapping[str, Person]
    facts: Facts
    made: Sequence[Decision] = ()

    def tally(self, plan: Plan, index: int) -> Tally:
        """The votes of a stage that count now, under a plan that may just have escalated."""
        return separation.tally(self.people.values(), replace(self.facts, plan=plan), index)

    def may_decide(self, plan: Plan | None = None) -> list[str]:
        """Who may decide the open stage and has not; also under a plan that has just moved."""
        plan = plan or self.facts.plan
        index = None if plan is None else plan.open_stage
        if index is None:
            return []
        able = separation.eligible(self.people.values(), replace(self.facts, plan=plan), index)
        return sorted(able - set(self.facts.stood.get(index, {})))


async def bench(found: Scene) -> Bench:
    """The bench of a locked request."""
    return await bench_of(found.session, found.row, found.policy, found.crowd)


def bench_after(found: Scene, made: Sequence[Decision]) -> Bench:
    """The bench of a locked request whose plan may have moved since its decisions were read, under the same lock."""
    return bench_with(made, found.row, found.policy, found.crowd)


async def bench_of(session: AsyncSession, row: Request, policy: Policy, crowd: Crowd) -> Bench:
    """The bench of a request as it stands, locked or only looked at."""
    return bench_with(await requests.decisions(session, row.id), row, policy, crowd)


def bench_with(made: Sequence[Decision], row: Request, policy: Policy, crowd: Crowd) -> Bench:
    """The bench of a request whose decisions the caller has read."""
    people = crowd.people(policy, row.members)
    facts = Facts(
        asker_person=row.asker_id if row.asker_kind == "person" else None,
        credential_maker=row.credential_maker,
        on_behalf_of=row.on_behalf_of,
        triggered_by=row.triggered_by,
        risk=Risk[row.risk.upper()],
        bot_owners=frozenset(row.bot_owners) | owners_now(policy, row),
        beneficiaries=frozenset(row.beneficiaries),
        plan=None if row.plan is None else plan_from_json(row.plan),
        members={group: frozenset(members) for group, members in row.members.items()},
        stood=_standing(made),
        kind=Kind(row.kind),
        approvers=frozenset((row.undoes or {}).get("approved_by", ())),
        policy_authors=frozenset(row.lowered_by),
        delegators=_delegators(people, row, crowd),
    )
    return Bench(people, facts, made)


def _delegators(people: Mapping[str, Person], row: Request, crowd: Crowd) -> dict[str, frozenset[Person]]:
    """Who stands in, and for whom: only by what was given before the request was admitted, and to who is still here."""
    found: dict[str, set[Person]] = {}
    for given in crowd.away:
        if given.given_before(row.created_at) and crowd.active.get(given.delegate, False):
            found.setdefault(given.delegate, set()).add(people[given.person])
    return {delegate: frozenset(away) for delegate, away in found.items()}


def owners_now(policy: Policy, row: Request) -> frozenset[str]:
    """The business owner and the deployer of the bot that it is about, as of now; none when that is gone."""
    if row.kind == Kind.GOVERNANCE:
        return owners_of_change(policy, row.action, row.about_bot)
    if row.kind == Kind.INCIDENT_ROLLBACK:
        return frozenset().union(*(owners(policy, *one) for one in (row.undoes or {}).get("of", ())))
    actions = {row.action, (row.undoes or {}).get("action", row.action)}
    return frozenset().union(*(owners(policy, row.bot, action) for action in actions))


def owners_of_change(policy: Policy, action: str, bot_id: str | None) -> frozenset[str]:
    """Of the bot that a change is about; of all bots when it lets the installation go on.

    Rules are about all bots as well, but to keep all their owners out could leave nobody: only their asker is. A use
    case is its business owner's to sign.
    """
    if action in OF_NO_BOT:
        return frozenset()
    if action == APPROVE:
        return owners(policy, bot_id, None) - policy.seat(bot_id, None, "business")
    bots = policy.bots if bot_id is None else (bot_id,)
    return frozenset().union(*(owners(policy, bot, None) for bot in bots))


def owners(policy: Policy, bot_id: str | None, action: str | None) -> frozenset[str]:
    """The bot's deployer and business owners: its own, and those that the action names; none when the bot is gone."""
    bot = None if bot_id is None else policy.bots.get(bot_id)
    if bot is None:
        return frozenset()
    return policy.seat(bot_id, action, "business") | policy.seat(bot_id, None, "business") | {bot.deployed_by}


def _standing(made: Sequence[Decision]) -> dict[int, dict[str, Say]]:
    stood: dict[int, dict[str, Say]] = {}
    for decision in made:
        if decision.standing:
            stood.setdefault(decision.stage, {})[decision.person_id] = Say(decision.say)
    return stood
