"""What a card says of the rollback of an incident, read in the transaction of the other facts."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, incidents, ledger, requests
from app.db.incidents import Known
from app.db.tables import Request
from app.domain.clocks import moment
from app.domain.request import Kind
from app.governance.policy import Policy
from app.steps.incident_run import item_of, why_not
from app.use_cases.incident_facts import IncidentFacts, ItemFacts, TurnFacts

TURNS = {"incident-paused": True, "incident-resumed": False}
"""The entries that say that somebody paused it, or let it go on."""


async def incident_of(
    session: AsyncSession, policies: Sequence[Policy], row: Request, parameters: Any, names: Mapping[str, str]
) -> IncidentFacts | None:
    """The incident that a request undoes; None for every other request.

    ``policies``: where titles are looked up, the first that has one; ``parameters``: the request's, masked.
    """
    incident = None if row.kind != Kind.INCIDENT_ROLLBACK else await incidents.of_rollback(session, row.id)
    if incident is None:
        return None
    return IncidentFacts(
        id=str(incident.id),
        title=incident.title,
        bots=tuple(_bot(policies, bot) for bot in incident.bots),
        actions=tuple(incident.actions),
        since=incident.since,
        until=incident.until,
        opened_by=names.get(incident.opened_by, incident.opened_by),
        opened_at=incident.opened_at,
        standing=incident.status,
        items=await _items(session, policies, row, parameters),
        turns=await _turns(session, row, names),
        closed_by=None if incident.closed_by is None else names.get(incident.closed_by, incident.closed_by),
    )


async def _items(
    session: AsyncSession, policies: Sequence[Policy], row: Request, parameters: Any
) -> tuple[ItemFacts, ...]:
    signed: list[dict[str, Any]] = row.parameters["items"]
    ids = [uuid.UUID(item["request"]) for item in signed]
    originals = {str(one.id): one for one in await requests.by_ids(session, ids)}
    begun = {known.item.n: known for known in await incidents.items(session, row.id)}
    return tuple(
        _item(policies, n, {**item, "parameters": shown["parameters"]}, originals[item["request"]], begun.get(n))
        for n, (item, shown) in enumerate(zip(signed, parameters["items"], strict=True), start=1)
    )


def _item(policies: Sequence[Policy], n: int, item: dict[str, Any], was: Request, known: Known | None) -> ItemFacts:
    return ItemFacts(
        n=n,
        request_id=item["request"],
        of=item["of"],
        of_title=_title(policies, item["of"]),
        bot=_bot(policies, was.bot or ""),
        status=was.status,
        action=item["action"],
        title=_title(policies, item["action"]),
        version=item["action_version"],
        parameters=item["parameters"],
        after=tuple(item["after"]),
        state=None if known is None else item_of(known).state.value,
        undo=None if known is None or known.row is None else str(known.row.id),
        why=None if known is None else why_not(known),
    )


async def _turns(session: AsyncSession, row: Request, names: Mapping[str, str]) -> tuple[TurnFacts, ...]:
    """The last pause and what ended it, by the entries that were written of them."""
    if row.execution is None:
        return ()
    who = {str(person.pid): names[person.id] for person in await governance.persons(session)}
    told: list[TurnFacts] = []
    for entry in await ledger.read(session, f"request:{row.id}"):
        body = json.loads(entry.body)
        if body["kind"] in TURNS:
            paused, facts = TURNS[body["kind"]], body["facts"]
            count = sum(one.paused for one in told) + paused
            told.append(TurnFacts(paused, count, who.get(facts["person"], "somebody"), moment(body["at"])))
    return tuple(one for one in told if one.count == told[-1].count)


def _title(policies: Sequence[Policy], action: str) -> str:
    return next((policy.actions[action].title for policy in policies if action in policy.actions), action)


def _bot(policies: Sequence[Policy], bot: str) -> str:
    return next((policy.bots[bot].title for policy in policies if bot in policy.bots), bot)
