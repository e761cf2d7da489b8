"""An incident as one who may read it sees it: what it is about, what is undone of it, how far that is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, incidents, requests, stops
from app.db.incident_tables import Incident
from app.db.incidents import Known
from app.db.tables import Request
from app.domain.clocks import rfc3339
from app.domain.incident import Item, ItemState, figures
from app.domain.states import Status
from app.domain.verdict import Verdict
from app.governance.policy import Policy
from app.steps.context import Context
from app.steps.incident_rollback import LIVE, MOST, Candidate, Gathered, gathered, judged
from app.steps.incident_run import item_of, why_not
from app.steps.incident_value import at_risk
from app.use_cases.stop import in_flight

View = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Looked:
    """All that is read of an incident, in one transaction. ``now``: as of when."""

    incident: Incident
    policy: Policy
    now: datetime
    about: Gathered
    items: Sequence[View]


async def look(ctx: Context, session: AsyncSession, policy: Policy, incident: Incident) -> Looked:
    """Read what `view` shows: the newest of what it is about, one more than a rollback may undo, to know if any."""
    about = await gathered(session, policy, incident, limit=MOST + 1)
    row = None if incident.rollback is None else await requests.by_id(session, incident.rollback)
    items = [] if row is None else await undone(session, row)
    return Looked(incident, policy, await ctx.clock.now(session), about, items)


async def view(looked: Looked) -> View:
    """All of it. No parameters: those are at the requests, for who may read them.

    In a thread, and when the transaction is over: a thousand candidates take a third of a second (measured).
    """
    return await asyncio.to_thread(_view, looked)


def _view(looked: Looked) -> View:
    found = judged(looked.policy, looked.about, looked.now)
    return brief(looked.incident) | {
        "candidates": [_candidate(looked, one) for one in found[:MOST]],
        "more_candidates": len(found) > MOST,
        "progress": progress(looked.items),
        "items": list(looked.items),
    }


def brief(incident: Incident) -> View:
    """What a list shows of it."""
    return {
        "id": str(incident.id),
        "title": incident.title,
        "status": incident.status,
        "version": incident.version,
        "bots": incident.bots,
        "actions": incident.actions,
        "from": rfc3339(incident.since),
        "to": rfc3339(incident.until),
        "opened_by": incident.opened_by,
        "opened_at": rfc3339(incident.opened_at),
        "rollback": None if incident.rollback is None else str(incident.rollback),
        "closed_by": incident.closed_by,
        "closed_at": None if incident.closed_at is None else rfc3339(incident.closed_at),
        "summary": incident.summary,
    }


def _candidate(looked: Looked, one: Candidate) -> View:
    row, risk = one.row, at_risk(looked.policy, one.row)
    by = looked.about.undone.get(row.id)
    return {
        "request_id": str(row.id),
        "bot": row.bot,
        "action": row.action,
        "status": row.status,
        "value": risk.value,
        "value_why": risk.why,
        "reversible": not isinstance(one.how, Verdict),
        "until": None if one.until is None else rfc3339(one.until),
        "conflict_key": row.conflict_key,
        "why": one.how.reason if isinstance(one.how, Verdict) else None,
        "started_at": rfc3339(one.at),
        "reversed_by": None if by is None else str(by),
    }


async def undone(session: AsyncSession, row: Request) -> list[View]:
    """What a rollback undoes, in its order, and how far each is; all of it waits while people have not signed."""
    known = await incidents.items(session, row.id)
    if known:
        return [_item(one) for one in known]
    state = ItemState.WAITING if Status(row.status) in LIVE else ItemState.SKIPPED
    why = None if state is ItemState.WAITING else row.status
    signed: list[dict[str, Any]] = row.parameters["items"]
    return [
        {"n": n, "request_id": item["request"], "rollback": None, "state": state.value, "why": why}
        for n, item in enumerate(signed, start=1)
    ]


def _item(known: Known) -> View:
    return {
        "n": known.item.n,
        "request_id": str(known.item.original),
        "rollback": None if known.row is None else str(known.row.id),
        "state": item_of(known).state.value,
        "why": why_not(known),
    }


def progress(items: Sequence[View]) -> dict[str, int]:
    """How many items there are in all, and in each state; what runs has not ended, and is waited for."""
    return figures(Item(item["n"], (), ItemState(item["state"])) for item in items)


async def suspended(session: AsyncSession, bots: Sequence[str]) -> dict[str, View]:
    """Since when each of these bots is suspended, null for one that is not any more, and what is still in flight."""
    found = {}
    for bot in bots:
        row, flying = await governance.bot(session, bot), await stops.in_flight(session, bot)
        since = None if row is None else row.suspended_at
        found[bot] = {"suspended_at": None if since is None else rfc3339(since), "in_flight": in_flight(flying)}
    return found
