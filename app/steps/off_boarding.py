"""Letting a person go: a publication without them, made from the rules in force, and the end of what they gave."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import delegations, governance, ledger, sitting
from app.domain.errors import Forbidden, GovernanceInvalid, InterlockError, NotOpenToThis, OffSchema
from app.domain.outcome import Answer, Sent
from app.domain.verdict import Verdict, denied
from app.governance.files import Governance
from app.governance.off_boarding import Leaving, leaving, places, without
from app.governance.policy import Policy
from app.steps.admission import Asked
from app.steps.context import Context
from app.steps.difference import people_in_force
from app.steps.drafts import patiently
from app.steps.handler import Handler
from app.steps.persons import note_of_person
from app.steps.publishing import NOT_AN_ADMINISTRATOR, ground_gone, ground_of, put
from app.steps.scene import Scene


def fault(policy: Policy, active: Mapping[str, bool], asker: str, wish: Leaving) -> InterlockError | None:
    """Why it is not theirs to ask, or not to be had: Forbidden, OffSchema, NotOpenToThis. ``active``: by person."""
    if not policy.may(asker, "administer"):
        return Forbidden("Only who may administer asks to let a person go.")
    if wish.person not in active:
        return OffSchema(f"There is no person {wish.person!r:.100}.", where="parameters.person")
    if not active[wish.person]:
        return NotOpenToThis(f"{wish.person} has left already.")
    for successor in sorted(wish.successors):
        where = "parameters.to" if successor == wish.to else "parameters.seats"
        if successor == wish.person:
            return OffSchema("Who leaves takes nothing over.", where=where)
        if not active.get(successor, False):
            return OffSchema(f"There is no active person {successor!r:.100}.", where=where)
    return None


async def rules_in_force(ctx: Context, session: AsyncSession) -> Governance:
    """The rules and people as they stand, with persons by their ids."""
    return Governance(await people_in_force(session), (await ctx.rules.source(session))["document"])


async def _without(ctx: Context, session: AsyncSession, parameters: Mapping[str, Any]) -> Governance:
    """As `without`, in a thread: it may take tenths of a second. Raises `GovernanceInvalid`."""
    rules = await rules_in_force(ctx, session)
    return await asyncio.to_thread(without, rules, leaving(parameters))


async def _refusal(asked: Asked) -> Verdict | None:
    active = {person.id: person.active for person in await governance.persons(asked.session)}
    wrong = fault(asked.policy, active, asked.ask.asker_id, leaving(asked.ask.parameters))
    if isinstance(wrong, Forbidden):
        return NOT_AN_ADMINISTRATOR
    if wrong is not None:
        return denied("not-in-order", str(wrong))
    await patiently(asked.session)
    try:
        await _without(asked.ctx, asked.session, asked.ask.parameters)
    except GovernanceInvalid as error:
        return denied("not-in-order", error.told())
    return None


async def _ground(asked: Asked) -> dict[str, Any]:
    """As of a publication, and where they sit as it is asked."""
    rules = await rules_in_force(asked.ctx, asked.session)
    wish = leaving(asked.ask.parameters)
    told = await ground_of(asked, await asyncio.to_thread(without, rules, wish))
    return {**told, "seats": [place.key for place in places(rules.document, wish.person) if place.by is None]}


async def _apply(found: Scene) -> Answer:
    """What waits is nudged by that: a change or a rollback that they asked is revoked, and their votes are void."""
    await patiently(found.session)
    answer = await put(found, partial(_without, found.ctx, found.session, found.row.parameters))
    if answer.sent is not Sent.SUCCEEDED:
        return answer
    person, result = found.row.parameters["person"], dict(answer.result or {})
    result["delegations_ended"] = await _end_delegations(found, person)
    waiting = await sitting.asked_by(found.session, person, started=False)
    result["revokes"] = [str(row.id) for row in waiting if row.id != found.row.id]
    await _note(found, "off-boarded", person, {"person": person}, policy_version=result["policy_version"])
    return Answer(Sent.SUCCEEDED, None, result, None)


async def _end_delegations(found: Scene, person: str) -> int:
    """End what they have given and received. One that is given to them just now is of no use: they are not active."""
    session = found.session
    givers = {row.person_id for row in await delegations.listed(session, found.now, person)}
    for pid in sorted(str(found.pid(one)) for one in {person, *givers}):
        await ledger.lock_stream(session, f"person:{pid}")
    rows = [row for row in await delegations.listed(session, found.now, person) if row.person_id in {person, *givers}]
    for row in rows:
        row.ended_at, row.ended_by = found.now, found.row.asker_id
        await _note(found, "delegation-ended", row.person_id, {}, delegation=str(row.id), why="off-boarded")
    await session.flush()
    return len(rows)


async def _note(found: Scene, kind: str, person: str, personal: dict[str, str], **facts: str) -> None:
    by, request = str(found.pid(found.row.asker_id)), str(found.row.id)
    await note_of_person(
        found.ctx, found.session, kind, str(found.pid(person)), personal, by=by, request=request, **facts
    )


OFF_BOARDING = Handler(_refusal, _ground, ground_gone, _apply)
