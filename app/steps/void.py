"""Votes that lost their ground between the yes and the start (`stale-authority`)."""

from __future__ import annotations

from collections.abc import Collection

from app.db import requests
from app.db.tables import Decision
from app.domain.states import Status
from app.steps.calendars import end_of
from app.steps.facts import bench
from app.steps.progress import go_on
from app.steps.scene import Scene


async def void_who_left(found: Scene) -> bool:
    """Void what people said of the open stage who have left since; True when anybody had. They count no more anyway.

    Stages that have passed are judged at the start.
    """
    plan, some = found.plan, False
    for decision in await requests.decisions(found.session, found.row.id):
        left = not found.crowd.active.get(decision.person_id, False)
        if decision.standing and left and plan is not None and decision.stage == plan.open_stage:
            _void(found, decision)
            some = True
    await found.session.flush()
    return some


def _void(found: Scene, decision: Decision) -> None:
    decision.standing = False
    found.note("vote-void", violation="stale-authority", person=found.pid(decision.person_id), vote=str(decision.id))


async def void_votes(found: Scene, index: int, lost: Collection[str]) -> None:
    """Void these votes of a stage whose quorum broke: the request is held again, from that stage on."""
    for decision in await requests.decisions(found.session, found.row.id):
        if decision.standing and decision.stage == index and decision.person_id in lost:
            _void(found, decision)
    plan = found.plan
    assert plan is not None  # noqa: S101  a request with votes has a plan
    found.set_plan(plan.reopened(index, found.now, await end_of(found)))
    found.become(Status.HELD)
    found.note("held-again", why="stale-authority", stage=plan.stages[index].name)
    await found.session.flush()
    await go_on(found, await bench(found))
    await found.changed()
