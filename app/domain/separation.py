"""Separation of duties: who stands too close to a request to decide it (DESIGN.md section 8).

One pure function, `violations`, judges in the use case, again in the transaction that records, and before execution.
Policy can add requirements; it can never remove one of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.domain.delegation import beside
from app.domain.errors import Violation
from app.domain.plan import Plan, Stage, Tally
from app.domain.request import Kind, Level, Risk, Say, word


@dataclass(frozen=True, slots=True)
class Person:
    """A person as of now."""

    id: str
    active: bool = True
    subjects: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Voter:
    """Who wants to decide, and how they came. ``person`` is None when the identity is no single person's."""

    person: Person | None
    level: Level = Level.CLICK
    human: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """What `violations` knows of the request, read in the transaction that records the result.

    ``members``: group to the persons who were in it when the request was admitted (or when the policy that added the
    stage came). ``stood``: stage index to the persons with a standing decision there. ``approvers``: of a rollback, who
    approved what it undoes; the other facts of that are a rollback's own. ``delegators``: of those who stand in for
    others, for whom, by delegations that were given before the request was admitted and are in their period now.
    ``policy_authors``: who lowered the bar.
    """

    asker_person: str | None
    credential_maker: str | None
    on_behalf_of: str | None
    triggered_by: str | None
    risk: Risk
    bot_owners: frozenset[str] = frozenset()
    beneficiaries: frozenset[str] = frozenset()
    plan: Plan | None = None
    members: Mapping[str, frozenset[str]] = field(default_factory=dict)
    stood: Mapping[int, Mapping[str, Say]] = field(default_factory=dict)
    kind: Kind = Kind.ACTION
    approvers: frozenset[str] = frozenset()
    policy_authors: frozenset[str] = frozenset()
    delegators: Mapping[str, frozenset[Person]] = field(default_factory=dict)

    @property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """Who stands in, and for whom: the two count once."""
        return frozenset((id_, away.id) for id_, given in self.delegators.items() for away in given)


SENTENCES = {
    "not-human": "A bot or service token never decides; a person must.",
    "unlinked-identity": "This identity belongs to no single active person here; ask an administrator to link it.",
    "self-approval": "You asked for this, or made the credential that asked; somebody else must decide.",
    "on-behalf-of": "The bot acts for you or because of your message; somebody else must decide.",
    "bot-owner": "You own or deployed this bot: its high and critical actions, or a stage's only vote, are not yours.",
    "beneficiary": "You are the payee, recipient or grantee of this action; somebody else must decide.",
    "not-eligible": "You are not in a group that decides this stage, now and when the request was admitted.",
    "weak-authentication": "This stage wants a stronger sign-in ({want}) than you came with ({have}); sign in again.",
    "delegate-excluded": "You stand in for somebody who may not decide this; while you do, nor may you.",
    "stage-repeat": "You decided an earlier stage of this request, or your delegate or whom you stand in for did; "
    "another person must decide this one.",
    "one-person-one-vote": "You have a vote on this stage already, by whichever account, or your delegate or whom you "
    "stand in for has; it counts once.",
    "not-shown": "What you were shown is not on record, or hides a value that must be seen at this risk: open the "
    "request anew, or decide over the web API.",
    "policy-author": "You asked for or approved the rules that ask less for this, a short time ago; somebody else must "
    "decide.",
    "rollback-approver": "You approved, asked for or benefit from what this undoes, or asked to undo it; somebody else "
    "must sign.",
    "governance-change": "You asked for this change, or are whom it is about, or own or deployed the bot that it is "
    "about; somebody else must decide.",
    "stale-authority": "A vote no longer counts: who gave it has lost the standing to.",
}
"""Each invariant and the one sentence that its breaker is told."""


def violation(invariant: str, **words: str) -> Violation:
    """The violation of that name with its sentence."""
    return Violation(invariant, SENTENCES[invariant].format(**words))


def violations(voter: Voter, facts: Facts, index: int | None = None) -> list[Violation]:
    """Every invariant that this voter would break by deciding stage ``index`` (default: the open one).

    Empty means: may decide. Without an open stage only the personal exclusions are judged.
    """
    if not voter.human:
        return [violation("not-human")]
    if voter.person is None or not voter.person.active:
        return [violation("unlinked-identity")]
    found = exclusions(voter.person, facts)
    if facts.plan is not None:
        at = facts.plan.open_stage if index is None else index
        if at is not None:
            found += _of_stage(voter.person, voter.level, facts, facts.plan, at)
    return found


def exclusions(person: Person, facts: Facts) -> list[Violation]:
    """The personal exclusions alone: they hold for every stage, for settling, and whatever the plan says.

    A delegate has those of whom they stand in for as well, also where they might decide in their own right.
    """
    found = _own_exclusions(person, facts)
    if any(_own_exclusions(away, facts) for away in facts.delegators.get(person.id, ())):
        found.append(violation("delegate-excluded"))
    return found


def _own_exclusions(person: Person, facts: Facts) -> list[Violation]:
    found = []
    if person.id in (facts.asker_person, facts.credential_maker):
        found.append(violation("self-approval"))
    if person.subjects & {facts.on_behalf_of, facts.triggered_by}:
        found.append(violation("on-behalf-of"))
    if person.id in facts.bot_owners and facts.risk >= Risk.HIGH:
        found.append(violation("bot-owner"))
    if person.subjects & facts.beneficiaries:
        found.append(violation("beneficiary"))
    if person.id in facts.policy_authors:
        found.append(violation("policy-author"))
    if facts.kind in (Kind.ROLLBACK, Kind.INCIDENT_ROLLBACK) and _stood_near_the_original(person, facts):
        found.append(violation("rollback-approver"))
    if facts.kind is Kind.GOVERNANCE and person.id in {facts.asker_person, *facts.bot_owners}:
        found.append(violation("governance-change"))
    return found


def _stood_near_the_original(person: Person, facts: Facts) -> bool:
    named = person.id in {facts.asker_person, facts.credential_maker, *facts.approvers}
    return named or bool(person.subjects & {facts.on_behalf_of, facts.triggered_by, *facts.beneficiaries})


def _of_stage(person: Person, level: Level, facts: Facts, plan: Plan, index: int) -> list[Violation]:
    stage, others = plan.stages[index], beside(person.id, facts.pairs)
    found = []
    if not _in_groups(person, facts, stage) and not stands_for(person, facts, stage):
        found.append(violation("not-eligible"))
    if facts.risk < Risk.HIGH and stage.quorum == 1:
        found += only_vote(person, facts)
    if level < stage.level:
        found.append(violation("weak-authentication", want=word(stage.level), have=word(level)))
    if not plan.allow_repeat and any({person.id, *others} & facts.stood.get(i, {}).keys() for i in range(index)):
        found.append(violation("stage-repeat"))
    stood = facts.stood.get(index, {}).keys()
    if person.id not in stood and others & stood:
        found.append(violation("one-person-one-vote"))
    return found


def only_vote(person: Person, facts: Facts) -> list[Violation]:
    """What else bars the bot's owner and their delegate, at any risk, where one word is enough."""
    near = [violation("bot-owner")] if person.id in facts.bot_owners else []
    return near + ([violation("delegate-excluded")] if _stands_for_owner(person.id, facts) else [])


def _stands_for_owner(person_id: str, facts: Facts) -> bool:
    return any(away.id in facts.bot_owners for away in facts.delegators.get(person_id, ()))


def _in_groups(person: Person, facts: Facts, stage: Stage) -> bool:
    then = {group for group in stage.groups if person.id in facts.members.get(group, ())}
    return bool(then & person.groups)


def stands_for(person: Person, facts: Facts, stage: Stage) -> list[str]:
    """In whose right a delegate may decide a stage: of those who may by their own groups, and have not left."""
    given = facts.delegators.get(person.id, ())
    return sorted(away.id for away in given if away.active and _in_groups(away, facts, stage))


def eligible(people: Iterable[Person], facts: Facts, index: int) -> frozenset[str]:
    """Who may decide stage ``index`` as of now, however they sign in: `weak-authentication` is not counted."""
    return frozenset(person.id for person in people if not violations(Voter(person, Level.STRONG), facts, index))


def tally(people: Iterable[Person], facts: Facts, index: int) -> Tally:
    """The votes of a stage that count now: a vote of who has become ineligible is void (`stale-authority`)."""
    able = eligible(people, facts, index)
    stood = facts.stood.get(index, {})
    return Tally(
        approvals=frozenset(p for p in able if stood.get(p) is Say.APPROVE),
        abstained=frozenset(p for p in able if stood.get(p) is Say.ABSTAIN),
        may_still=frozenset(p for p in able if p not in stood),
        stands_near=_near(facts) if facts.risk < Risk.HIGH else frozenset(),
        pairs=facts.pairs,
    )


def _near(facts: Facts) -> frozenset[str]:
    """The bot's owners and who stands in for one: their votes are not all that a stage needs."""
    return facts.bot_owners | {id_ for id_ in facts.delegators if _stands_for_owner(id_, facts)}
