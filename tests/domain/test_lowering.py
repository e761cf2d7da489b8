"""Rules that ask less than those before them, and who gained by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from app.domain.lowering import Bar, asks_less, gained
from app.domain.plan import PlanRule, StageRule, merge
from app.domain.request import Level, Risk
from app.domain.verdict import Outcome, Verdict, denied
from tests.domain.strategies import distinct_plans, plan_rules

HOUR = timedelta(hours=1)
LEADS = StageRule("leads", "leads", quorum=2, within=HOUR, level=Level.LOGIN, reason_required=True)
PLAN = PlanRule("plan", (LEADS, StageRule("money", "finance")), HOUR)
DENIED, ALLOWED = denied("rule", "no"), Verdict(Outcome.ALLOW, "rule", "yes")


def held(plan: PlanRule) -> Verdict:
    return Verdict(Outcome.HOLD, "rule", "wait", (), plan)


def stages(*rules: StageRule) -> Verdict:
    return held(replace(PLAN, stages=rules))


BEFORE = held(PLAN)


@pytest.mark.parametrize(
    ("now", "less"),
    [
        (BEFORE, False),
        (ALLOWED, True),
        (stages(LEADS), True),
        (stages(replace(LEADS, quorum=1), PLAN.stages[1]), True),
        (stages(replace(LEADS, level=Level.CLICK), PLAN.stages[1]), True),
        (stages(replace(LEADS, reason_required=False), PLAN.stages[1]), True),
        (held(replace(PLAN, allow_repeat=True)), True),
        (stages(replace(LEADS, quorum=3, level=Level.STRONG), PLAN.stages[1]), False),
        (stages(PLAN.stages[1], LEADS), False),
        (stages(LEADS, PLAN.stages[1], StageRule("law", "legal")), False),
        (stages(replace(LEADS, name="others", within=2 * HOUR), PLAN.stages[1]), False),
    ],
)
def test_what_was_enough_before(now: Verdict, less: bool) -> None:
    assert asks_less(now, BEFORE) is less
    assert asks_less(now, DENIED)
    assert not asks_less(now, ALLOWED)


@given(plan_rules())
def test_the_same_asks_no_less(plan: PlanRule) -> None:
    assert not asks_less(held(plan), held(plan))


@given(distinct_plans(2))
def test_one_plan_of_several_never_asks_more_than_all(plans: list[PlanRule]) -> None:
    assert not asks_less(held(merge(plans)), held(replace(plans[0], allow_repeat=True)))


NOW = Bar(BEFORE, Risk.MODERATE, members={"leads": frozenset({"ada", "dana"}), "finance": frozenset({"felix"})})
WE = ("ada", "ben")


@pytest.mark.parametrize(
    ("before", "who"),
    [
        (NOW, set()),
        (replace(NOW, verdict=DENIED), {"ada", "ben"}),
        (replace(NOW, risk=Risk.HIGH), {"ada", "ben"}),
        (replace(NOW, risk=Risk.LOW), set()),
        (replace(NOW, owners=frozenset({"ben", "olivia"})), {"ben"}),
        (replace(NOW, beneficiaries=frozenset({"ben"})), {"ben"}),
        (replace(NOW, members={"leads": frozenset({"dana"}), "finance": frozenset()}), {"ada"}),
        (replace(NOW, members=None), {"ada"}),
    ],
)
def test_who_gained(before: Bar, who: set[str]) -> None:
    assert gained(WE, NOW, before) == who
