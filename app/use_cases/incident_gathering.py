"""What the report of an incident is made of, read in one transaction."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, incidents, ledger, requests
from app.db.incident_tables import Incident
from app.db.incidents import Known
from app.db.tables import Decision, Request
from app.domain.clocks import moment
from app.governance.built_in import UNDO
from app.governance.policy import Policy
from app.steps.context import Context
from app.steps.incidents import stream
from app.use_cases.incident_views import Looked, look


@dataclass(frozen=True, slots=True)
class Noted:
    """An entry of the ledger. ``person``: whose pid it names; ``by``: an account, where it names no person."""

    at: datetime
    stream: str
    kind: str
    person: str | None
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Undertaken:
    """One request to undo the incident: what was decided on it, what it undoes, and what the ledger says of it."""

    row: Request
    decisions: Sequence[Decision]
    known: Sequence[Known]
    entries: Sequence[Noted]


@dataclass(frozen=True, slots=True)
class Material:
    """``entries``: of the incident's stream; ``stops``: of its bots and of the installation, since it begins.

    ``originals``: all that any rollback of it was to undo; ``ended``: when the items' own rollbacks did.
    """

    looked: Looked
    entries: Sequence[Noted]
    stops: Sequence[Noted]
    undertaken: Sequence[Undertaken]
    originals: Mapping[uuid.UUID, Request]
    ended: Mapping[uuid.UUID, datetime | None]
    by_others: Mapping[uuid.UUID, Request]


async def gather(ctx: Context, session: AsyncSession, policy: Policy, incident: Incident) -> Material:
    """Read all of it."""
    looked = await look(ctx, session, policy, incident)
    people = {pid: person for person, pid in (await governance.pids(session)).items()}
    undertaken = [
        await _undertaken(session, row, people) for row in await incidents.rollbacks_of(session, incident, UNDO)
    ]
    items = [known for one in undertaken for known in one.known]
    originals = await requests.by_ids(session, {known.item.original for known in items})
    others = await requests.by_ids(session, set(looked.about.undone.values()))
    rollbacks = {row.id for row in others} | {known.row.id for known in items if known.row is not None}
    last = await incidents.last_attempts(session, rollbacks)
    return Material(
        looked=looked,
        entries=await _entries(session, stream(incident), people),
        stops=await _stops(session, policy, incident, people),
        undertaken=undertaken,
        originals={row.id: row for row in originals},
        ended={id_: attempt.finished_at for id_, attempt in last.items()},
        by_others={row.id: row for row in others},
    )


async def _undertaken(session: AsyncSession, row: Request, people: Mapping[str, str]) -> Undertaken:
    return Undertaken(
        row,
        await requests.decisions(session, row.id),
        await incidents.items(session, row.id),
        await _entries(session, f"request:{row.id}", people),
    )


async def _stops(
    session: AsyncSession, policy: Policy, incident: Incident, people: Mapping[str, str]
) -> Sequence[Noted]:
    found: list[Noted] = []
    for name in ("installation", *(f"bot:{bot}" for bot in incident.bots or sorted(policy.bots))):
        found += await _entries(session, name, people, only=("suspended", "resumed"))
    since = min(incident.since, incident.opened_at)
    return [one for one in found if one.at >= since]


async def _entries(
    session: AsyncSession, name: str, people: Mapping[str, str], only: Iterable[str] = ()
) -> Sequence[Noted]:
    bodies = [json.loads(entry.body) for entry in await ledger.read(session, name)]
    return [
        Noted(moment(body["at"]), name, body["kind"], people.get(str(body["facts"].get("person"))), body["facts"])
        for body in bodies
        if not only or body["kind"] in only
    ]
