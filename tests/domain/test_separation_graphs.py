"""Separation of duties over generated people and requests, against the rules said once more, as sets of persons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.domain.plan import Plan, Stage, Tally
from app.domain.progress import Progress, progress
from app.domain.request import Kind, Level, Risk, Say
from app.domain.separation import Facts, Person, Voter, eligible, exclusions, tally, violations
from app.domain.states import Status
from tests.domain.strategies import (
    GROUPS,
    NOW,
    PEOPLE,
    SUBJECTS,
    Graph,
    any_people,
    everybody,
    graphs,
    levels,
    persons,
)
from tests.domain.test_separation import names

# The rules said once more, as sets of persons: what the code must agree with.


def stands_near(graph: Graph) -> frozenset[str]:
    """Who never decides this request, whatever the plan."""
    facts = graph.facts
    touched = {facts.on_behalf_of, facts.triggered_by, *facts.beneficiaries}
    known = {person.id for person in graph.people if person.subjects & touched}
    owners = facts.bot_owners if facts.risk.name in ("HIGH", "CRITICAL") or facts.kind == "governance" else frozenset()
    askers = {person for person in (facts.asker_person, facts.credential_maker) if person is not None}
    signed = facts.approvers if facts.kind == "rollback" else frozenset()
    return frozenset(askers | known | owners | signed)


def the_plan(graph: Graph) -> Plan:
    assert graph.facts.plan is not None
    return graph.facts.plan


def members_then_and_now(graph: Graph, stage: Stage) -> frozenset[str]:
    found: set[str] = set()
    for group in stage.groups:
        found |= {person.id for person in graph.people if group in person.groups} & graph.facts.members[group]
    return frozenset(found)


def who_may(graph: Graph, index: int) -> frozenset[str]:
    stage = the_plan(graph).stages[index]
    active = frozenset(person.id for person in graph.people if person.active)
    only_vote = graph.facts.bot_owners if stage.quorum == 1 else frozenset()
    earlier: set[str] = set()
    if not the_plan(graph).allow_repeat:
        earlier = {person for i in range(index) for person in graph.facts.stood.get(i, {})}
    return active & members_then_and_now(graph, stage) - stands_near(graph) - only_vote - earlier


@given(graphs())
def test_eligible_is_exactly_who_may(graph: Graph) -> None:
    for index in range(len(the_plan(graph).stages)):
        assert eligible(graph.people, graph.facts, index) == who_may(graph, index)


@given(graphs(), persons, st.sampled_from(SUBJECTS), st.sampled_from(["asker", "maker", "for", "trigger", "payee"]))
def test_nobody_who_stands_near_is_ever_eligible(graph: Graph, name: str, subject: str, how: str) -> None:
    """Pulled near on purpose: into the ask itself, with every group, then and now."""
    near = Person(name, subjects=frozenset({subject}), groups=frozenset(GROUPS))
    people = (*(person for person in graph.people if person.id != name), near)
    members = {group: known | {name} for group, known in graph.facts.members.items()}
    pulled: dict[str, dict[str, Any]] = {
        "asker": {"asker_person": name},
        "maker": {"credential_maker": name},
        "for": {"on_behalf_of": subject},
        "trigger": {"triggered_by": subject},
        "payee": {"beneficiaries": graph.facts.beneficiaries | {subject}},
    }
    facts = replace(graph.facts, members=members, **pulled[how])
    for index in range(len(the_plan(graph).stages)):
        assert name not in eligible(people, facts, index)
        assert name not in tally(people, facts, index).approvals
        assert names(Voter(near, Level.STRONG), facts, index)


@given(graphs(), graphs(), persons)
def test_nobody_near_the_original_signs_its_rollback(graph: Graph, other: Graph, responder: str) -> None:
    """Whom it excluded, who approved it whether that stands or not, who asks to undo it; whatever else is so by then.

    What is inherited only grows: more owners, more who benefit, a higher risk of what undoes it. The plan, who is in
    which group and who has voted on the rollback may be anything.
    """
    original = replace(graph, facts=replace(graph.facts, kind=Kind.ACTION, asker_person=None))  # a bot asked
    approved = frozenset(p for said in graph.facts.stood.values() for p, say in said.items() if say == "approve")
    undoing = replace(
        other.facts,
        kind=Kind.ROLLBACK,
        asker_person=responder,
        credential_maker=original.facts.credential_maker,
        on_behalf_of=original.facts.on_behalf_of,
        triggered_by=original.facts.triggered_by,
        risk=max(original.facts.risk, other.facts.risk),
        bot_owners=original.facts.bot_owners | other.facts.bot_owners,
        beneficiaries=original.facts.beneficiaries | other.facts.beneficiaries,
        approvers=approved,
    )
    near = stands_near(original) | approved | {responder}
    for index in range(len(the_plan(other).stages)):
        assert not near & eligible(graph.people, undoing, index)
        votes = tally(graph.people, undoing, index)
        assert not near & (votes.approvals | votes.abstained | votes.may_still)
    for person in graph.people:
        refused = names(Voter(person, Level.STRONG), undoing)
        assert not person.active or person.id not in approved | {responder} or "rollback-approver" in refused


@given(graphs(), persons, any_people)
def test_nobody_who_asked_for_a_change_or_owns_the_bot_decides_it(graph: Graph, asker: str, owners: set[str]) -> None:
    """Asker, deployer, business owner: at any risk, in any stage, whatever the quorum."""
    barred = frozenset(owners)
    facts = replace(graph.facts, kind=Kind.GOVERNANCE, asker_person=asker, bot_owners=barred)
    for index in range(len(the_plan(graph).stages)):
        for risk in Risk:
            at_risk = replace(facts, risk=risk)
            assert not (barred | {asker}) & eligible(graph.people, at_risk, index)
            for person in graph.people:
                refused = names(Voter(person, Level.STRONG), at_risk, index)
                near = person.id in barred | {asker}
                assert not person.active or ("governance-change" in refused) is near


@given(graphs(), persons)
def test_an_owner_never_decides_high_or_critical(graph: Graph, owner: str) -> None:
    facts = replace(graph.facts, bot_owners=graph.facts.bot_owners | {owner})
    for index, stage in enumerate(the_plan(graph).stages):
        for risk in Risk:
            votes = tally(graph.people, replace(facts, risk=risk), index)
            if risk >= Risk.HIGH or stage.quorum == 1:
                assert owner not in votes.approvals | votes.may_still


@given(graphs())
def test_a_tally_holds_eligible_persons_once_each(graph: Graph) -> None:
    for index in range(len(the_plan(graph).stages)):
        votes, may = tally(graph.people, graph.facts, index), who_may(graph, index)
        said = graph.facts.stood.get(index, {})
        assert votes.approvals == {person for person in may if said.get(person) == "approve"}
        assert votes.abstained == {person for person in may if said.get(person) == "abstain"}
        assert votes.may_still == may - set(said)
        assert votes == tally((*graph.people, *graph.people), graph.facts, index)


@given(graphs())
def test_no_quorum_by_fewer_persons_or_by_owners_alone(graph: Graph) -> None:
    for index in range(len(the_plan(graph).stages)):
        votes = tally(graph.people, graph.facts, index)
        for quorum in range(1, 5):
            if votes.passes(quorum):
                real = votes.approvals & who_may(graph, index)
                assert len(real) >= quorum
                assert real - graph.facts.bot_owners


@given(graphs(), persons, st.none() | st.sampled_from(range(4)), levels, st.booleans())
def test_violations_are_empty_exactly_for_who_may_and_signed_in_well(
    graph: Graph,
    name: str,
    index: int | None,
    level: Level,
    human: bool,
) -> None:
    plan = the_plan(graph)
    at = 0 if index is None else index % len(plan.stages)
    person = next(person for person in graph.people if person.id == name)
    may = human and name in who_may(graph, at) and level >= plan.stages[at].level
    assert (not violations(Voter(person, level, human), graph.facts, None if index is None else at)) is may


@given(graphs(), persons, levels)
def test_no_account_of_nobody_and_no_bot_decides(graph: Graph, name: str, level: Level) -> None:
    person = next(person for person in graph.people if person.id == name)
    for index in range(len(the_plan(graph).stages)):
        assert names(Voter(None, level), graph.facts, index) == ["unlinked-identity"]
        assert names(Voter(replace(person, active=False), level), graph.facts, index) == ["unlinked-identity"]
        assert names(Voter(person, level, human=False), graph.facts, index) == ["not-human"]


@given(graphs(), graphs(), persons)
def test_standing_nearer_never_lifts_a_violation(graph: Graph, other: Graph, name: str) -> None:
    """More owners, more payees, a higher risk, fewer members, more votes given: as many refusals or more."""
    person = next(person for person in graph.people if person.id == name)
    facts, more = graph.facts, other.facts
    nearer = replace(
        facts,
        bot_owners=facts.bot_owners | more.bot_owners,
        beneficiaries=facts.beneficiaries | more.beneficiaries,
        approvers=facts.approvers | more.approvers,
        risk=max(facts.risk, more.risk),
        members={group: facts.members[group] & more.members[group] for group in GROUPS},
        stood={i: {**more.stood.get(i, {}), **said} for i, said in facts.stood.items()},
    )
    for index in range(len(the_plan(graph).stages)):
        before, after = (set(names(Voter(person), f, index)) for f in (facts, nearer))
        assert before <= after


@given(graphs())
def test_the_personal_exclusions_are_the_same_for_every_stage(graph: Graph) -> None:
    for person in graph.people:
        found = {broken.invariant for broken in exclusions(person, graph.facts)}
        assert bool(found) is (person.id in stands_near(graph))
        for index in range(len(the_plan(graph).stages)):
            assert not person.active or found <= set(names(Voter(person, Level.STRONG), graph.facts, index))


# A whole life: accounts of people, people in groups, one after the other trying; then, at the end, who it was.


@dataclass(frozen=True, slots=True)
class Try:
    """One account tries to decide."""

    account: str
    level: Level
    human: bool
    say: Say


@dataclass
class Life:
    """A request while people decide, as the steps have it: judged, recorded once per person and stage, gone on."""

    graph: Graph
    accounts: Mapping[str, str | None]
    plan: Plan
    stood: dict[int, dict[str, Say]] = field(default_factory=dict)
    status: Status = Status.HELD

    def facts(self, plan: Plan | None = None) -> Facts:
        return replace(self.graph.facts, plan=plan or self.plan, stood=self.stood)

    def tally(self, plan: Plan, index: int) -> Tally:
        return tally(self.graph.people, self.facts(plan), index)

    def go_on(self) -> None:
        after: Progress = progress(self.plan, self.tally, NOW, NOW)
        self.plan, self.status = after.plan, after.status

    def attempt(self, this: Try) -> None:
        found = [person for person in self.graph.people if person.id == self.accounts[this.account]]
        voter = Voter(found[0] if found else None, this.level, this.human)
        index = self.plan.open_stage
        if self.status is not Status.HELD or index is None or violations(voter, self.facts()) or voter.person is None:
            return
        votes = self.stood.setdefault(index, {})
        if voter.person.id in votes:
            return
        votes[voter.person.id] = this.say
        if this.say is Say.DENY:
            self.status = Status.DENIED
        else:
            self.go_on()


ACCOUNTS = tuple(f"account-{n}" for n in range(9))
tries = st.lists(
    st.builds(Try, st.sampled_from(ACCOUNTS), levels, st.sampled_from([True, True, True, False]), st.sampled_from(Say)),
    max_size=25,
)
linked = st.fixed_dictionaries(dict.fromkeys(ACCOUNTS, st.none() | persons))


def live(graph: Graph, accounts: Mapping[str, str | None], attempts: list[Try]) -> Life:
    life = Life(graph, accounts, the_plan(graph))
    life.go_on()
    for this in attempts:
        life.attempt(this)
    return life


def approvers(life: Life, index: int) -> frozenset[str]:
    return frozenset(person for person, say in life.stood.get(index, {}).items() if say is Say.APPROVE)


@given(graphs(voted=False), linked, tries)
def test_no_life_ends_in_a_yes_that_the_rules_do_not_give(
    graph: Graph, accounts: dict[str, str | None], attempts: list[Try]
) -> None:
    life = live(graph, accounts, attempts)
    voted = {person for votes in life.stood.values() for person in votes}
    assert not voted & stands_near(graph)
    assert voted <= {person.id for person in graph.people if person.active}
    assert voted <= set(accounts.values()) - {None}
    if not life.plan.allow_repeat:
        assert len(voted) == sum(len(votes) for votes in life.stood.values())
    for index, stage in enumerate(life.plan.stages):
        if stage.status == "passed":
            assert len(approvers(life, index)) >= stage.quorum
            assert approvers(life, index) - graph.facts.bot_owners
    if life.status is Status.APPROVED:
        assert all(stage.status == "passed" for stage in life.plan.stages)
        assert Say.DENY not in {say for votes in life.stood.values() for say in votes.values()}


def everyone_agrees(graph: Graph) -> Life:
    accounts = {f"account-{n}": name for n, name in enumerate(PEOPLE)}
    one_round = [Try(account, Level.STRONG, human=True, say=Say.APPROVE) for account in accounts]
    return live(graph, accounts, one_round * 4)


@given(graphs(voted=False))
def test_if_all_agree_it_ends_and_a_held_one_could_not_pass(graph: Graph) -> None:
    """Nobody is left to ask: it is approved, or expired for want of people; it does not hang until its clock runs."""
    life = everyone_agrees(graph)
    assert life.status in (Status.APPROVED, Status.EXPIRED)


@given(graphs(voted=False), everybody)
def test_a_yes_stands_only_while_its_approvers_do(graph: Graph, later: tuple[Person, ...]) -> None:
    """`stale-authority`: judged again with people as they are later, a void vote is missing from the tally."""
    life = everyone_agrees(graph)
    for index in range(len(life.plan.stages)):
        then = Graph(later, life.facts())
        assert tally(later, life.facts(), index).approvals == approvers(life, index) & who_may(then, index)
