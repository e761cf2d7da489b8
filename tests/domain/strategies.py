"""Generated people, plans and requests, small enough to collide often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations, permutations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from app.domain.plan import Escalation, Plan, PlanRule, Stage, StageRule, Tally, begin
from app.domain.request import Kind, Level, Risk, Say
from app.domain.separation import Facts, Person
from app.domain.spans import UNITS, BusinessSpan

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
PEOPLE = ("dana", "marco", "mia", "olivia", "priya", "tom")
GROUPS = ("duty", "finance", "leads", "legal")
SUBJECTS = ("customer:mia", "customer:yusuf", "employee:tom")

persons = st.sampled_from(PEOPLE)
subjects = st.sampled_from(SUBJECTS)
levels = st.sampled_from(Level)
risks = st.sampled_from(Risk)
kinds = st.sampled_from([Kind.ACTION, Kind.ACTION, Kind.ROLLBACK, Kind.GOVERNANCE])
quorums = st.integers(1, 3)
spans = st.integers(1, 14 * 86_400_000).map(lambda ms: timedelta(milliseconds=ms))
moments = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def some(names: tuple[str, ...]) -> SearchStrategy[frozenset[str]]:
    """Any set of these."""
    return st.sampled_from(
        [frozenset(chosen) for size in range(len(names) + 1) for chosen in combinations(names, size)]
    )


def in_order(names: tuple[str, ...], least: int = 0) -> SearchStrategy[tuple[str, ...]]:
    """Any of these, each once, in any order."""
    return st.sampled_from([chosen for size in range(least, 4) for chosen in permutations(names, size)])


any_order, at_least_one = in_order(GROUPS), in_order(GROUPS, 1)
any_groups, any_people, any_subjects = some(GROUPS), some(PEOPLE), some(SUBJECTS)
clocks = st.none() | spans
business_spans = st.builds(BusinessSpan, st.integers(1, 99), st.sampled_from(UNITS))
business_clocks = st.lists(business_spans, max_size=2, unique=True).map(tuple)
reminders = st.lists(spans | business_spans, max_size=3, unique=True).map(tuple)

stage_rules = {
    group: st.builds(
        StageRule,
        name=st.just(f"{group}-stage"),
        group=st.just(group),
        quorum=quorums,
        within=clocks,
        level=levels,
        reason_required=st.booleans(),
        escalate_to=any_order,
        within_business=business_clocks,
        remind=reminders,
        direct=st.booleans(),
    )
    for group in GROUPS
}
"""Any stage that this group decides."""


@st.composite
def plan_rules(draw: st.DrawFn, name: str | None = None) -> PlanRule:
    """Any plan that governance files may hold: at least one stage, a group once."""
    return PlanRule(
        name=name or draw(st.sampled_from(["lead", "two-person", "night"])),
        stages=tuple(draw(stage_rules[group]) for group in draw(at_least_one)),
        expires=draw(spans),
        fallback=draw(any_order),
        allow_repeat=draw(st.booleans()),
    )


def distinct_plans(least: int = 1) -> SearchStrategy[list[PlanRule]]:
    """Plans of one policy: a name once."""
    return st.lists(plan_rules(), min_size=least, max_size=3, unique_by=lambda plan: plan.name)


stages = st.builds(
    Stage,
    name=st.sampled_from(["leads", "money", ""]),
    group=st.sampled_from(GROUPS),
    groups=at_least_one,
    quorum=st.integers(0, 4),
    within=clocks,
    level=levels,
    reason_required=st.booleans(),
    escalate_to=any_order,
    status=st.sampled_from(["waiting", "open", "passed", "closed"]),
    opened_at=st.none() | moments,
    closes_at=st.none() | moments,
    within_business=business_clocks,
    remind=reminders,
    direct=st.booleans(),
    remind_at=st.lists(moments, max_size=3, unique=True).map(sorted).map(tuple),
    reminded=st.integers(0, 9),
    reminded_at=st.none() | moments,
    escalations=st.lists(st.builds(Escalation, at_least_one, st.sampled_from(["late", ""]), moments), max_size=2).map(
        tuple
    ),
)
"""Any stage as a row may keep it, sensible or not."""

any_plan = st.builds(
    Plan,
    name=st.sampled_from(["lead", "lead+two-person", "\u00e9"]),
    stages=st.lists(stages, max_size=4).map(tuple),
    fallback=any_order,
    allow_repeat=st.booleans(),
)
"""Plans in any state, also in those that no request should ever be in."""

tallies = st.builds(Tally, approvals=any_people, abstained=any_people, may_still=any_people, stands_near=any_people)


@dataclass(frozen=True, slots=True)
class Graph:
    """Everybody, and one request that they stand near to or far from."""

    people: tuple[Person, ...]
    facts: Facts


everybody = st.tuples(
    *(
        st.builds(Person, st.just(name), st.sampled_from([True, True, True, False]), any_subjects, any_groups)
        for name in PEOPLE
    )
)
"""All persons, each with any subjects and groups, a few of them gone."""

votes = st.tuples(*(st.sampled_from([None, None, *Say]) for _ in PEOPLE)).map(
    lambda said: {person: say for person, say in zip(PEOPLE, said, strict=True) if say is not None}
)
no_votes: SearchStrategy[dict[str, Say]] = st.just({})


@st.composite
def graphs(draw: st.DrawFn, *, voted: bool = True) -> Graph:
    """Any people, any request of any kind, any plan, any votes."""
    plan = begin(draw(plan_rules()), NOW)
    facts = Facts(
        asker_person=draw(st.none() | persons),
        credential_maker=draw(st.none() | persons),
        on_behalf_of=draw(st.none() | subjects),
        triggered_by=draw(st.none() | subjects),
        risk=draw(risks),
        bot_owners=draw(any_people),
        beneficiaries=draw(any_subjects),
        plan=plan,
        members={group: draw(any_people) for group in GROUPS},
        stood={index: draw(votes if voted else no_votes) for index in range(len(plan.stages))},
        kind=draw(kinds),
        approvers=draw(any_people),
    )
    return Graph(draw(everybody), facts)
