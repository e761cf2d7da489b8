"""The report of an incident, as facts: what happened when, what was undone, what was not and why, who signed."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from app.db.tables import Request
from app.domain.clocks import rfc3339
from app.domain.incident import ItemState
from app.domain.states import NEVER_RAN, Status
from app.domain.verdict import Verdict
from app.steps.incident_rollback import MOST, Candidate, judged
from app.steps.incident_run import item_of, why_not
from app.steps.incident_value import at_risk
from app.use_cases.actors import Actor
from app.use_cases.incident_access import readable
from app.use_cases.incident_gathering import Material, Noted, Undertaken, gather
from app.use_cases.incident_views import View, brief
from app.use_cases.services import Services

_TURNS = {
    "incident-opened": "opened",
    "incident-paused": "paused",
    "incident-resumed": "resumed",
    "incident-closed": "closed",
}
_SAID = {"approve": "approved", "deny": "denied", "abstain": "abstained"}
_ENDS = {status.value for status in (*NEVER_RAN, Status.SUCCEEDED, Status.FAILED)}


async def report(services: Services, who: Actor, incident_id: uuid.UUID) -> View:
    """The report, for who may read the incident. Raises as `app.use_cases.incident_access.readable`."""
    async with services.ctx.database.transaction() as session:
        policy = await services.ctx.rules.in_force(session)
        incident = await readable(services, session, policy, who, incident_id)
        found = await gather(services.ctx, session, policy, incident)
    return await asyncio.to_thread(_report, found)


def _report(found: Material) -> View:
    about = judged(found.looked.policy, found.looked.about, found.looked.now)
    fates = list(_fates(found, about[:MOST]))
    undone = [fate for fate in fates if fate["state"] == "undone"]
    left = [fate for fate in fates if fate["state"] != "undone"]
    return {
        "incident": brief(found.looked.incident),
        "as_of": rfc3339(found.looked.now),
        "timeline": _timeline(found),
        "rollbacks": [_rollback(one) for one in found.undertaken],
        "undone": undone,
        "not_undone": left,
        "totals": _totals(undone, left),
        "more_candidates": len(about) > MOST,
    }


def _totals(undone: Sequence[View], left: Sequence[View]) -> View:
    states = [fate["state"] for fate in left]
    return {
        "requests": len(undone) + len(left),
        "undone": len(undone),
        **{state: states.count(state) for state in sorted(set(states))},
        "value_undone": _sum(undone),
        "value_left": _sum(left),
        "without_value": sum(fate["value"] is None for fate in (*undone, *left)),
    }


def _sum(fates: Sequence[View]) -> int | float:
    values: list[int | float] = [fate["value"] for fate in fates if fate["value"] is not None]
    return sum(values)


def _timeline(found: Material) -> list[View]:
    """In the order of time; of one moment as they are told here."""
    told = [*map(_turn, found.entries), *map(_stop, found.stops)]
    for one in found.undertaken:
        told += _course(one)
    return [{**event, "at": rfc3339(at)} for at, event in sorted(told, key=lambda one: one[0])]


def _turn(entry: Noted) -> tuple[datetime, View]:
    what = _TURNS.get(entry.kind, entry.kind)
    return entry.at, {"what": what, "person": entry.person, "via": entry.facts.get("via")}


def _stop(entry: Noted) -> tuple[datetime, View]:
    bot = None if entry.stream == "installation" else entry.stream.removeprefix("bot:")
    facts = {"bot": bot, "person": entry.person, "by": entry.facts.get("by"), "request": entry.facts.get("request")}
    return entry.at, {"what": f"bot-{entry.kind}", "via": entry.facts.get("via"), **facts}


def _course(one: Undertaken) -> Iterator[tuple[datetime, View]]:
    """Asked for, decided by each, begun, what was left alone, ended."""
    row, request = one.row, {"request": str(one.row.id)}
    yield row.created_at, {"what": "asked", "person": row.asker_id, **request, "reason": row.reason}
    for decision in _decisions(one):
        yield decision.pop("time"), {"what": _SAID[decision.pop("decision")], **decision, **request}
    for entry in one.entries:
        if entry.kind == "started":
            yield entry.at, {"what": "begun", **request}
        if entry.kind == "items-skipped":
            yield entry.at, {"what": "left-alone", **request, "why": entry.facts["why"], "items": entry.facts["items"]}
        if entry.kind in _ENDS and entry.facts.get("status") == entry.kind:
            yield entry.at, {"what": "ended", **request, "status": entry.kind, "why": entry.facts.get("why")}


def _decisions(one: Undertaken) -> Iterator[View]:
    stages = (one.row.plan or {"stages": []})["stages"]
    for made in one.decisions:
        stage = stages[made.stage]["name"] if made.stage < len(stages) else None
        said = {"person": made.person_id, "decision": made.say, "stage": stage, "level": made.level, "via": made.via}
        yield {**said, "reason": made.reason, "standing": made.standing, "time": made.at}


def _rollback(one: Undertaken) -> View:
    row = one.row
    signed = [{"at": rfc3339(said.pop("time")), **said} for said in _decisions(one)]
    return {
        "request": str(row.id),
        "status": row.status,
        "asked_by": row.asker_id,
        "asked_at": rfc3339(row.created_at),
        "reason": row.reason,
        "digest": row.digest,
        "plan": None if row.plan is None else row.plan["name"],
        "decisions": signed,
        "items": len(row.parameters["items"]),
        "ended_why": row.ended_why,
    }


def _fates(found: Material, about: Sequence[Candidate]) -> Iterator[View]:
    """What became of each that it is about or that was to be undone, the newest first."""
    tried = _tried(found)
    candidates = {one.row.id: one for one in about}
    for one in about:
        yield _fate(found, one.row, tried.get(one.row.id), one)
    for id_ in tried:
        if id_ not in candidates and id_ in found.originals:
            yield _fate(found, found.originals[id_], tried[id_], None)


def _tried(found: Material) -> dict[uuid.UUID, View]:
    """What the last rollback that had it among its items came to, by request."""
    tried: dict[uuid.UUID, View] = {}
    for one in found.undertaken:
        for known in one.known:
            if tried.get(known.item.original, {}).get("state") != "undone":
                tried[known.item.original] = _item(found, one, known)
    return tried


def _item(found: Material, one: Undertaken, known: Any) -> View:
    state, row = item_of(known).state, known.row
    told: View = {"part_of": str(one.row.id), "rollback": None if row is None else str(row.id), "why": why_not(known)}
    if state is ItemState.SUCCEEDED:
        return {"state": "undone", **told, "at": _ended(found, row)}
    if state is ItemState.FAILED:
        return {"state": "failed", **told, "error_status": _error_status(row)}
    if state is ItemState.UNKNOWN:
        return {"state": "unknown", **told, "settle_by": _settlers(found, row)}
    return {"state": state.value, **told}


def _ended(found: Material, row: Request) -> str:
    """When it ended; one that people have settled, when they had."""
    ended = found.ended.get(row.id)
    return rfc3339(row.updated_at if ended is None or row.ended_why == "settled" else ended)


def _error_status(row: Request) -> int | None:
    error = (row.execution or {}).get("error")
    return error.get("status") if isinstance(error, dict) else None


def _settlers(found: Material, row: Request) -> list[str]:
    """Responders who neither asked for it nor signed what it is part of, nor approved what it undoes."""
    signed = {made.person_id for one in found.undertaken for made in one.decisions if made.say == "approve"}
    near = {row.asker_id, *signed, *(row.undoes or {}).get("approved_by", ())}
    return sorted(found.looked.policy.responders(row.bot) - near)


def _fate(found: Material, row: Request, tried: View | None, one: Candidate | None) -> View:
    risk = at_risk(found.looked.policy, row)
    what = {"request": str(row.id), "bot": row.bot, "action": row.action, "status": row.status}
    return {**what, "value": risk.value, "value_why": risk.why, **(_by_another(found, row, tried) or _left(tried, one))}


def _by_another(found: Material, row: Request, tried: View | None) -> View | None:
    """What stands to its being undone, by a rollback that is not of this incident, or was settled since."""
    by = found.looked.about.undone.get(row.id)
    other = None if by is None else found.by_others[by]
    if other is None or (tried is not None and tried["rollback"] == str(by)):
        return None
    told = {"part_of": None, "rollback": str(other.id), "why": None}
    if other.status == Status.SUCCEEDED:
        return {"state": "undone", **told, "at": _ended(found, other)}
    if other.status == Status.UNKNOWN:
        return {"state": "unknown", **told, "settle_by": _settlers(found, other)}
    return {"state": "running", **told}


def _left(tried: View | None, one: Candidate | None) -> View:
    """How it fared as an item; else why nobody chose it, or could."""
    if tried is not None:
        return tried
    refused = one.how if one is not None and isinstance(one.how, Verdict) else None
    told = {"part_of": None, "rollback": None}
    if refused is None:
        return {"state": "not-chosen", **told, "why": None}
    return {"state": "not-reversible", **told, "why": refused.reason}
