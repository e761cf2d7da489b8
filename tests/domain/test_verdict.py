"""Deny beats hold beats allow; a further rule adds, and never takes away."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.domain.plan import PlanRule, merge
from app.domain.request import Reversibility, Risk
from app.domain.verdict import Outcome, RuleMatch, Verdict, combine, denied
from tests.domain.strategies import plan_rules, risks
from tests.domain.test_plan import LEAD, TWO, assert_as_strict

RANK = {Outcome.ALLOW: 0, Outcome.HOLD: 1, Outcome.DENY: 2}

ALLOW = RuleMatch("small", Outcome.ALLOW)
HOLD = RuleMatch("big", Outcome.HOLD, plan=TWO)
DENY = RuleMatch("night", Outcome.DENY, sentence="Not at night.")
ERROR = RuleMatch("broken", Outcome.DENY, sentence="no such key", error=True)


def judged(
    *matches: RuleMatch,
    default: PlanRule | None = LEAD,
    risk: Risk = Risk.HIGH,
    reversibility: Reversibility = Reversibility.REVERSIBLE,
    changed: bool = False,
) -> Verdict:
    return combine(matches, default=default, risk=risk, reversibility=reversibility, model_changed=changed)


@pytest.mark.parametrize("matches", list(itertools.permutations([ALLOW, HOLD, DENY, ERROR])))
def test_an_error_denies_before_all_else(matches: tuple[RuleMatch, ...]) -> None:
    verdict = judged(*matches)
    assert (verdict.outcome, verdict.code) == (Outcome.DENY, "rule-error")
    assert verdict.reason == "The rule broken failed: no such key"
    assert [match.name for match in verdict.rules] == ["big", "broken", "night", "small"]


def test_a_denial_gives_its_sentence() -> None:
    assert judged(ALLOW, HOLD, DENY) == denied("rule", "Not at night.", [HOLD, DENY, ALLOW])
    assert judged(RuleMatch("curt", Outcome.DENY)).reason == "The rule curt denies it."


def test_a_hold_beats_an_allow_and_names_its_rules() -> None:
    assert judged(ALLOW, HOLD) == Verdict(Outcome.HOLD, "rule", "Held by big.", (HOLD, ALLOW), TWO)


def test_holds_merge() -> None:
    other = RuleMatch("other", Outcome.HOLD, plan=LEAD)
    assert judged(HOLD, other).plan == merge([LEAD, TWO])


def test_an_allow_replaces_the_default_plan() -> None:
    assert judged(ALLOW) == Verdict(Outcome.ALLOW, "rule", "Allowed by small.", (ALLOW,))


@pytest.mark.parametrize(
    ("risk", "reversibility", "changed"),
    [
        (Risk.CRITICAL, Reversibility.REVERSIBLE, False),
        (Risk.LOW, Reversibility.IRREVERSIBLE, False),
        (Risk.MODERATE, Reversibility.REVERSIBLE, True),
        (Risk.HIGH, Reversibility.EXTERNALLY_REVERSIBLE, True),
    ],
)
def test_an_allow_never_frees_the_critical_the_irreversible_or_another_models(
    risk: Risk, reversibility: Reversibility, *, changed: bool
) -> None:
    given = {"risk": risk, "reversibility": reversibility, "changed": changed}
    held = judged(ALLOW, **given)  # type: ignore[arg-type]
    assert (held.outcome, held.code, held.plan) == (Outcome.HOLD, "default-plan", LEAD)
    refused = judged(ALLOW, default=None, **given)  # type: ignore[arg-type]
    assert (refused.outcome, refused.code) == (Outcome.DENY, "default-plan")


def test_an_allow_frees_the_low_of_another_model() -> None:
    assert judged(ALLOW, risk=Risk.LOW, changed=True).outcome is Outcome.ALLOW


def test_when_no_rule_speaks() -> None:
    assert judged() == Verdict(Outcome.HOLD, "default-plan", "Held under the plan lead.", (), LEAD)
    read = judged(default=None, risk=Risk.LOW, reversibility=Reversibility.READ_ONLY)
    assert (read.outcome, read.code, read.plan) == (Outcome.ALLOW, "read-only", None)


@pytest.mark.parametrize(("default", "outcome"), [(LEAD, Outcome.HOLD), (None, Outcome.DENY)])
def test_a_hold_that_names_no_plan_is_no_allow(default: PlanRule | None, outcome: Outcome) -> None:
    assert judged(ALLOW, RuleMatch("vague", Outcome.HOLD), default=default).outcome is outcome


def test_as_the_api_shows_it() -> None:
    assert judged(ALLOW, HOLD).as_json("sha256:00") == {
        "outcome": "hold",
        "code": "rule",
        "reason": "Held by big.",
        "policy_version": "sha256:00",
        "rules": [{"name": "big", "outcome": "hold"}, {"name": "small", "outcome": "allow"}],
    }


@st.composite
def rules(draw: st.DrawFn, number: int) -> RuleMatch:
    """Any match. Its plan is one of a policy's: of a name, one content."""
    outcome = draw(st.sampled_from(Outcome))
    plan = draw(plan_rules(f"plan-{number}")) if outcome is Outcome.HOLD else None
    error = outcome is Outcome.DENY and draw(st.booleans())
    return RuleMatch(f"rule-{number}", outcome, plan, draw(st.none() | st.just("A sentence.")), error)


matching = st.tuples(*(rules(n) for n in range(4))).flatmap(
    lambda made: st.lists(st.sampled_from(made), unique_by=lambda match: match.name)
)
reversibilities = st.sampled_from(Reversibility)
defaults = st.none() | plan_rules("default")


def outcome_wanted(matches: list[RuleMatch], *, must_hold: bool, default: PlanRule | None) -> Outcome:
    """DESIGN.md section 9 in four lines."""
    said = {match.outcome for match in matches}
    if said & {Outcome.DENY, Outcome.HOLD}:
        return max(said, key=lambda outcome: RANK[outcome])
    if not must_hold and (Outcome.ALLOW in said or default is None):
        return Outcome.ALLOW
    return Outcome.DENY if default is None else Outcome.HOLD


@given(matching, defaults, risks, reversibilities, st.booleans())
def test_the_outcome_is_what_the_design_says(
    matches: list[RuleMatch],
    default: PlanRule | None,
    risk: Risk,
    reversibility: Reversibility,
    changed: bool,
) -> None:
    verdict = judged(*matches, default=default, risk=risk, reversibility=reversibility, changed=changed)
    must_hold = risk.name == "CRITICAL" or reversibility.name == "IRREVERSIBLE" or (changed and risk.name != "LOW")
    assert verdict.outcome is outcome_wanted(matches, must_hold=must_hold, default=default)
    assert (verdict.plan is not None) is (verdict.outcome is Outcome.HOLD)
    assert sorted(match.name for match in matches) == [match.name for match in verdict.rules]


@given(matching, defaults, risks, reversibilities, st.booleans())
def test_a_further_match_never_makes_it_weaker(
    matches: list[RuleMatch],
    default: PlanRule | None,
    risk: Risk,
    reversibility: Reversibility,
    changed: bool,
) -> None:
    """From the first rule that speaks on, rules only add: before it, there is the default plan or the lack of one."""
    assume(matches)
    made = [
        judged(*some, default=default, risk=risk, reversibility=reversibility, changed=changed)
        for some in (matches[:-1], matches)
    ]
    if made[0].code != "default-plan":
        assert RANK[made[1].outcome] >= RANK[made[0].outcome]
    if made[0].code == "rule" and made[0].plan is not None and made[1].plan is not None:
        assert_as_strict(made[1].plan, made[0].plan)


@given(matching, defaults, risks)
def test_a_hold_is_at_least_as_strict_as_each_plan_that_asked_for_it(
    matches: list[RuleMatch], default: PlanRule | None, risk: Risk
) -> None:
    verdict = judged(*matches, default=default, risk=risk)
    asked = [match.plan for match in matches if match.plan is not None]
    assume(verdict.outcome is Outcome.HOLD)
    assert verdict.plan is not None
    for plan in asked or [default or LEAD]:
        assert_as_strict(verdict.plan, plan)


@given(matching, risks, reversibilities, st.randoms(use_true_random=False))
def test_the_order_of_rules_does_not_matter(
    matches: list[RuleMatch], risk: Risk, reversibility: Reversibility, random: object
) -> None:
    shuffled = list(matches)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (judged(*some, risk=risk, reversibility=reversibility) for some in (matches, shuffled))
    assert one == other


@given(matching, defaults, reversibilities, st.booleans())
def test_a_higher_risk_is_never_judged_more_mildly(
    matches: list[RuleMatch], default: PlanRule | None, reversibility: Reversibility, changed: bool
) -> None:
    ranks = [
        RANK[judged(*matches, default=default, risk=risk, reversibility=reversibility, changed=changed).outcome]
        for risk in (Risk.LOW, Risk.MODERATE, Risk.HIGH, Risk.CRITICAL)
    ]
    assert ranks == sorted(ranks)
