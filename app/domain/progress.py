"""How a held request goes on when a vote came or time passed. Pure; the steps write down what this says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.domain.plan import Plan, Tally
from app.domain.spans import EndOf, by_the_wall
from app.domain.states import Status


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the plan, for the ledger: ``stage-passed``, ``escalated`` or ``reminded``.

    ``groups``: those that were added, or whose people were reminded.
    """

    kind: str
    stage: str
    groups: tuple[str, ...] = ()
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a held request stands after all that was due: its status, its plan, what happened, and why it ended."""

    status: Status
    plan: Plan
    events: tuple[Event, ...] = ()
    why: str | None = None


def progress(
    plan: Plan,
    tally_of: Callable[[Plan, int], Tally],
    now: datetime,
    expires_at: datetime,
    end_of: EndOf = by_the_wall,
) -> Progress:
    """Pass what has its quorum, escalate what is late or out of reach, expire what has nowhere to go; else remind.

    ``tally_of(plan, index)`` counts the votes of a stage under the plan as it then is: an escalation adds groups.
    ``end_of``: the calendars, for the clocks of stages that open or escalate now.
    """
    events: list[Event] = []
    while True:
        if now > expires_at:
            return Progress(Status.EXPIRED, plan.closed(), tuple(events), "expires-at-passed")
        index = plan.open_stage
        if index is None and plan.passed:
            return Progress(Status.APPROVED, plan, tuple(events))
        if index is None:
            return Progress(Status.EXPIRED, plan.closed(), tuple(events), "no-open-stage")
        stage, votes = plan.stages[index], tally_of(plan, index)
        if votes.passes(stage.quorum):
            events.append(Event("stage-passed", stage.name))
            plan = plan.advance(now, end_of)
            continue
        step = _escalation(plan, index, votes, now)
        if step is None:
            return _waits(plan, index, events, now)
        groups, why = step
        if not groups:
            return Progress(Status.EXPIRED, plan.closed(), tuple(events), why)
        events.append(Event("escalated", stage.name, groups, why))
        plan = plan.with_stage(index, stage.escalated(groups, now, why, end_of))


def _waits(plan: Plan, index: int, events: list[Event], now: datetime) -> Progress:
    """It waits on. What is due is said in one reminder, however late somebody looks; nothing else changes by it."""
    stage = plan.stages[index]
    if not any(at <= now for at in stage.remind_at):
        return Progress(Status.HELD, plan, tuple(events))
    reminded = Event("reminded", stage.name, stage.groups)
    return Progress(Status.HELD, plan.with_stage(index, stage.reminded_of(now)), (*events, reminded))


def _escalation(plan: Plan, index: int, votes: Tally, now: datetime) -> tuple[tuple[str, ...], str] | None:
    """None: nothing is due. Else the groups to add (none left: the request expires) and why."""
    stage = plan.stages[index]
    if stage.closes_at is not None and now >= stage.closes_at:
        return _new(stage.escalate_to, stage.groups), "stage-time-over"
    if not votes.reachable(stage.quorum):
        return _new((*stage.escalate_to, *plan.fallback), stage.groups), "quorum-out-of-reach"
    return None


def _new(groups: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(group for group in groups if group not in known)


def next_due(plan: Plan, expires_at: datetime) -> datetime:
    """The next moment at which `progress` could say something else without a vote."""
    index = plan.open_stage
    if index is None:
        return expires_at
    stage = plan.stages[index]
    return min(expires_at, stage.closes_at or expires_at, *stage.remind_at)
