"""The run of an incident's rollback: begun, moved on item by item, concluded; each in one transaction."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from app.db import incidents, outbox, requests
from app.db.incident_tables import Incident, IncidentItem
from app.db.incidents import Known
from app.domain.incident import Item, ItemState, Standing, doomed, figures, over, ready
from app.domain.states import OPEN, Status
from app.steps.context import Context
from app.steps.execution import Turn
from app.steps.facts import bench
from app.steps.finish import conclude
from app.steps.incident_item import ask_of, signed_still, undo_id
from app.steps.incident_rollback import runs_until
from app.steps.scene import Scene, scene
from workflows.contracts import Advanced, Start

RUNS_FOR = timedelta(hours=24)
"""How long after its start what was signed may run, pauses included: a signature is not good for ever."""

AT_ONCE = 8
"""How many items run at once."""

LOOK_AGAIN = timedelta(seconds=30)
"""How soon a run looks again whether an item has ended of which it has not heard."""

SINK = "incident"
"""The sink of the outbox that starts the workflow of a run, or wakes it."""


async def begun(found: Scene) -> Turn:
    """After the attempt was written: its items, and the incident rolls back. Its workflow is started by the outbox."""
    incident = await incidents.of_rollback(found.session, found.row.id)
    assert incident is not None  # noqa: S101  for the type checker: `ground_gone` was asked first
    for n, item in enumerate(found.row.parameters["items"], start=1):
        found.session.add(
            IncidentItem(
                request_id=found.row.id,
                n=n,
                original=uuid.UUID(item["request"]),
                undo=undo_id(found.row.id, n),
                after=item["after"],
                begun_at=None,
                skipped=None,
            )
        )
    incident.status, incident.version = Standing.ROLLING_BACK.value, incident.version + 1
    outbox.mark(found.session, SINK, found.row.id, 1)
    return Turn(found.state())


async def advance(ctx: Context, request_id: uuid.UUID) -> Advanced:
    """Leave alone what cannot be undone any more, say whose turn it is, and end the run when nothing is left."""
    async with scene(ctx, request_id) as found:
        if found.status is not Status.EXECUTING:
            return Advanced(done=True)
        incident = await _locked(found)
        known = await incidents.items(found.session, request_id)
        why = await _why_no_more(found, incident)
        await _skip(found, known, why)
        paused = incident is not None and incident.status == Standing.PAUSED
        begin = [] if paused else _begin(found, known)
        await _note_progress(found, incident, known)
        if over(map(item_of, known)):
            return Advanced(done=True)
        return Advanced([_start(found, item) for item in begin], due_in=_due_in(found))


async def _locked(found: Scene) -> Incident | None:
    """The incident, held: whoever closes it meanwhile must not find it open again."""
    incident = await incidents.of_rollback(found.session, found.row.id)
    return None if incident is None else await incidents.locked(found.session, incident.id)


async def _why_no_more(found: Scene, incident: Incident | None) -> str | None:
    """Why no further item may begin, whatever it is."""
    if incident is None or incident.status == Standing.CLOSED:
        return "incident-closed"
    if found.now > runs_until(found.row):
        return "too-late"
    return None if signed_still(found.row, await bench(found)) else "stale-authority"


async def _skip(found: Scene, known: Sequence[Known], why: str | None) -> None:
    items = [item_of(one) for one in known]
    lost = [item.n for item in items if item.state is ItemState.WAITING] if why else doomed(items)
    for n in lost:
        known[n - 1].item.skipped = why or "depends-on-failed"
    if lost:
        await found.session.flush()
        found.note("items-skipped", why=why or "depends-on-failed", items=lost)


def _begin(found: Scene, known: Sequence[Known]) -> list[IncidentItem]:
    """Whose turn it is; and once more those whose turn it was and who are not there yet."""
    lost = [one.item for one in known if one.item.begun_at is not None and one.row is None]
    turn = [known[n - 1].item for n in ready([item_of(one) for one in known], AT_ONCE)]
    for item in turn:
        item.begun_at = found.now
    return [*lost, *turn]


def _start(found: Scene, item: IncidentItem) -> Start:
    return Start(str(item.undo), ask_of(found.row, item.n).dumps())


def _due_in(found: Scene) -> float:
    left = (runs_until(found.row) - found.now).total_seconds()
    return float(max(1, min(LOOK_AGAIN.total_seconds(), math.ceil(left + 0.001))))


async def _note_progress(found: Scene, incident: Incident | None, known: Sequence[Known]) -> None:
    """Keep how far it is; a change is told. At the end the request ends, and the incident is open again."""
    items = [item_of(one) for one in known]
    now, execution = figures(items), dict(found.row.execution or {})
    if execution.get("result") != now:
        found.row.execution = {**execution, "result": now}
        if incident is not None:
            incident.version += 1
        if over(items):
            await _end(found, incident, now)
        await found.changed()
    await found.session.flush()
    await found.write_entries()


async def _end(found: Scene, incident: Incident | None, now: dict[str, int]) -> None:
    status = Status.SUCCEEDED if now["succeeded"] == now["total"] else Status.FAILED
    [attempt] = await requests.execution_attempts(found.session, found.row.id)
    attempt.finished_at, attempt.outcome = found.now, status.value
    found.row.execution = {**(found.row.execution or {}), "status": status.value}
    found.note("attempt-finished", attempt=attempt.n, outcome=status.value, items=now)
    await conclude(found, attempt, status, None if status is Status.SUCCEEDED else "not-all-undone")
    if incident is not None and incident.status != Standing.CLOSED:
        incident.status = Standing.OPEN.value
    outbox.nudge(found.session, found.row.id)


def item_of(known: Known) -> Item:
    """Where an item stands, by the rollback of its own."""
    return Item(known.item.n, tuple(known.item.after), _state(known))


def _state(known: Known) -> ItemState:
    item, row = known
    if item.skipped is not None:
        return ItemState.SKIPPED
    if item.begun_at is None:
        return ItemState.WAITING
    if row is None or Status(row.status) in OPEN:
        return ItemState.RUNNING
    ended = {Status.SUCCEEDED: ItemState.SUCCEEDED, Status.FAILED: ItemState.FAILED, Status.UNKNOWN: ItemState.UNKNOWN}
    return ended.get(Status(row.status), ItemState.SKIPPED)


def why_not(known: Known) -> str | None:
    """Why an item was left alone, or ended otherwise than undone; None for the others."""
    if known.item.skipped is not None or known.row is None:
        return known.item.skipped
    verdict: dict[str, Any] = known.row.verdict
    return known.row.ended_why or (verdict["code"] if known.row.status == Status.DENIED else None)
