"""Applying what the domain says of a held request: stages that pass, escalate, or end it."""

from __future__ import annotations

from app.domain import progress
from app.domain.states import Status
from app.steps.facts import Bench
from app.steps.scene import Scene


async def go_on(found: Scene, bench: Bench) -> bool:
    """Let a held request go on as far as votes and time take it. True when anything changed (not yet written down)."""
    plan = found.plan
    if found.status is not Status.HELD or plan is None:
        return False
    after = progress.progress(plan, bench.tally, found.now, found.row.expires_at)
    if after.status is Status.HELD and not after.events:
        return False
    found.set_plan(after.plan)
    if after.status is not Status.HELD:
        found.become(after.status, after.why)
    for event in after.events:
        found.note(event.kind, why=event.why, stage=event.stage, groups=list(event.groups))
    if after.status is not Status.HELD:
        found.note(after.status.value, why=after.why)
    return True
