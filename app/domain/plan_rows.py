"""Plans as the row of a request keeps them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.domain.clocks import milliseconds, moment, rfc3339
from app.domain.glass import Glass
from app.domain.plan import Escalation, Plan, Stage
from app.domain.request import Level, word
from app.domain.spans import business, span, span_text


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """A plan as its row keeps it; `plan_from_json` reads it back."""
    return {
        "name": plan.name,
        "fallback": list(plan.fallback),
        "allow_repeat": plan.allow_repeat,
        "break_glass": _glass_as_json(plan.glass),
        "stages": [_stage_as_json(stage) for stage in plan.stages],
    }


def _glass_as_json(glass: Glass) -> dict[str, Any] | None:
    if glass.never:
        return None
    return {"allow": sorted(glass.allow), "review_within_ms": milliseconds(glass.review_within)}


def _glass_from_json(data: dict[str, Any] | None) -> Glass:
    if data is None:
        return Glass(never=True)
    return Glass(allow=frozenset(data["allow"]), review_within=timedelta(milliseconds=data["review_within_ms"]))


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
        "within_business": [span_text(one) for one in stage.within_business],
        "remind": [span_text(one) for one in stage.remind],
        "direct": stage.direct,
        "remind_at": [rfc3339(at) for at in stage.remind_at],
        "reminded": stage.reminded,
        "reminded_at": stage.reminded_at and rfc3339(stage.reminded_at),
        "escalations": [{"to": list(one.to), "why": one.why, "at": rfc3339(one.at)} for one in stage.escalations],
    }


def plan_from_json(data: dict[str, Any]) -> Plan:
    """The plan that `plan_as_json` wrote, in this release or an older one that knew no reminders and no
    break-glass."""
    return Plan(
        data["name"],
        tuple(_stage_from_json(stage) for stage in data["stages"]),
        tuple(data["fallback"]),
        data["allow_repeat"],
        _glass_from_json(data["break_glass"]) if "break_glass" in data else Glass(),
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
        **_newer_from_json(data),
    )


def _newer_from_json(data: dict[str, Any]) -> dict[str, Any]:
    """What stages have since there are reminders and calendars."""
    reminded_at, escalations = data.get("reminded_at"), data.get("escalations", ())
    return {
        "within_business": business(map(span, data.get("within_business", ()))),
        "remind": tuple(map(span, data.get("remind", ()))),
        "direct": data.get("direct", False),
        "remind_at": tuple(map(moment, data.get("remind_at", ()))),
        "reminded": data.get("reminded", 0),
        "reminded_at": reminded_at and moment(reminded_at),
        "escalations": tuple(Escalation(tuple(one["to"]), one["why"], moment(one["at"])) for one in escalations),
    }
