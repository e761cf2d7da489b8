"""Plans and their stages: merged from what the rules ask for, opened one by one, passed, or out of reach."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.domain.delegation import beside, distinct, most_apart
from app.domain.glass import Glass, strictest
from app.domain.request import Level
from app.domain.spans import BusinessSpan, EndOf, Span, business, by_the_wall, closing, reminders, united


@dataclass(frozen=True, slots=True)
class StageRule:
    """One stage as a plan in the governance files has it. ``within``: None means as long as the plan lives.

    ``within_business``: more clocks, in business time; the stage closes when the first one is over. ``remind``: since
    the stage was opened, or escalated. ``direct``: asked in direct messages even where the group has a channel.
    """

    name: str
    group: str
    quorum: int = 1
    within: timedelta | None = None
    level: Level = Level.CLICK
    reason_required: bool = False
    escalate_to: tuple[str, ...] = ()
    within_business: tuple[BusinessSpan, ...] = ()
    remind: tuple[Span, ...] = ()
    direct: bool = False


@dataclass(frozen=True, slots=True)
class PlanRule:
    """A plan as the governance files have it."""

    name: str
    stages: tuple[StageRule, ...]
    expires: timedelta
    fallback: tuple[str, ...] = ()
    allow_repeat: bool = False
    glass: Glass = Glass()  # noqa: RUF009  it never changes


def merge(plans: Iterable[PlanRule]) -> PlanRule:
    """Several holds as one plan, nothing of any of them lost (DESIGN.md section 9).

    Stages of all plans by plan name, then position; a group once, with the largest quorum, the shortest clock, the
    strictest level; a reason if any asks; no repeat unless all allow; reminders, escalations and fallbacks unite; in
    its channel if any asks there; the shortest expiry; the strictest break-glass. Which of a clock of elapsed
    and one of business time is the shorter depends on the day: both are kept.
    Raises ValueError when there is no plan at all.
    """
    ordered = sorted(dict.fromkeys(plans), key=lambda plan: plan.name)  # two plans of one name are two
    if not ordered:
        raise ValueError("a hold without a plan")
    by_group: dict[str, StageRule] = {}
    for stage in (stage for plan in ordered for stage in plan.stages):
        known = by_group.get(stage.group)
        by_group[stage.group] = stage if known is None else _stricter(known, stage)
    return PlanRule(
        name="+".join(plan.name for plan in ordered),
        stages=tuple(by_group.values()),
        expires=min(plan.expires for plan in ordered),
        fallback=_union(plan.fallback for plan in ordered),
        allow_repeat=all(plan.allow_repeat for plan in ordered),
        glass=strictest(plan.glass for plan in ordered),
    )


def _stricter(one: StageRule, other: StageRule) -> StageRule:
    clocks = [stage.within for stage in (one, other) if stage.within is not None]
    return replace(
        one,
        quorum=max(one.quorum, other.quorum),
        within=min(clocks, default=None),
        level=max(one.level, other.level),
        reason_required=one.reason_required or other.reason_required,
        escalate_to=_union([one.escalate_to, other.escalate_to]),
        within_business=business(united([*one.within_business, *other.within_business])),
        remind=united([*one.remind, *other.remind]),
        direct=one.direct and other.direct,
    )


def _union(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in groups for name in names))


@dataclass(frozen=True, slots=True)
class Escalation:
    """That a stage went to more groups, and why."""

    to: tuple[str, ...]
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of one request. ``groups``: whose members may decide it, more than one once it has escalated.

    ``remind_at``: when people are still to be reminded; ``reminded``: how often they were, in all; ``reminded_at``: the
    last time since its clock was started.
    """

    name: str
    group: str
    groups: tuple[str, ...]
    quorum: int
    within: timedelta | None
    level: Level
    reason_required: bool
    escalate_to: tuple[str, ...]
    status: str = "waiting"
    opened_at: datetime | None = None
    closes_at: datetime | None = None
    within_business: tuple[BusinessSpan, ...] = ()
    remind: tuple[Span, ...] = ()
    direct: bool = False
    remind_at: tuple[datetime, ...] = ()
    reminded: int = 0
    reminded_at: datetime | None = None
    escalations: tuple[Escalation, ...] = ()

    def opened(self, now: datetime, end_of: EndOf = by_the_wall) -> Stage:
        """The stage, open from ``now``, closing when its clock has run."""
        return replace(self._started(now, end_of), status="open", opened_at=now)

    def escalated(self, groups: tuple[str, ...], now: datetime, why: str, end_of: EndOf = by_the_wall) -> Stage:
        """The open stage with more groups to decide it and its clock started anew; never a smaller quorum."""
        return replace(
            self._started(now, end_of),
            groups=_union([self.groups, groups]),
            escalate_to=(),
            escalations=(*self.escalations, Escalation(groups, why, now)),
        )

    def _started(self, now: datetime, end_of: EndOf) -> Stage:
        """With its clocks started, by the calendar of its own group whoever else may decide it by now."""
        clocks = (*(() if self.within is None else (self.within,)), *self.within_business)
        closes_at = closing(clocks, self.group, now, end_of)
        remind_at = reminders(self.remind, self.group, now, closes_at, end_of)
        return replace(self, closes_at=closes_at, remind_at=remind_at, reminded_at=None)

    def reminded_of(self, now: datetime) -> Stage:
        """The stage after everything that was due by ``now`` was said in one reminder; nothing else of it changes."""
        coming = tuple(at for at in self.remind_at if at > now)
        return replace(self, remind_at=coming, reminded=self.reminded + 1, reminded_at=now)

    def until(self, expires_at: datetime) -> datetime:
        """Until when the open stage may be decided, if nothing else happens."""
        return expires_at if self.closes_at is None else min(self.closes_at, expires_at)

    def as_status(self, status: str) -> Stage:
        """The stage where nobody is asked any more, or not yet: nobody is reminded."""
        return replace(self, status=status, remind_at=(), reminded_at=None)


@dataclass(frozen=True, slots=True)
class Plan:
    """The stages that one held request must pass, and how far it is."""

    name: str
    stages: tuple[Stage, ...]
    fallback: tuple[str, ...]
    allow_repeat: bool
    glass: Glass = Glass()  # noqa: RUF009  it never changes

    @property
    def open_stage(self) -> int | None:
        """The index of the open stage; None when all are passed or closed."""
        return next((i for i, stage in enumerate(self.stages) if stage.status == "open"), None)

    @property
    def passed(self) -> bool:
        """True when every stage is; a plan without stages is never passed."""
        return bool(self.stages) and all(stage.status == "passed" for stage in self.stages)

    @property
    def business(self) -> bool:
        """True when some stage counts business time."""
        return any(stage.within_business or business(stage.remind) for stage in self.stages)

    def with_stage(self, index: int, stage: Stage) -> Plan:
        """The plan with one stage replaced."""
        return replace(self, stages=(*self.stages[:index], stage, *self.stages[index + 1 :]))

    def advance(self, now: datetime, end_of: EndOf = by_the_wall) -> Plan:
        """The plan with its open stage passed and the next waiting one opened."""
        index = self.open_stage
        plan = self if index is None else self.with_stage(index, self.stages[index].as_status("passed"))
        following = next((i for i, stage in enumerate(plan.stages) if stage.status == "waiting"), None)
        return plan if following is None else plan.with_stage(following, plan.stages[following].opened(now, end_of))

    def closed(self) -> Plan:
        """The plan of a request that ended: what was open or waiting is closed."""
        return replace(
            self,
            stages=tuple(stage if stage.status == "passed" else stage.as_status("closed") for stage in self.stages),
        )

    def reopened(self, index: int, now: datetime, end_of: EndOf = by_the_wall) -> Plan:
        """The plan of an approved request that lost a vote: that stage is open again, later ones wait."""
        later = tuple(
            replace(stage.as_status("waiting"), opened_at=None, closes_at=None) for stage in self.stages[index + 1 :]
        )
        return replace(self, stages=(*self.stages[:index], self.stages[index].opened(now, end_of), *later))


def as_rule(plan: Plan, *, expires: timedelta) -> PlanRule:
    """What one request passed, to be passed by another: from its first group on, escalating to the same."""
    stages = tuple(_asked_first(stage) for stage in plan.stages)
    return PlanRule(plan.name, stages, expires, plan.fallback, plan.allow_repeat, plan.glass)


def _asked_first(stage: Stage) -> StageRule:
    return StageRule(
        name=stage.name,
        group=stage.group,
        quorum=stage.quorum,
        within=stage.within,
        level=stage.level,
        reason_required=stage.reason_required,
        escalate_to=tuple(group for group in (*stage.groups, *stage.escalate_to) if group != stage.group),
        within_business=stage.within_business,
        remind=stage.remind,
        direct=stage.direct,
    )


def begin(rule: PlanRule, now: datetime, end_of: EndOf = by_the_wall) -> Plan:
    """A plan for a request admitted ``now``: its first stage open."""
    stages = tuple(_waiting(stage) for stage in rule.stages)
    return Plan(rule.name, stages, rule.fallback, rule.allow_repeat, rule.glass).advance(now, end_of)


def _waiting(rule: StageRule) -> Stage:
    return Stage(
        name=rule.name,
        group=rule.group,
        groups=(rule.group,),
        quorum=rule.quorum,
        within=rule.within,
        level=rule.level,
        reason_required=rule.reason_required,
        escalate_to=rule.escalate_to,
        within_business=rule.within_business,
        remind=rule.remind,
        direct=rule.direct,
    )


def reach(rule: PlanRule) -> frozenset[str]:
    """Every group that may come to decide under this plan."""
    return frozenset(rule.fallback).union(*({stage.group, *stage.escalate_to} for stage in rule.stages))


def missing(held: Plan | None, newer: PlanRule, now: datetime, end_of: EndOf = by_the_wall) -> Plan | None:
    """The plan with what newer rules ask for beyond it, open from ``now``; None when what was passed is enough.

    A passed stage of the same group counts when it asked no less. When only the quorum has grown, that stage is open
    again and its votes stand; anything else that is stricter is a stage of its own, signed anew. A newer plan that no
    longer allows a person to sign twice takes nothing of one that did; one that allows it lifts nothing. Fallbacks
    unite.
    """
    kept = [] if held is None else [stage for stage in held.stages if stage.status == "passed"]
    takes = held is not None and (newer.allow_repeat or not held.allow_repeat)
    complete = True
    for rule in newer.stages:
        at = next((i for i, stage in enumerate(kept) if takes and _same_terms(stage, rule)), None)
        if at is not None and kept[at].quorum >= rule.quorum:
            continue
        complete = False
        if at is None:
            kept.append(_waiting(rule))
        else:
            kept[at] = _with_clocks_of(rule, replace(kept[at], quorum=rule.quorum, status="waiting"))
    if complete:
        return None
    fallback = newer.fallback if held is None else _union((held.fallback, newer.fallback))
    allow_repeat = newer.allow_repeat and (held is None or held.allow_repeat)
    glass = newer.glass if held is None else strictest((held.glass, newer.glass))
    return Plan(newer.name, tuple(kept), fallback, allow_repeat, glass).advance(now, end_of)


def _with_clocks_of(rule: StageRule, stage: Stage) -> Stage:
    within, business = rule.within, rule.within_business
    return replace(stage, within=within, within_business=business, remind=rule.remind, direct=rule.direct)


def _same_terms(passed: Stage, wanted: StageRule) -> bool:
    """The votes of a passed stage are of the kind that is wanted."""
    reasons = passed.reason_required or not wanted.reason_required
    return passed.group == wanted.group and passed.level >= wanted.level and reasons


@dataclass(frozen=True, slots=True)
class Tally:
    """The standing votes of one stage, as persons. ``stands_near``: those among whom one vote must not be all.

    ``pairs``: who stands in for whom; a delegate and who is away count once.
    """

    approvals: frozenset[str]
    abstained: frozenset[str]
    may_still: frozenset[str]
    stands_near: frozenset[str] = frozenset()
    pairs: frozenset[tuple[str, str]] = frozenset()

    @property
    def count(self) -> int:
        """How many the approvals are."""
        return distinct(self.approvals, self.pairs)

    def passes(self, quorum: int) -> bool:
        """Enough distinct persons, and not all of them the bot's business owner or deployer (`bot-owner`)."""
        return self.count >= quorum and bool(self.approvals - self.stands_near)

    def reachable(self, quorum: int) -> bool:
        """True while those who approved and those who still may can make the quorum."""
        spoken = self.approvals.union(*(beside(person, self.pairs) for person in self.approvals))
        more = self.may_still - spoken
        most = self.count + most_apart(more, self.pairs)
        return most >= quorum and bool((self.approvals | more) - self.stands_near)
