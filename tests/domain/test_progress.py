"""How a held request goes on: by votes and by time, always to an end, never to a yes that was not given."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.plan import Plan, PlanRule, StageRule, Tally, begin
from app.domain.progress import Event, Progress, next_due, progress
from app.domain.states import Status, may_become
from tests.domain.strategies import GROUPS, NOW, any_plan, moments, plan_rules, tallies

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
EXPIRES = NOW + 8 * HOUR


def votes(*approvals: str, may: tuple[str, ...] = ()) -> Tally:
    return Tally(frozenset(approvals), frozenset(), frozenset(may))


@dataclass
class Counter:
    """Counts each stage as told, by index and number of groups; and how often it was asked."""

    told: dict[tuple[int, int], Tally]
    default: Tally
    asked: int = 0
    seen: list[Plan] = field(default_factory=list)

    def __call__(self, plan: Plan, index: int) -> Tally:
        self.asked += 1
        self.seen.append(plan)
        return self.told.get((index, len(plan.stages[index].groups)), self.default)


def always(tally: Tally) -> Counter:
    return Counter({}, tally)


counters = st.builds(
    Counter, st.dictionaries(st.tuples(st.integers(0, 3), st.integers(1, 4)), tallies, max_size=12), tallies
)

ONE = begin(PlanRule("one", (StageRule("leads", "leads", within=HOUR),), 8 * HOUR), NOW)
ESCALATING = begin(
    PlanRule(
        "esc",
        (
            StageRule("leads", "leads", within=HOUR, escalate_to=("duty",)),
            StageRule("money", "finance", within=HOUR),
        ),
        8 * HOUR,
        fallback=("legal",),
    ),
    NOW,
)
WAITING = votes(may=("dana", "marco"))


def test_nothing_is_due() -> None:
    assert progress(ONE, always(WAITING), NOW, EXPIRES) == Progress(Status.HELD, ONE)


def test_a_quorum_passes_the_stage_and_the_last_one_the_request() -> None:
    after = progress(ONE, always(votes("dana")), NOW, EXPIRES)
    assert (after.status, after.events, after.why) == (Status.APPROVED, (Event("stage-passed", "leads"),), None)
    assert after.plan.passed


def test_a_passed_stage_opens_the_next_from_now() -> None:
    counter = Counter({(0, 1): votes("dana")}, WAITING)
    after = progress(ESCALATING, counter, NOW + HOUR / 2, EXPIRES)
    assert after.status is Status.HELD
    assert [stage.status for stage in after.plan.stages] == ["passed", "open"]
    assert after.plan.stages[1].closes_at == NOW + 1.5 * HOUR


def test_votes_that_stand_on_a_later_stage_pass_it_at_once() -> None:
    after = progress(ESCALATING, always(votes("dana")), NOW, EXPIRES)
    assert after.status is Status.APPROVED
    assert [event.stage for event in after.events] == ["leads", "money"]


def test_a_late_stage_escalates_to_its_own_groups_only() -> None:
    after = progress(ESCALATING, always(WAITING), NOW + HOUR, EXPIRES)
    assert after.events == (Event("escalated", "leads", ("duty",), "stage-time-over"),)
    assert after.plan.stages[0].groups == ("leads", "duty")
    assert after.plan.stages[0].closes_at == NOW + 2 * HOUR


def test_a_late_stage_with_nowhere_to_go_ends_the_request() -> None:
    after = progress(ONE, always(WAITING), NOW + HOUR, EXPIRES)
    assert (after.status, after.why, after.events) == (Status.EXPIRED, "stage-time-over", ())
    assert after.plan.stages[0].status == "closed"


def test_a_stage_is_late_once() -> None:
    first = progress(ESCALATING, always(WAITING), NOW + HOUR, EXPIRES)
    second = progress(first.plan, always(WAITING), NOW + 2 * HOUR, EXPIRES)
    assert (second.status, second.why) == (Status.EXPIRED, "stage-time-over")


def test_a_quorum_out_of_reach_goes_to_escalation_and_fallback() -> None:
    counter = Counter({(0, 3): WAITING}, votes())
    after = progress(ESCALATING, counter, NOW, EXPIRES)
    assert after.status is Status.HELD
    assert after.events == (Event("escalated", "leads", ("duty", "legal"), "quorum-out-of-reach"),)


def test_a_late_stage_keeps_the_fallback_for_a_quorum_out_of_reach() -> None:
    counter = Counter({(0, 3): WAITING}, votes())
    after = progress(ESCALATING, counter, NOW + HOUR, EXPIRES)
    assert [(event.groups, event.why) for event in after.events] == [
        (("duty",), "stage-time-over"),
        (("legal",), "quorum-out-of-reach"),
    ]


def test_a_quorum_out_of_reach_for_good_ends_the_request() -> None:
    after = progress(ESCALATING, always(votes()), NOW, EXPIRES)
    assert (after.status, after.why) == (Status.EXPIRED, "quorum-out-of-reach")
    assert [event.kind for event in after.events] == ["escalated"]


def test_a_quorum_out_of_reach_of_the_only_group_ends_it_at_once() -> None:
    assert progress(ONE, always(votes()), NOW, EXPIRES).status is Status.EXPIRED


@pytest.mark.parametrize("late", [timedelta(0), -TICK])
def test_the_last_instant_counts(late: timedelta) -> None:
    assert progress(ONE, always(votes("dana")), EXPIRES + late, EXPIRES).status is Status.APPROVED


@given(any_plan, counters, moments, st.timedeltas(TICK, timedelta(days=9)))
def test_past_expiry_nothing_goes_on(plan: Plan, counter: Counter, expires_at: datetime, late: timedelta) -> None:
    after = progress(plan, counter, expires_at + late, expires_at)
    assert after == Progress(Status.EXPIRED, plan.closed(), (), "expires-at-passed")
    assert counter.asked == 0


@given(any_plan, counters, moments, moments)
def test_approved_only_with_every_stage_passed(
    plan: Plan, counter: Counter, now: datetime, expires_at: datetime
) -> None:
    after = progress(plan, counter, now, expires_at)
    assert (after.status is Status.APPROVED) <= (
        bool(after.plan.stages) and {stage.status for stage in after.plan.stages} == {"passed"}
    )


@pytest.mark.parametrize("plan", [ONE.closed(), replace(ONE, stages=()), ESCALATING.advance(NOW).closed()])
def test_a_plan_without_an_open_stage_is_no_yes(plan: Plan) -> None:
    after = progress(plan, always(votes("dana")), NOW, EXPIRES)
    assert (after.status, after.why) == (Status.EXPIRED, "no-open-stage")


@given(plan_rules(), counters, st.timedeltas(timedelta(0), timedelta(days=20)))
def test_every_stage_that_passed_had_its_quorum(rule: PlanRule, counter: Counter, later: timedelta) -> None:
    after = progress(begin(rule, NOW), counter, NOW + later, NOW + rule.expires)
    passed = [event.stage for event in after.events if event.kind == "stage-passed"]
    assert passed == [stage.name for stage in after.plan.stages if stage.status == "passed"]
    for index, stage in enumerate(after.plan.stages):
        if stage.status == "passed":
            assert counter(after.plan, index).passes(stage.quorum)


@given(plan_rules(), counters, st.timedeltas(timedelta(0), timedelta(days=20)))
def test_an_escalation_adds_groups_and_relaxes_nothing(rule: PlanRule, counter: Counter, later: timedelta) -> None:
    before = begin(rule, NOW)
    after = progress(before, counter, NOW + later, NOW + rule.expires).plan
    for was, now in zip(before.stages, after.stages, strict=True):
        assert now.groups[: len(was.groups)] == was.groups
        assert set(now.groups) <= {*was.groups, *was.escalate_to, *rule.fallback}
        kept = ("name", "group", "quorum", "level", "reason_required", "within")
        assert [getattr(now, name) for name in kept] == [getattr(was, name) for name in kept]
    assert (after.name, after.fallback, after.allow_repeat) == (before.name, before.fallback, before.allow_repeat)


@given(any_plan, counters, moments, moments)
def test_it_always_ends_and_its_move_is_legal(
    plan: Plan, counter: Counter, now: datetime, expires_at: datetime
) -> None:
    after = progress(plan, counter, now, expires_at)
    assert counter.asked <= len(plan.stages) * (1 + len(GROUPS))
    assert after.status is Status.HELD or may_become(Status.HELD, after.status)
    assert (after.status is Status.EXPIRED) is (after.why is not None)


@given(plan_rules(), counters, st.timedeltas(timedelta(0), timedelta(days=20)))
def test_what_has_gone_on_is_done(rule: PlanRule, counter: Counter, later: timedelta) -> None:
    """Run again at once: nothing changes; so a step that Temporal repeats writes nothing twice."""
    expires_at = NOW + rule.expires
    after = progress(begin(rule, NOW), counter, NOW + later, expires_at)
    if after.status is Status.HELD:
        assert after.plan.open_stage is not None
        assert progress(after.plan, counter, NOW + later, expires_at) == Progress(Status.HELD, after.plan)


@given(plan_rules(), counters, st.floats(0, 1, exclude_max=True))
def test_before_the_next_due_moment_time_changes_nothing(rule: PlanRule, counter: Counter, part: float) -> None:
    expires_at = NOW + rule.expires
    held = progress(begin(rule, NOW), counter, NOW, expires_at)
    if held.status is Status.HELD:
        due = next_due(held.plan, expires_at)
        between = NOW + (due - NOW) * part
        if between < due:
            assert progress(held.plan, counter, between, expires_at) == Progress(Status.HELD, held.plan)
        after = progress(held.plan, counter, due + TICK, expires_at)
        assert after.events or after.status is not Status.HELD


@given(plan_rules(), tallies)
def test_silence_ends_in_refusal(rule: PlanRule, tally: Tally) -> None:
    """Nobody says anything: tick by tick, the request expires; it is never approved."""
    counter, expires_at = always(replace(tally, approvals=frozenset())), NOW + rule.expires
    plan, now = begin(rule, NOW), NOW
    for _ in range(2 + 2 * len(rule.stages) * (1 + max(len(stage.remind) for stage in rule.stages))):
        after = progress(plan, counter, now, expires_at)
        if after.status is not Status.HELD:
            break
        plan, now = after.plan, next_due(after.plan, expires_at) + TICK
    assert after.status is Status.EXPIRED


@given(any_plan, moments)
def test_the_next_due_moment_is_a_reminder_the_stage_or_the_end(plan: Plan, expires_at: datetime) -> None:
    stage = None if plan.open_stage is None else plan.stages[plan.open_stage]
    due = () if stage is None else (stage.closes_at, *stage.remind_at)
    assert next_due(plan, expires_at) == min(moment for moment in (expires_at, *due) if moment is not None)
