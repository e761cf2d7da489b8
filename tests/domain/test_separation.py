"""Separation of duties: each rule by example."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.domain.plan import PlanRule, StageRule, Tally, begin
from app.domain.request import Kind, Level, Risk, Say
from app.domain.separation import (
    SENTENCES,
    Facts,
    Person,
    Voter,
    tally,
    violation,
    violations,
)
from tests.domain.strategies import NOW

ONE = StageRule("leads", "leads")
TWO_STAGES = PlanRule("two", (ONE, StageRule("money", "finance")), NOW - NOW.replace(day=2))
DANA = Person("dana", groups=frozenset({"leads", "finance"}), subjects=frozenset({"customer:mia"}))


def facts_of(*stages: StageRule, repeat: bool = False, **changed: Any) -> Facts:
    """A request that Dana may decide, changed."""
    plan = begin(replace(TWO_STAGES, stages=stages or (ONE,), allow_repeat=repeat), NOW)
    given: dict[str, Any] = {
        "asker_person": None,
        "credential_maker": "tom",
        "on_behalf_of": "customer:yusuf",
        "triggered_by": "customer:yusuf",
        "risk": Risk.HIGH,
        "plan": plan,
        "members": {"leads": frozenset({"dana"}), "finance": frozenset({"dana"})},
    }
    return Facts(**{**given, **changed})


def names(voter: Voter, facts: Facts, index: int | None = None) -> list[str]:
    return [found.invariant for found in violations(voter, facts, index)]


def test_a_member_of_the_group_may_decide() -> None:
    assert names(Voter(DANA), facts_of()) == []


@pytest.mark.parametrize(
    ("changed", "invariant"),
    [
        ({"asker_person": "dana"}, "self-approval"),
        ({"credential_maker": "dana"}, "self-approval"),
        ({"on_behalf_of": "customer:mia"}, "on-behalf-of"),
        ({"triggered_by": "customer:mia"}, "on-behalf-of"),
        ({"bot_owners": frozenset({"dana"})}, "bot-owner"),
        ({"bot_owners": frozenset({"dana"}), "risk": Risk.CRITICAL}, "bot-owner"),
        ({"bot_owners": frozenset({"dana"}), "risk": Risk.MODERATE}, "bot-owner"),
        ({"beneficiaries": frozenset({"customer:mia", "customer:yusuf"})}, "beneficiary"),
        ({"members": {}}, "not-eligible"),
        ({"members": {"leads": frozenset({"marco"}), "finance": frozenset({"dana"})}}, "not-eligible"),
    ],
)
def test_one_rule_broken(changed: dict[str, Any], invariant: str) -> None:
    assert names(Voter(DANA), facts_of(**changed)) == [invariant]


@pytest.mark.parametrize(
    ("changed", "broken"),
    [
        ({}, []),
        ({"approvers": frozenset({"dana"})}, ["rollback-approver"]),
        ({"asker_person": "dana"}, ["self-approval", "rollback-approver"]),
        ({"credential_maker": "dana"}, ["self-approval", "rollback-approver"]),
        ({"on_behalf_of": "customer:mia"}, ["on-behalf-of", "rollback-approver"]),
        ({"triggered_by": "customer:mia"}, ["on-behalf-of", "rollback-approver"]),
        ({"beneficiaries": frozenset({"customer:mia"})}, ["beneficiary", "rollback-approver"]),
        ({"bot_owners": frozenset({"dana"})}, ["bot-owner"]),
    ],
)
def test_who_stood_near_what_a_rollback_undoes(changed: dict[str, Any], broken: list[str]) -> None:
    """Whoever asked to undo it, asked for it, approved it or had something of it does not sign the rollback."""
    assert names(Voter(DANA), facts_of(kind=Kind.ROLLBACK, **changed)) == broken
    rest = [name for name in broken if name != "rollback-approver"]
    assert names(Voter(DANA), facts_of(kind=Kind.ACTION, **changed)) == rest


@pytest.mark.parametrize("risk", Risk)
@pytest.mark.parametrize("quorum", [1, 2])
def test_who_asked_for_a_change_or_owns_the_bot_it_is_about(risk: Risk, quorum: int) -> None:
    """At any risk, and not as one of several either."""
    stage = replace(ONE, quorum=quorum)
    change: dict[str, Any] = {"kind": Kind.GOVERNANCE, "credential_maker": None, "risk": risk}
    assert names(Voter(DANA), facts_of(stage, **change)) == []
    assert names(Voter(DANA), facts_of(stage, asker_person="dana", **change)) == ["self-approval", "governance-change"]
    barred = names(Voter(DANA), facts_of(stage, bot_owners=frozenset({"dana"}), **change))
    assert set(barred) - {"bot-owner"} == {"governance-change"}


def test_every_rule_broken_is_named() -> None:
    facts = facts_of(
        ONE,
        StageRule("money", "legal", level=Level.STRONG),
        asker_person="dana",
        triggered_by="customer:mia",
        bot_owners=frozenset({"dana"}),
        beneficiaries=frozenset({"customer:mia"}),
        stood={0: {"dana": Say.ABSTAIN}},
    )
    assert names(Voter(DANA), facts, 1) == [
        *("self-approval", "on-behalf-of", "bot-owner", "beneficiary"),
        *("not-eligible", "weak-authentication", "stage-repeat"),
    ]


def test_a_group_left_or_joined_since_does_not_count() -> None:
    """In one group then and in another one now: in neither at both times."""
    stage = replace(begin(TWO_STAGES, NOW).stages[0], groups=("leads", "duty"))
    facts = facts_of(members={"leads": frozenset({"dana"})})
    plan = replace(begin(TWO_STAGES, NOW), stages=(stage,))
    moved = replace(DANA, groups=frozenset({"duty"}))
    assert names(Voter(moved), replace(facts, plan=plan)) == ["not-eligible"]


def test_an_escalation_lets_the_added_group_decide() -> None:
    duty = Person("marco", groups=frozenset({"duty"}))
    facts = facts_of(members={"duty": frozenset({"marco"})})
    assert names(Voter(duty), facts) == ["not-eligible"]
    assert facts.plan is not None
    wider = facts.plan.with_stage(0, facts.plan.stages[0].escalated(("duty",), NOW, "why"))
    assert names(Voter(duty), replace(facts, plan=wider)) == []


def test_a_bot_never_decides_and_hears_nothing_else() -> None:
    assert names(Voter(DANA, Level.STRONG, human=False), facts_of()) == ["not-human"]
    assert names(Voter(None, human=False), facts_of()) == ["not-human"]


@pytest.mark.parametrize("person", [None, replace(DANA, active=False)])
def test_an_identity_of_no_single_active_person_never_decides(person: Person | None) -> None:
    assert names(Voter(person, Level.STRONG), facts_of()) == ["unlinked-identity"]


@pytest.mark.parametrize("have", Level)
@pytest.mark.parametrize("want", Level)
def test_the_level_is_met_or_weak(have: Level, want: Level) -> None:
    weak = have.value < want.value
    assert names(Voter(DANA, have), facts_of(replace(ONE, level=want))) == (["weak-authentication"] if weak else [])


def test_levels_are_ordered_as_the_design_has_them() -> None:
    assert Level.CLICK < Level.LOGIN < Level.RECENT < Level.STRONG


@pytest.mark.parametrize("said", Say)
def test_who_decided_one_stage_does_not_decide_the_next_unless_the_plan_says_so(said: Say) -> None:
    stood = {0: {"dana": said}}
    assert names(Voter(DANA), facts_of(*TWO_STAGES.stages, stood=stood), 1) == ["stage-repeat"]
    assert names(Voter(DANA), facts_of(*TWO_STAGES.stages, stood=stood, repeat=True), 1) == []


def test_who_decided_two_stages_ago_does_not_decide_either() -> None:
    three = (*TWO_STAGES.stages, StageRule("again", "leads"))
    assert names(Voter(DANA), facts_of(*three, stood={0: {"dana": Say.APPROVE}}), 2) == ["stage-repeat"]


def test_the_open_stage_is_judged_when_none_is_named() -> None:
    facts = facts_of(*TWO_STAGES.stages, members={"leads": frozenset({"dana"})})
    assert facts.plan is not None
    assert names(Voter(DANA), facts) == []
    assert names(Voter(DANA), replace(facts, plan=facts.plan.advance(NOW))) == ["not-eligible"]


def test_without_an_open_stage_the_personal_exclusions_stand() -> None:
    facts = facts_of(asker_person="dana", members={})
    assert facts.plan is not None
    assert names(Voter(DANA), replace(facts, plan=facts.plan.closed())) == ["self-approval"]
    assert names(Voter(DANA), replace(facts, plan=None)) == ["self-approval"]


@pytest.mark.parametrize(("risk", "quorum", "barred"), [
    (Risk.LOW, 1, True), (Risk.LOW, 2, False), (Risk.MODERATE, 1, True), (Risk.MODERATE, 2, False),
    (Risk.HIGH, 1, True), (Risk.HIGH, 2, True), (Risk.CRITICAL, 3, True),
])  # fmt: skip
def test_the_bots_owner(risk: Risk, quorum: int, *, barred: bool) -> None:
    facts = facts_of(replace(ONE, quorum=quorum), risk=risk, bot_owners=frozenset({"dana"}))
    assert names(Voter(DANA), facts) == (["bot-owner"] if barred else [])


def test_below_high_owners_alone_are_no_quorum() -> None:
    people = [Person(name, groups=frozenset({"leads"})) for name in ("olivia", "tom", "dana")]
    facts = facts_of(
        replace(ONE, quorum=2),
        risk=Risk.MODERATE,
        credential_maker=None,
        bot_owners=frozenset({"olivia", "tom"}),
        members={"leads": frozenset({"olivia", "tom", "dana"})},
        stood={0: {"olivia": Say.APPROVE, "tom": Say.APPROVE}},
    )
    assert not tally(people, facts, 0).passes(2)
    with_dana = replace(facts, stood={0: {**facts.stood[0], "dana": Say.APPROVE}})
    assert tally(people, with_dana, 0).passes(2)


def test_a_vote_of_who_lost_the_standing_is_void() -> None:
    facts = facts_of(stood={0: {"dana": Say.APPROVE}})
    assert tally([DANA], facts, 0).passes(1)
    for gone in (replace(DANA, active=False), replace(DANA, groups=frozenset({"finance"}))):
        assert tally([gone], facts, 0).approvals == frozenset()
    assert tally([], facts, 0).approvals == frozenset()
    assert tally([DANA], replace(facts, bot_owners=frozenset({"dana"})), 0).approvals == frozenset()


def test_who_abstained_or_denied_may_not_still_approve() -> None:
    for said in (Say.ABSTAIN, Say.DENY):
        votes = tally([DANA], facts_of(stood={0: {"dana": said}}), 0)
        assert votes == Tally(frozenset(), frozenset({"dana"} if said is Say.ABSTAIN else ()), frozenset())


def test_the_names_are_those_of_the_design_with_one_sentence_each() -> None:
    assert set(SENTENCES) == {
        *("self-approval", "on-behalf-of", "bot-owner", "beneficiary", "not-eligible", "one-person-one-vote"),
        *("unlinked-identity", "not-human", "weak-authentication", "stage-repeat", "stale-authority", "not-shown"),
        *("rollback-approver", "governance-change", "delegate-excluded", "policy-author"),
    }
    for invariant in SENTENCES:
        told = violation(invariant, want="login", have="click")
        assert told.invariant == invariant
        assert told.sentence.endswith((".", "again."))
        assert "{" not in told.sentence


def test_the_sentence_says_which_sign_in_is_wanted() -> None:
    (weak,) = violations(Voter(DANA), facts_of(replace(ONE, level=Level.RECENT)))
    assert "(recent)" in weak.sentence
    assert "(click)" in weak.sentence
