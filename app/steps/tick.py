"""`tick`: do what is due on a request, and say when to look again."""

from __future__ import annotations

import uuid

from app.db import requests
from app.domain.request import Kind, Mode
from app.domain.states import Status
from app.steps import change
from app.steps.context import Context
from app.steps.facts import bench
from app.steps.progress import go_on
from app.steps.scene import Scene, scene
from app.steps.void import void_who_left
from workflows.contracts import State


async def tick(ctx: Context, request_id: uuid.UUID) -> State:
    """Escalate, expire, lapse, give up on a bot that never reported. Nothing due: nothing told."""
    async with scene(ctx, request_id) as found:
        if await _due(found):
            await found.changed()
        else:
            found.row.due_at = found.due_at()
        return found.state()


async def _due(found: Scene) -> bool:
    if found.status is Status.HELD:
        if await _moot(found):
            return True
        void = await void_who_left(found)
        return await go_on(found, await bench(found)) or void
    if found.status is Status.APPROVED and found.now > found.row.expires_at:
        lapse(found, "not-started")
        return True
    return await _never_reported(found)


async def _moot(found: Scene) -> bool:
    """A change whose ground has gone is not left for people to sign, nor what somebody asked who has left.

    What bots ask for is looked at when it starts.
    """
    why = await change.ground_gone(found) if found.row.kind == Kind.GOVERNANCE else _asker_left(found)
    if why is None:
        return False
    found.become(Status.REVOKED, why)
    found.note("revoked", why=why)
    return True


def _asker_left(found: Scene) -> str | None:
    """Of a rollback, whose start would refuse it: who asked for it has left."""
    by_person = found.row.asker_kind == "person"
    return "asker-left" if by_person and not found.crowd.active.get(found.row.asker_id, False) else None


def lapse(found: Scene, why: str) -> None:
    """End an approved request whose time to start is over."""
    found.become(Status.LAPSED, why)
    found.note("lapsed", why=why)


async def _never_reported(found: Scene) -> bool:
    """A bot started and its window is over: a read lapses, anything else may or may not have happened."""
    if found.row.mode != Mode.BOT or found.status is not Status.EXECUTING or found.now < found.window_ends:
        return False
    attempt = (await requests.execution_attempts(found.session, found.row.id))[-1]
    attempt.finished_at, attempt.outcome = found.now, "not-reported"
    execution = found.row.execution or {}
    status = Status.LAPSED if execution["reads"] else Status.UNKNOWN
    attempt.holds_key = status is Status.UNKNOWN
    found.row.execution = {**execution, "status": status.value}
    found.become(status, "not-reported")
    found.note(status.value, why="not-reported")
    return True
