"""The calendars that the clocks of one request go by."""

from __future__ import annotations

from datetime import datetime

from app.domain.spans import BusinessSpan, EndOf
from app.steps.scene import Scene


async def end_of(found: Scene) -> EndOf:
    """By the calendar of the rules that it is held under; where a group has none there, of those in force."""
    policy, plan = found.policy, found.plan
    if plan is None or not plan.business or found.row.policy_version == policy.version:
        return policy.end_of
    held_under = await found.ctx.rules.version(found.session, found.row.policy_version)

    def over(group: str, begins: datetime, span: BusinessSpan) -> datetime:
        known = held_under.groups.get(group)
        return (policy if known is None or known.calendar is None else held_under).end_of(group, begins, span)

    return over
