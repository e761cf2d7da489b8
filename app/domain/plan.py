"""Plans and their stages: merged from what the rules ask for, opened one by one, passed, or out of reach."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from app.domain.clocks import milliseconds, moment, rfc3339
from app.domain.delegation import beside, distinct, most_apart
from app.domain.request import Level, word


@dataclass(frozen=True, slots=True)
class StageRule:
    """One stage as a plan in the governance files has it. ``within``: None means as long as the plan lives."""

    name: str
    group: str
    quorum: int = 1
    within: timedelta | None = None
    level: Level = Level.CLICK
    reason_required: bool = False
    escalate_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanRule:
    """A plan as the governance files have it."""

    name: str
    stages: tuple[StageRule, ...]
    expires: timedelta
    fallback: tuple[str, ...] = ()
    allow_repeat: bool = False


def merge(plans: Iterable[PlanRule]) -> PlanRule:
    """Several holds as one plan, nothing of any of them lost (DESIGN.md section 9).

    Stages of all plans by plan name, then position; a group once, with the largest quorum, the shortest clock, the
    strictest level; a reason if any asks; no repeat unless all allow; escalations and fallbacks unite; the shortest
    expiry.
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
    )


def _union(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in groups for name in names))


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of one request. ``groups``: whose members may decide it, more than one once it has escalated."""

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

    def opened(self, now: datetime) -> Stage:
        """The stage, open from ``now``, closing when its clock has run."""
        closes_at = None if self.within is None else now + self.within
        return replace(self, status="open", opened_at=now, closes_at=closes_at)

    def escalated(self, groups: tuple[str, ...], now: datetime) -> Stage:
        """The open stage with more groups to decide it and its clock started anew; never a smaller quorum."""
        closes_at = None if self.within is None else now + self.within
        return replace(self, groups=_union([self.groups, groups]), escalate_to=(), closes_at=closes_at)


@dataclass(frozen=True, slots=True)
class Plan:
    """The stages that one held request must pass, and how far it is."""

    name: str
    stages: tuple[Stage, ...]
    fallback: tuple[str, ...]
    allow_repeat: bool

    @property
    def open_stage(self) -> int | None:
        """The index of the open stage; None when all are passed or closed."""
        return next((i for i, stage in enumerate(self.stages) if stage.status == "open"), None)

    @property
    def passed(self) -> bool:
        """True when every stage is; a plan without stages is never passed."""
        return bool(self.stages) and all(stage.status == "passed" for stage in self.stages)

    def with_stage(self, index: int, stage: Stage) -> Plan:
        """The plan with one stage replaced."""
        return replace(self, stages=(*self.stages[:index], stage, *self.stages[index + 1 :]))

    def advance(self, now: datetime) -> Plan:
        """The plan with its open stage passed and the next waiting one opened."""
        index = self.open_stage
        plan = self if index is None else self.with_stage(index, replace(self.stages[index], status="passed"))
        following = next((i for i, stage in enumerate(plan.stages) if stage.status == "waiting"), None)
        return plan if following is None else plan.with_stage(following, plan.stages[following].opened(now))

    def closed(self) -> Plan:
        """The plan of a request that ended: what was open or waiting is closed."""
        return replace(
            self,
            stages=tuple(
                stage if stage.status == "passed" else replace(stage, status="closed") for stage in self.stages
            ),
        )

    def reopened(self, index: int, now: datetime) -> Plan:
        """The plan of an approved request that lost a vote: that stage is open again, later ones wait."""
        later = tuple(
            replace(stage, status="waiting", opened_at=None, closes_at=None) for stage in self.stages[index + 1 :]
        )
        return replace(self, stages=(*self.stages[:index], self.stages[index].opened(now), *later))


def as_rule(plan: Plan, *, expires: timedelta) -> PlanRule:
    """What one request passed, to be passed by another: from its first group on, escalating to the same."""
    stages = tuple(_asked_first(stage) for stage in plan.stages)
    return PlanRule(plan.name, stages, expires, plan.fallback, plan.allow_repeat)


def _asked_first(stage: Stage) -> StageRule:
    return StageRule(
        name=stage.name,
        group=stage.group,
        quorum=stage.quorum,
        within=stage.within,
        level=stage.level,
        reason_required=stage.reason_required,
        escalate_to=tuple(group for group in (*stage.groups, *stage.escalate_to) if group != stage.group),
    )


def begin(rule: PlanRule, now: datetime) -> Plan:
    """A plan for a request admitted ``now``: its first stage open."""
    stages = tuple(_waiting(stage) for stage in rule.stages)
    return Plan(rule.name, stages, rule.fallback, rule.allow_repeat).advance(now)


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
    )


def reach(rule: PlanRule) -> frozenset[str]:
    """Every group that may come to decide under this plan."""
    return frozenset(rule.fallback).union(*({stage.group, *stage.escalate_to} for stage in rule.stages))


def missing(held: Plan | None, newer: PlanRule, now: datetime) -> Plan | None:
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
            kept[at] = replace(kept[at], quorum=rule.quorum, within=rule.within, status="waiting")
    if complete:
        return None
    fallback = newer.fallback if held is None else _union((held.fallback, newer.fallback))
    allow_repeat = newer.allow_repeat and (held is None or held.allow_repeat)
    return Plan(newer.name, tuple(kept), fallback, allow_repeat).advance(now)


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


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """A plan as its row keeps it; `plan_from_json` reads it back."""
    return {
        "name": plan.name,
        "fallback": list(plan.fallback),
        "allow_repeat": plan.allow_repeat,
        "stages": [_stage_as_json(stage) for stage in plan.stages],
    }


def _stage_as_json(stage: Stage) -> dict[str, Any]:
    return {
        "name": stage.name,
        "group": stage.group,
        "groups": list(stage.groups),
        "quorum": stage.quorum,
        "within_ms": None if stage.within is None else milliseconds(stage.within),
        "level": word(stage.level),
        "reason_required": stage.reason_required,
        "escalate_to": list(stage.escalate_to),
        "status": stage.status,
        "opened_at": stage.opened_at and rfc3339(stage.opened_at),
        "closes_at": stage.closes_at and rfc3339(stage.closes_at),
    }


def plan_from_json(data: dict[str, Any]) -> Plan:
    """The plan that `plan_as_json` wrote."""
    return Plan(
        data["name"],
        tuple(_stage_from_json(stage) for stage in data["stages"]),
        tuple(data["fallback"]),
        data["allow_repeat"],
    )


def _stage_from_json(data: dict[str, Any]) -> Stage:
    within = data["within_ms"]
    return Stage(
        name=data["name"],
        group=data["group"],
        groups=tuple(data["groups"]),
        quorum=data["quorum"],
        within=None if within is None else timedelta(milliseconds=within),
        level=Level[data["level"].upper()],
        reason_required=data["reason_required"],
        escalate_to=tuple(data["escalate_to"]),
        status=data["status"],
        opened_at=data["opened_at"] and moment(data["opened_at"]),
        closes_at=data["closes_at"] and moment(data["closes_at"]),
    )
