"""Generated people, plans and requests, small enough to collide often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from app.domain.plan import Plan, PlanRule, Stage, StageRule, Tally, begin
from app.domain.request import Level, Risk, Say
from app.domain.separation import Facts, Person

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
PEOPLE = ("dana", "marco", "mia", "olivia", "priya", "tom")
GROUPS = ("duty", "finance", "leads", "legal")
SUBJECTS = ("customer:mia", "customer:yusuf", "employee:tom")

persons = st.sampled_from(PEOPLE)
subjects = st.sampled_from(SUBJECTS)
levels = st.sampled_from(Level)
risks = st.sampled_from(Risk)
quorums = st.integers(1, 3)
spans = st.integers(1, 14 * 86_400_000).map(lambda ms: timedelta(milliseconds=ms))
moments = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def some(names: tuple[str, ...]) -> SearchStrategy[frozenset[str]]:
    """Any set of these."""
    return st.frozensets(st.sampled_from(names))


def in_order(names: tuple[str, ...], least: int = 0) -> SearchStrategy[tuple[str, ...]]:
    """Any of these, each once, in any order."""
    return st.lists(st.sampled_from(names), unique=True, min_size=least, max_size=3).map(tuple)


@st.composite
def stage_rules(draw: st.DrawFn, group: str) -> StageRule:
    """Any stage that this group decides."""
    return StageRule(
        name=f"{group}-stage",
        group=group,
        quorum=draw(quorums),
        within=draw(st.none() | spans),
        level=draw(levels),
        reason_required=draw(st.booleans()),
        escalate_to=draw(in_order(GROUPS)),
    )


@st.composite
def plan_rules(draw: st.DrawFn, name: str | None = None) -> PlanRule:
    """Any plan that governance files may hold: at least one stage, a group once."""
    return PlanRule(
        name=name or draw(st.sampled_from(["lead", "two-person", "night"])),
        stages=tuple(draw(stage_rules(group)) for group in draw(in_order(GROUPS, 1))),
        expires=draw(spans),
        fallback=draw(in_order(GROUPS)),
        allow_repeat=draw(st.booleans()),
    )


def distinct_plans(least: int = 1) -> SearchStrategy[list[PlanRule]]:
    """Plans of one policy: a name once."""
    return st.lists(plan_rules(), min_size=least, max_size=3, unique_by=lambda plan: plan.name)


@st.composite
def stages(draw: st.DrawFn) -> Stage:
    """Any stage as a row may keep it, sensible or not."""
    group = draw(st.sampled_from(GROUPS))
    return Stage(
        name=draw(st.text(max_size=5)),
        group=group,
        groups=tuple(dict.fromkeys((group, *draw(in_order(GROUPS))))),
        quorum=draw(st.integers(0, 4)),
        within=draw(st.none() | spans),
        level=draw(levels),
        reason_required=draw(st.booleans()),
        escalate_to=draw(in_order(GROUPS)),
        status=draw(st.sampled_from(["waiting", "open", "passed", "closed"])),
        opened_at=draw(st.none() | moments),
        closes_at=draw(st.none() | moments),
    )


any_plan = st.builds(
    Plan,
    name=st.text(max_size=5),
    stages=st.lists(stages(), max_size=4).map(tuple),
    fallback=in_order(GROUPS),
    allow_repeat=st.booleans(),
)
"""Plans in any state, also in those that no request should ever be in."""

tallies = st.builds(
    Tally, approvals=some(PEOPLE), abstained=some(PEOPLE), may_still=some(PEOPLE), stands_near=some(PEOPLE)
)


@dataclass(frozen=True, slots=True)
class Graph:
    """Everybody, and one request that they stand near to or far from."""

    people: tuple[Person, ...]
    facts: Facts


@st.composite
def everybody(draw: st.DrawFn) -> tuple[Person, ...]:
    """All persons, each with any subjects and groups, a few of them gone."""
    return tuple(
        Person(name, draw(st.sampled_from([True, True, True, False])), draw(some(SUBJECTS)), draw(some(GROUPS)))
        for name in PEOPLE
    )


@st.composite
def graphs(draw: st.DrawFn, *, voted: bool = True) -> Graph:
    """Any people, any request, any plan, any votes."""
    plan = begin(draw(plan_rules()), NOW)
    votes = st.dictionaries(persons, st.sampled_from(Say))
    stood = st.dictionaries(st.integers(0, len(plan.stages) - 1), votes) if voted else st.just({})
    facts = Facts(
        asker_person=draw(st.none() | persons),
        credential_maker=draw(st.none() | persons),
        on_behalf_of=draw(st.none() | subjects),
        triggered_by=draw(st.none() | subjects),
        risk=draw(risks),
        bot_owners=draw(some(PEOPLE)),
        beneficiaries=draw(some(SUBJECTS)),
        plan=plan,
        members={group: draw(some(PEOPLE)) for group in GROUPS},
        stood=draw(stood),
    )
    return Graph(draw(everybody()), facts)
