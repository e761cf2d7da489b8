"""Plans: merged without losing anything, opened one by one, counted by person, kept and read back."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.digest import canonical
from app.domain.plan import (
    Escalation,
    Plan,
    PlanRule,
    Stage,
    StageRule,
    Tally,
    as_rule,
    begin,
    merge,
    missing,
    reach,
)
from app.domain.plan_rows import plan_as_json, plan_from_json
from app.domain.request import Level
from tests.domain.strategies import GROUPS, NOW, PEOPLE, any_plan, distinct_plans, plan_rules, quorums, some, tallies

HOUR = timedelta(hours=1)

LEAD = PlanRule("lead", (StageRule("leads", "leads", within=HOUR),), 4 * HOUR)
TWO = PlanRule(
    "two-person",
    (
        StageRule("leads", "leads", quorum=2, within=HOUR / 2, escalate_to=("duty",)),
        StageRule("money", "finance", within=2 * HOUR, level=Level.LOGIN, reason_required=True),
    ),
    8 * HOUR,
    fallback=("duty",),
)


def test_two_plans_in_one() -> None:
    assert merge([TWO, LEAD]) == PlanRule(
        "lead+two-person",
        (
            StageRule("leads", "leads", quorum=2, within=HOUR / 2, escalate_to=("duty",)),
            StageRule("money", "finance", within=2 * HOUR, level=Level.LOGIN, reason_required=True),
        ),
        4 * HOUR,
        fallback=("duty",),
    )


def test_stages_come_by_plan_name_then_position() -> None:
    first = PlanRule("a", (StageRule("x", "legal"), StageRule("y", "leads")), HOUR)
    second = PlanRule("b", (StageRule("z", "finance"), StageRule("w", "legal")), HOUR)
    assert [stage.group for stage in merge([second, first]).stages] == ["legal", "leads", "finance"]


def test_a_clock_beats_none() -> None:
    slow = PlanRule("slow", (StageRule("leads", "leads"),), HOUR)
    assert merge([slow, LEAD]).stages[0].within == HOUR


def test_no_plan_is_no_hold() -> None:
    with pytest.raises(ValueError, match="a hold without a plan"):
        merge([])


def assert_as_strict(merged: PlanRule, plan: PlanRule) -> None:
    assert merged.expires <= plan.expires
    assert plan.allow_repeat or not merged.allow_repeat
    assert set(merged.fallback) >= set(plan.fallback)
    kept = {stage.group: stage for stage in merged.stages}
    for asked in plan.stages:
        assert_stage_as_strict(kept[asked.group], asked)


def assert_stage_as_strict(kept: StageRule, asked: StageRule) -> None:
    assert kept.quorum >= asked.quorum
    assert kept.level >= asked.level
    assert kept.reason_required or not asked.reason_required
    assert set(kept.escalate_to) >= set(asked.escalate_to)
    assert asked.within is None or (kept.within is not None and kept.within <= asked.within)
    assert set(kept.within_business) >= set(asked.within_business)
    assert set(kept.remind) >= set(asked.remind)
    assert asked.direct or not kept.direct


@given(distinct_plans())
def test_a_merge_is_at_least_as_strict_as_each_plan(plans: list[PlanRule]) -> None:
    merged = merge(plans)
    for plan in plans:
        assert_as_strict(merged, plan)


@given(distinct_plans())
def test_a_merge_asks_nothing_that_no_plan_asked(plans: list[PlanRule]) -> None:
    merged = merge(plans)
    assert reach(merged) == frozenset().union(*(reach(plan) for plan in plans))
    assert merged.expires in {plan.expires for plan in plans}
    asked = [stage for plan in plans for stage in plan.stages]
    for stage in merged.stages:
        same = [other for other in asked if other.group == stage.group]
        assert stage.quorum == max(other.quorum for other in same)
        assert stage.level is max(other.level for other in same)
        assert stage.within in {other.within for other in same}
        assert stage.reason_required is any(other.reason_required for other in same)
        assert set(stage.escalate_to) == {name for other in same for name in other.escalate_to}
        assert set(stage.within_business) == {span for other in same for span in other.within_business}
        assert set(stage.remind) == {span for other in same for span in other.remind}
        assert stage.direct is all(other.direct for other in same)


@given(distinct_plans(), st.randoms(use_true_random=False))
def test_a_merge_does_not_depend_on_the_order_of_rules(plans: list[PlanRule], random: object) -> None:
    shuffled = list(plans)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert merge(shuffled) == merge(plans) == merge([*plans, *plans])


@given(plan_rules())
def test_a_single_plan_stays_as_it_is(plan: PlanRule) -> None:
    assert merge([plan]) == plan
    assert merge([merge([plan]), plan]) == plan


@given(distinct_plans())
def test_a_merge_asks_a_group_once(plans: list[PlanRule]) -> None:
    groups = [stage.group for stage in merge(plans).stages]
    assert len(groups) == len(set(groups))


def statuses(plan: Plan) -> list[str]:
    return [stage.status for stage in plan.stages]


def test_stages_open_one_by_one() -> None:
    plan = begin(TWO, NOW)
    assert (statuses(plan), plan.open_stage, plan.passed) == (["open", "waiting"], 0, False)
    assert (plan.stages[0].opened_at, plan.stages[0].closes_at) == (NOW, NOW + HOUR / 2)
    plan = plan.advance(NOW + HOUR)
    assert (statuses(plan), plan.open_stage, plan.passed) == (["passed", "open"], 1, False)
    assert (plan.stages[1].opened_at, plan.stages[1].closes_at) == (NOW + HOUR, NOW + 3 * HOUR)
    plan = plan.advance(NOW + HOUR)
    assert (statuses(plan), plan.open_stage, plan.passed) == (["passed", "passed"], None, True)


def test_a_plan_without_stages_is_never_passed() -> None:
    assert not begin(PlanRule("empty", (), HOUR), NOW).passed


def test_a_lost_vote_opens_its_stage_again_and_later_ones_wait() -> None:
    plan = begin(TWO, NOW).advance(NOW).advance(NOW)
    assert statuses(plan.reopened(1, NOW + HOUR)) == ["passed", "open"]
    plan = plan.reopened(0, NOW + HOUR)
    assert statuses(plan) == ["open", "waiting"]
    assert (plan.stages[0].closes_at, plan.stages[1].opened_at) == (NOW + 1.5 * HOUR, None)


def test_a_plan_that_ended_keeps_what_was_passed() -> None:
    assert statuses(begin(TWO, NOW).advance(NOW).closed()) == ["passed", "closed"]
    assert statuses(begin(TWO, NOW).closed()) == ["closed", "closed"]


@given(plan_rules(), st.lists(st.integers(0, 600), max_size=5))
def test_exactly_one_stage_is_open_until_all_are_passed(rule: PlanRule, minutes: list[int]) -> None:
    plan = begin(rule, NOW)
    for at in minutes:
        assert plan.passed is (plan.open_stage is None)
        assert statuses(plan).count("open") == (0 if plan.passed else 1)
        before = statuses(plan).count("passed")
        plan = plan.advance(NOW + timedelta(minutes=at))
        assert statuses(plan).count("passed") == min(before + 1, len(rule.stages))


@given(plan_rules())
def test_every_stage_group_escalation_and_fallback_is_in_reach(rule: PlanRule) -> None:
    wanted = set(rule.fallback)
    for stage in rule.stages:
        wanted |= {stage.group, *stage.escalate_to}
    assert reach(rule) == wanted


@given(any_plan, st.integers(0, 3), some(GROUPS))
def test_an_escalation_only_adds_groups(plan: Plan, at: int, more: frozenset[str]) -> None:
    for stage in plan.stages[at:]:
        after = stage.escalated(tuple(sorted(more)), NOW, "why")
        assert set(after.groups) == set(stage.groups) | more
        assert after.groups[: len(stage.groups)] == stage.groups
        assert (after.quorum, after.level, after.reason_required) == (stage.quorum, stage.level, stage.reason_required)
        assert (after.closes_at, after.remind_at) == (stage.opened(NOW).closes_at, stage.opened(NOW).remind_at)
        assert (after.status, after.opened_at, after.escalate_to) == (stage.status, stage.opened_at, ())
        assert after.escalations == (*stage.escalations, Escalation(tuple(sorted(more)), "why", NOW))


@given(plan_rules(), st.lists(st.tuples(st.integers(0, 3), some(GROUPS)), max_size=4))
def test_what_one_request_passed_is_asked_of_another_again(
    rule: PlanRule, escalated: list[tuple[int, frozenset[str]]]
) -> None:
    """Nothing of it is lost or let off: who had to be asked first is, and whoever came to decide may come to again."""
    plan = begin(rule, NOW)
    for number, more in escalated:
        at = number % len(plan.stages)
        plan = plan.with_stage(at, plan.stages[at].escalated(tuple(sorted(more)), NOW, "why"))
    again = as_rule(plan.closed(), expires=HOUR)
    assert (again.name, again.expires, again.allow_repeat) == (rule.name, HOUR, rule.allow_repeat)
    assert (again.fallback, len(again.stages)) == (rule.fallback, len(rule.stages))
    for stage, first in zip(again.stages, rule.stages, strict=True):
        kept = replace(first, escalate_to=stage.escalate_to)
        assert stage == kept
        assert stage.group not in stage.escalate_to
    assert reach(again) >= {group for stage in plan.stages for group in stage.groups}
    assert all(stage.groups == (stage.group,) for stage in begin(again, NOW).stages)


@given(plan_rules())
def test_a_plan_that_nobody_escalated_comes_back_as_it_was(rule: PlanRule) -> None:
    again = as_rule(begin(rule, NOW).closed(), expires=rule.expires)
    others = tuple(replace(stage, escalate_to=again.stages[i].escalate_to) for i, stage in enumerate(rule.stages))
    assert again == replace(rule, stages=others)
    for stage, first in zip(again.stages, rule.stages, strict=True):
        assert set(stage.escalate_to) == set(first.escalate_to) - {first.group}


def test_nothing_is_missing_when_the_newer_rules_ask_no_more() -> None:
    passed = begin(TWO, NOW).advance(NOW).advance(NOW)
    assert missing(passed, LEAD, NOW) is None
    assert missing(passed, TWO, NOW) is None


@pytest.mark.parametrize(
    "newer",
    [
        PlanRule("new", (StageRule("leads", "leads", level=Level.STRONG),), HOUR),
        PlanRule("new", (StageRule("leads", "leads", reason_required=True),), HOUR),
        PlanRule("new", (StageRule("legal", "legal"),), HOUR),
    ],
)
def test_what_the_newer_rules_ask_beyond_is_missing(newer: PlanRule) -> None:
    passed = begin(TWO, NOW).advance(NOW).advance(NOW)
    more = missing(passed, newer, NOW + HOUR)
    assert more is not None
    assert more.stages[:2] == passed.stages
    assert statuses(more) == ["passed", "passed", "open"]
    assert more.stages[2].opened_at == NOW + HOUR


def test_a_grown_quorum_opens_its_stage_again_and_its_votes_stand() -> None:
    passed = begin(TWO, NOW).advance(NOW).advance(NOW)
    more = missing(passed, PlanRule("new", (StageRule("leads", "leads", quorum=3),), HOUR), NOW + HOUR)
    assert more is not None
    assert (statuses(more), more.stages[0].quorum) == (["open", "passed"], 3)


def test_signatures_of_who_might_repeat_are_not_taken_where_nobody_may() -> None:
    passed = begin(replace(TWO, allow_repeat=True), NOW).advance(NOW).advance(NOW)
    more = missing(passed, TWO, NOW)
    assert more is not None
    assert statuses(more) == ["passed", "passed", "open", "waiting"]


def test_everything_is_missing_of_what_was_allowed() -> None:
    assert missing(None, TWO, NOW) == begin(TWO, NOW)


def meets(stage: Stage, rule: StageRule) -> bool:
    reasons = stage.reason_required or not rule.reason_required
    return stage.group == rule.group and stage.quorum >= rule.quorum and stage.level >= rule.level and reasons


@given(any_plan | st.none(), plan_rules())
def test_a_newer_stage_is_waived_only_for_a_passed_one_as_strict(held: Plan | None, newer: PlanRule) -> None:
    passed = [] if held is None else [stage for stage in held.stages if stage.status == "passed"]
    takes = held is not None and (newer.allow_repeat or not held.allow_repeat)
    after = missing(held, newer, NOW)
    lacking = [rule for rule in newer.stages if not (takes and any(meets(stage, rule) for stage in passed))]
    assert (after is None) is (lacking == [])
    if after is not None:
        assert after.open_stage is not None
        asked = [stage for stage in after.stages if stage.status != "passed"]
        assert all(any(meets(stage, rule) for stage in asked) for rule in lacking)
        kept = after.stages[: len(passed)]
        assert all(
            now.quorum >= then.quorum and now.group == then.group for now, then in zip(kept, passed, strict=True)
        )


@given(any_plan)
def test_a_plan_comes_back_from_its_row(plan: Plan) -> None:
    written = plan_as_json(plan)
    assert plan_from_json(json.loads(json.dumps(written))) == plan
    assert plan_from_json(json.loads(canonical(written))) == plan


@pytest.mark.parametrize("key", ["name", "group", "groups", "quorum", "level", "status", "closes_at", "escalate_to"])
def test_a_row_that_lacks_a_word_is_not_read(key: str) -> None:
    written = plan_as_json(begin(TWO, NOW))
    del written["stages"][0][key]
    with pytest.raises(KeyError, match=key):
        plan_from_json(written)


def tally(*approvals: str, near: tuple[str, ...] = (), may: tuple[str, ...] = ()) -> Tally:
    return Tally(frozenset(approvals), frozenset(), frozenset(may), frozenset(near))


def test_a_quorum_counts_distinct_persons() -> None:
    assert not tally().passes(1)
    assert tally("dana").passes(1)
    assert not tally("dana", "dana").passes(2)
    assert tally("dana", "marco").passes(2)


def test_no_quorum_is_passed_by_nobody() -> None:
    assert not tally().passes(0)
    assert not tally(may=("dana",)).passes(0)


def test_one_vote_must_not_be_the_owners() -> None:
    assert not tally("olivia", "tom", near=("olivia", "tom")).passes(2)
    assert tally("olivia", "dana", near=("olivia", "tom")).passes(2)


def test_out_of_reach() -> None:
    assert not tally("dana").reachable(2)
    assert tally("dana", may=("marco",)).reachable(2)
    assert not tally(may=("olivia", "tom"), near=("olivia", "tom")).reachable(2)


@given(tallies, quorums)
def test_what_passes_is_enough_persons_and_not_only_those_who_stand_near(votes: Tally, quorum: int) -> None:
    if votes.passes(quorum):
        assert len(votes.approvals) >= quorum
        assert votes.approvals - votes.stands_near
        assert votes.reachable(quorum)


@given(tallies, quorums)
def test_reachable_means_that_some_further_votes_would_pass(votes: Tally, quorum: int) -> None:
    more = sorted(votes.may_still)
    ways = itertools.chain.from_iterable(itertools.combinations(more, size) for size in range(len(more) + 1))
    could = any(replace(votes, approvals=votes.approvals | set(way)).passes(quorum) for way in ways)
    assert votes.reachable(quorum) is could


@given(tallies, quorums, st.sampled_from(PEOPLE))
def test_a_larger_quorum_or_a_further_owner_never_helps(votes: Tally, quorum: int, person: str) -> None:
    if not votes.passes(quorum):
        assert not votes.passes(quorum + 1)
        assert not replace(votes, stands_near=votes.stands_near | {person}).passes(quorum)
