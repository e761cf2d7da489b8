"""Applying what the domain says of a held request: stages that pass, escalate, remind, or end it."""

from __future__ import annotations

from app.domain import progress
from app.domain.clocks import rfc3339
from app.domain.plan import Plan
from app.domain.states import Status
from app.steps.calendars import end_of
from app.steps.facts import Bench
from app.steps.scene import Scene


async def go_on(found: Scene, bench: Bench) -> bool:
    """Let a held request go on as far as votes and time take it. True when anything changed (not yet written down)."""
    plan = found.plan
    if found.status is not Status.HELD or plan is None:
        return False
    after = progress.progress(plan, bench.tally, found.now, found.row.expires_at, await end_of(found))
    if after.status is Status.HELD and not after.events:
        return False
    found.set_plan(after.plan)
    if after.status is not Status.HELD:
        found.become(after.status, after.why)
    for event in after.events:
        if event.kind == "reminded":
            _note_reminder(found, bench, after.plan)
        else:
            found.note(event.kind, why=event.why, stage=event.stage, groups=list(event.groups))
    if after.status is not Status.HELD:
        found.note(after.status.value, why=after.why)
    return True


def _note_reminder(found: Scene, bench: Bench, plan: Plan) -> None:
    """A reminder is the last that happens, so the plan is as it was given: who may decide and has not is reminded."""
    stage = plan.stages[plan.open_stage or 0]
    persons = sorted(str(found.pid(person)) for person in bench.may_decide(plan))
    until = rfc3339(stage.until(found.row.expires_at))
    found.note("reminded", stage=stage.name, groups=list(stage.groups), n=stage.reminded, persons=persons, until=until)
