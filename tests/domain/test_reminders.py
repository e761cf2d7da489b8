"""Reminders: at their moments, once for all that a late look has passed, and without changing anything else."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.plan import Escalation, Plan, PlanRule, StageRule, Tally, as_rule, begin, merge, missing
from app.domain.plan_rows import plan_as_json
from app.domain.plan_rows import plan_from_json as from_json
from app.domain.progress import Event, next_due, progress
from app.domain.spans import BusinessSpan
from app.domain.states import Status
from tests.domain.strategies import NOW, any_plan, moments, plan_rules, tallies

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
EXPIRES = NOW + 4 * HOUR
WAITING = Tally(frozenset(), frozenset(), frozenset({"dana", "marco"}))
LEADS = StageRule(
    "lead", "leads", within=30 * MINUTE, escalate_to=("duty",), remind=(10 * MINUTE, 20 * MINUTE), direct=True
)
RULE = PlanRule("one", (LEADS, StageRule("money", "finance", remind=(HOUR,))), 4 * HOUR)
REMINDED = Event("reminded", "lead", ("leads",))
NEWER = ("within_business", "remind", "direct", "remind_at", "reminded", "reminded_at", "escalations")


def waits(_plan: Plan, _index: int) -> Tally:
    """Nobody has decided; two may."""
    return WAITING


def at(minutes: float) -> datetime:
    return NOW + minutes * MINUTE


def test_each_comes_at_its_moment_and_no_sooner() -> None:
    plan, said = begin(RULE, NOW), []
    assert plan.stages[0].remind_at == (at(10), at(20))
    for minute in range(30):
        assert next_due(plan, EXPIRES) == at(10 if minute <= 10 else 20 if minute <= 20 else 30)
        after = progress(plan, waits, at(minute), EXPIRES)
        said += [(minute, event) for event in after.events]
        plan = after.plan
    assert said == [(10, REMINDED), (20, REMINDED)]
    assert (plan.stages[0].reminded, plan.stages[0].reminded_at, plan.stages[0].remind_at) == (2, at(20), ())
    assert next_due(plan, EXPIRES) == at(30)


def test_a_late_look_that_passes_two_reminds_once() -> None:
    after = progress(begin(RULE, NOW), waits, at(25), EXPIRES)
    assert after.events == (REMINDED,)
    assert (after.plan.stages[0].reminded, after.plan.stages[0].remind_at) == (1, ())


def test_a_look_at_the_first_leaves_the_second() -> None:
    after = progress(begin(RULE, NOW), waits, at(10), EXPIRES)
    assert after.plan.stages[0].remind_at == (at(20),)


def test_a_stage_whose_time_is_over_escalates_and_does_not_remind() -> None:
    after = progress(begin(RULE, NOW), waits, at(30), EXPIRES)
    assert [event.kind for event in after.events] == ["escalated"]
    stage = after.plan.stages[0]
    assert stage.escalations == (Escalation(("duty",), "stage-time-over", at(30)),)
    assert (stage.closes_at, stage.remind_at, stage.reminded_at) == (at(60), (at(40), at(50)), None)


def test_reminders_are_counted_on_over_an_escalation() -> None:
    """So each has a number of its own, and none is taken for one that was given."""
    plan = progress(begin(RULE, NOW), waits, at(10), EXPIRES).plan
    plan = progress(plan, waits, at(30), EXPIRES).plan
    after = progress(plan, waits, at(40), EXPIRES)
    assert after.events == (Event("reminded", "lead", ("leads", "duty")),)
    assert after.plan.stages[0].reminded == 2


def test_the_next_stage_has_reminders_of_its_own() -> None:
    plan = begin(RULE, NOW).advance(at(5))
    assert (plan.stages[0].remind_at, plan.stages[1].remind_at) == ((), (at(65),))


def test_who_is_asked_again_is_reminded_again() -> None:
    plan = begin(RULE, NOW).advance(at(5)).advance(at(6)).reopened(0, at(7))
    assert (plan.stages[0].remind_at, plan.stages[1].remind_at) == ((at(17), at(27)), ())


def test_an_ended_plan_reminds_nobody() -> None:
    plan = begin(RULE, NOW).closed()
    assert [stage.remind_at for stage in plan.stages] == [(), ()]
    assert next_due(plan, EXPIRES) == EXPIRES


def test_a_merge_drops_what_would_come_when_the_stage_is_over() -> None:
    soon = PlanRule("soon", (StageRule("lead", "leads", within=15 * MINUTE, remind=(5 * MINUTE,)),), HOUR)
    stage = begin(merge([RULE, soon]), NOW).stages[0]
    assert stage.remind == (5 * MINUTE, 10 * MINUTE, 20 * MINUTE)
    assert (stage.remind_at, stage.closes_at) == ((at(5), at(10)), at(15))


@pytest.mark.parametrize(("one", "other", "both"), [(True, True, True), (True, False, False), (False, False, False)])
def test_a_merge_asks_in_the_channel_if_any_plan_does(one: bool, other: bool, both: bool) -> None:
    plans = [PlanRule(name, (replace(LEADS, direct=said),), HOUR) for name, said in (("a", one), ("b", other))]
    assert merge(plans).stages[0].direct is both


def closes_on(_group: str, _begins: datetime, span: BusinessSpan) -> datetime:
    """A calendar by which each business hour takes ten minutes."""
    return NOW + span.count * 10 * MINUTE


@pytest.mark.parametrize(("within", "closes_at"), [(None, at(20)), (15 * MINUTE, at(15)), (HOUR, at(20))])
def test_the_earlier_of_both_clocks_closes_the_stage(within: timedelta | None, closes_at: datetime) -> None:
    stage = replace(
        LEADS, within=within, within_business=(BusinessSpan(2, "hours"),), remind=(BusinessSpan(1, "hours"),)
    )
    opened = begin(PlanRule("one", (stage,), HOUR), NOW, closes_on).stages[0]
    assert (opened.closes_at, opened.remind_at) == (closes_at, (at(10),))


def test_every_way_to_open_a_stage_asks_the_calendar() -> None:
    stage = replace(LEADS, within=None, within_business=(BusinessSpan(1, "hours"),), remind=())
    rule = PlanRule("one", (stage, replace(stage, group="finance")), HOUR)
    begun = begin(rule, NOW, closes_on)
    newer = replace(rule, stages=(replace(stage, quorum=2),))
    ways = [
        begun,
        begin(rule, NOW).advance(NOW, closes_on),
        begin(rule, NOW).reopened(0, NOW, closes_on),
        missing(begin(rule, NOW).advance(NOW).advance(NOW), newer, NOW, closes_on),
        progress(begin(rule, NOW), waits, at(60), EXPIRES, closes_on).plan,
    ]
    opened = [plan.stages[plan.open_stage or 0] for plan in ways if plan is not None]
    assert [one.closes_at for one in opened] == [at(10)] * 5


def test_what_another_request_must_pass_reminds_as_this_one_does() -> None:
    again = as_rule(begin(RULE, NOW), expires=HOUR)
    assert again.stages == RULE.stages


def test_a_grown_quorum_brings_its_clocks_along() -> None:
    newer = replace(RULE, stages=(replace(LEADS, quorum=2, remind=(MINUTE,), direct=False),))
    more = missing(begin(RULE, NOW).advance(NOW).advance(NOW), newer, at(60))
    assert more is not None
    assert (more.stages[0].remind_at, more.stages[0].direct) == ((at(61),), False)


@given(any_plan)
def test_a_row_of_an_older_release_is_read(plan: Plan) -> None:
    written = plan_as_json(plan)
    for stage in written["stages"]:
        for key in NEWER:
            del stage[key]
    bare = [
        replace(
            stage,
            within_business=(),
            remind=(),
            direct=False,
            remind_at=(),
            reminded=0,
            reminded_at=None,
            escalations=(),
        )
        for stage in plan.stages
    ]
    assert from_json(written) == replace(plan, stages=tuple(bare))


@given(any_plan, tallies, moments, moments)
def test_a_reminder_changes_nothing_but_itself(plan: Plan, tally: Tally, now: datetime, expires_at: datetime) -> None:
    """Without reminders the same comes of it: who may decide, quorum, clocks, status; and escalations too."""
    silent = replace(plan, stages=tuple(replace(stage, remind_at=()) for stage in plan.stages))
    after = progress(plan, lambda *_: tally, now, expires_at)
    without = progress(silent, lambda *_: tally, now, expires_at)
    assert (after.status, after.why) == (without.status, without.why)
    assert [event for event in after.events if event.kind != "reminded"] == list(without.events)
    for then, other in zip(after.plan.stages, without.plan.stages, strict=True):
        assert replace(then, remind_at=(), reminded=0, reminded_at=None) == replace(
            other, remind_at=(), reminded=0, reminded_at=None
        )


@given(plan_rules(), st.lists(st.timedeltas(timedelta(0), timedelta(days=3)), max_size=6))
def test_a_reminder_comes_last_only_while_held_and_at_most_once_a_look(rule: PlanRule, later: list[timedelta]) -> None:
    plan, now, expires_at = begin(rule, NOW), NOW, NOW + rule.expires
    for span in later:
        now += span
        after = progress(plan, waits, now, expires_at)
        said = [event.kind for event in after.events]
        assert said.count("reminded") == (1 if said and said[-1] == "reminded" else 0)
        if after.status is not Status.HELD:
            assert "reminded" not in said
            return
        open_stage = after.plan.stages[after.plan.open_stage or 0]
        assert all(moment > now for moment in open_stage.remind_at)
        plan = after.plan
