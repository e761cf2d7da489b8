"""Break-glass by example: what a plan lets one person release, and several plans together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.glass import Glass, looser, refusal, strictest
from app.domain.lowering import asks_less
from app.domain.plan import PlanRule, StageRule, begin, merge, missing
from app.domain.plan_rows import plan_as_json, plan_from_json
from app.domain.request import Reversibility, Risk
from app.domain.verdict import Outcome, Verdict

HOUR = timedelta(hours=1)
NOW = datetime(2026, 1, 5, tzinfo=UTC)
NEVER, PLAIN = Glass(never=True), Glass()
ALL = Glass(allow=frozenset({"critical", "irreversible"}))
SOON = Glass(review_within=HOUR)
RULE = PlanRule("one", (StageRule("leads", "leads"),), HOUR)


@pytest.mark.parametrize(
    ("glass", "risk", "reversibility", "refused"),
    [
        (PLAIN, Risk.HIGH, Reversibility.EXTERNALLY_REVERSIBLE, None),
        (PLAIN, Risk.CRITICAL, Reversibility.REVERSIBLE, "critical"),
        (PLAIN, Risk.LOW, Reversibility.IRREVERSIBLE, "irreversible"),
        (ALL, Risk.CRITICAL, Reversibility.IRREVERSIBLE, None),
        (Glass(allow=frozenset({"critical"})), Risk.CRITICAL, Reversibility.IRREVERSIBLE, "irreversible"),
        (Glass(allow=frozenset({"irreversible"})), Risk.CRITICAL, Reversibility.IRREVERSIBLE, "critical"),
        (NEVER, Risk.LOW, Reversibility.READ_ONLY, "alone"),
        (replace(ALL, never=True), Risk.LOW, Reversibility.READ_ONLY, "alone"),
    ],
)
def test_what_one_person_may_release(
    glass: Glass, risk: Risk, reversibility: Reversibility, refused: str | None
) -> None:
    why = refusal(glass, risk, reversibility)
    assert why is None if refused is None else refused in (why or "")


def test_several_plans_say_the_strictest() -> None:
    assert strictest([ALL, SOON]) == SOON
    assert strictest([ALL, NEVER]).never
    plans = [replace(RULE, name=name, glass=glass) for name, glass in (("a", ALL), ("b", SOON))]
    assert merge(plans).glass == SOON
    held = begin(replace(RULE, glass=SOON), NOW)
    newer = replace(RULE, glass=ALL, stages=(StageRule("finance", "finance"),))
    more = missing(held, newer, NOW)
    assert more is not None
    assert more.glass == SOON


@pytest.mark.parametrize("glass", [NEVER, PLAIN, ALL, SOON])
def test_a_row_keeps_it(glass: Glass) -> None:
    plan = begin(replace(RULE, glass=glass), NOW)
    assert plan_from_json(plan_as_json(plan)) == plan


def test_a_row_of_an_older_release_has_the_default() -> None:
    data = plan_as_json(begin(RULE, NOW))
    del data["break_glass"]
    assert plan_from_json(data).glass == PLAIN


@pytest.mark.parametrize(
    ("now", "before", "less"),
    [
        (PLAIN, NEVER, True),
        (NEVER, PLAIN, False),
        (NEVER, NEVER, False),
        (ALL, PLAIN, True),
        (PLAIN, ALL, False),
        (PLAIN, SOON, True),
        (SOON, PLAIN, False),
    ],
)
def test_who_loosens_it_has_lowered_the_bar(now: Glass, before: Glass, less: bool) -> None:
    assert looser(now, before) is less
    verdicts = [Verdict(Outcome.HOLD, "rule", "", (), replace(RULE, glass=glass)) for glass in (now, before)]
    assert asks_less(*verdicts) is less
