"""An incident: opened, paused, gone on with, closed; each in one transaction, with its entry on its own stream."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, incidents, ledger, outbox
from app.db.incident_tables import Incident
from app.domain.clocks import rfc3339
from app.domain.incident import Standing
from app.domain.states import Status
from app.steps.context import Context
from app.steps.incident_run import SINK
from app.steps.scene import Scene


@dataclass(frozen=True, slots=True)
class By:
    """Who did it, by which account, and how they came."""

    person: str
    identity: str
    via: str


async def open_(ctx: Context, session: AsyncSession, incident: Incident, by: By, fields: dict[str, Any]) -> Incident:
    """Keep it with its entry; the one that stands when it was opened before. ``fields``: what opened it."""
    await ledger.lock_stream(session, stream(incident))
    standing = await incidents.by_id(session, incident.id)
    if standing is not None:
        return standing
    secret = await ctx.vault.create(session, stream(incident))
    incident.opened_at, incident.body_hash = await ctx.clock.now(session), secret.commit(fields)
    session.add(incident)
    await session.flush()
    facts = {
        "bots": incident.bots,
        "actions": incident.actions,
        "from": rfc3339(incident.since),
        "to": rfc3339(incident.until),
    }
    await _note(
        ctx, session, incident, Said("incident-opened", incident.opened_at, by, {"title": incident.title}), **facts
    )
    return incident


async def is_same(ctx: Context, session: AsyncSession, incident: Incident, fields: dict[str, Any]) -> bool:
    """Whether it was opened with these fields."""
    secret = await ctx.vault.find(session, stream(incident))
    return secret.commit(fields) == incident.body_hash


async def pause(found: Scene, incident: Incident, by: By) -> None:
    """From the commit on no item starts; those that have go on to their end. ``found``: of the rollback."""
    await incidents.stop_items(found.session, found.row.id)
    await _turn(found, incident, Standing.PAUSED, "incident-paused", by)


async def go_on(found: Scene, incident: Incident, by: By) -> None:
    """Let the items start again; those that have looked meanwhile are told."""
    await _turn(found, incident, Standing.ROLLING_BACK, "incident-resumed", by)
    await _wake_waiting(found.session, found.row.id)


async def _wake_waiting(session: AsyncSession, rollback: uuid.UUID) -> None:
    """Have those look again whose turn it was and that have not started."""
    for item, row in await incidents.items(session, rollback):
        if item.begun_at is not None and row is not None and row.status == Status.APPROVED:
            outbox.nudge(session, row.id)


async def close(ctx: Context, session: AsyncSession, incident: Incident, by: By, summary: str) -> None:
    """End it; the incident's row is locked. What has not started of a paused rollback never will."""
    incident.status, incident.version = Standing.CLOSED.value, incident.version + 1
    incident.closed_by, incident.closed_at, incident.summary = by.person, await ctx.clock.now(session), summary
    await session.flush()
    if incident.rollback is not None:
        outbox.mark(session, SINK, incident.rollback, 1)
        await _wake_waiting(session, incident.rollback)
    await _note(ctx, session, incident, Said("incident-closed", incident.closed_at, by, {"summary": summary}))


async def _turn(found: Scene, incident: Incident, to: Standing, kind: str, by: By) -> None:
    incident.status, incident.version = to.value, incident.version + 1
    found.note(kind, {"identity": by.identity}, person=found.pid(by.person), via=by.via)
    await found.changed()
    outbox.mark(found.session, SINK, found.row.id, 1)
    await _note(found.ctx, found.session, incident, Said(kind, found.now, by), rollback=str(found.row.id))


@dataclass(frozen=True, slots=True)
class Said:
    """An entry to be: what happened, when, by whom, and their words."""

    kind: str
    at: datetime
    by: By
    personal: dict[str, str] = field(default_factory=dict)


async def _note(ctx: Context, session: AsyncSession, incident: Incident, said: Said, **facts: Any) -> None:
    """An entry on the incident's stream: who as a pid, words and account sealed."""
    await ledger.lock_stream(session, stream(incident))
    known, secret = await governance.person(session, said.by.person), await ctx.vault.find(session, stream(incident))
    who = {"person": None if known is None else str(known.pid), "via": said.by.via}
    sealed = secret.seal({"identity": said.by.identity, **said.personal})
    await ledger.append(session, stream(incident), said.kind, said.at, {**who, **facts, "sealed": sealed})


def stream(incident: Incident) -> str:
    """Where its entries are; its secret has the same name."""
    return f"incident:{incident.id}"
