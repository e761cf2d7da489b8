"""`settle`: people say what an unknown outcome was; high and critical risk by two distinct persons who agree."""

from __future__ import annotations

from collections.abc import Sequence

from app.db import requests
from app.db.tables import Decision, Settlement
from app.domain.clocks import rfc3339
from app.domain.delegation import beside, distinct
from app.domain.errors import Closed, NotOpenToThis, SettlementDiffers, TooEarly, Violation
from app.domain.request import Risk, Say
from app.domain.separation import exclusions, only_vote, violation
from app.domain.states import Status
from app.steps.access import MAY, roles
from app.steps.facts import bench
from app.steps.finish import conclude, over_at
from app.steps.glass import breaker
from app.steps.incident_item import part_of
from app.steps.scene import Scene


async def settle(found: Scene, person_id: str, status: Status, reason: str) -> int:
    """Record that an unknown outcome was ``succeeded`` or ``failed``, by who may; how many now say so and count.

    Settled once that is `need` of them. Raises TooEarly, SettlementDiffers, Closed or NotOpenToThis; nothing is
    written then.
    """
    if found.status is not Status.UNKNOWN:
        _refuse_unless_so(found, status)
        return need(found.row.risk)
    return await _settle(found, person_id, status, reason)


def need(risk: str) -> int:
    """How many distinct persons must say the same."""
    return 2 if Risk[risk.upper()] >= Risk.HIGH else 1


async def settling_violations(found: Scene, person_id: str) -> list[Violation]:
    """The personal exclusions, whoever ever approved it, and at any risk the bot's owners: nobody covers a mistake."""
    people = await bench(found)
    person = people.people.get(person_id)
    if person is None or not person.active:
        return [violation("unlinked-identity")]
    made = await _signed(found)
    near = {person_id, *beside(person_id, people.facts.pairs)}
    approved = any(near & {said.person_id, *said.stands_for} for said in made if said.say == Say.APPROVE)
    approved |= breaker(found.row) in near
    broken = exclusions(person, people.facts) + ([violation("stage-repeat")] if approved else [])
    return broken + [more for more in only_vote(person, people.facts) if more not in broken]


async def _signed(found: Scene) -> Sequence[Decision]:
    """The decisions on it; of one of many that an incident's rollback undoes, those on that."""
    parent = part_of(found.row)
    return await requests.decisions(found.session, found.row.id if parent is None else parent)


async def _still_counts(found: Scene, said: Settlement) -> bool:
    """What a person said counts while they may settle."""
    held = roles(found.policy, "person", said.person_id, found.row)
    return bool(held & MAY["settle"]) and not await settling_violations(found, said.person_id)


def _refuse_unless_so(found: Scene, status: Status) -> None:
    if found.row.execution is not None and found.status is status and found.row.execution.get("settled"):
        return
    if found.status in (Status.SUCCEEDED, Status.FAILED):
        raise Closed(f"The request is {found.row.status}.", status=found.row.status)
    raise NotOpenToThis(f"Only an unknown outcome is settled; this is {found.row.status}.", status=found.row.status)


async def _settle(found: Scene, person_id: str, status: Status, reason: str) -> int:
    attempt = (await requests.execution_attempts(found.session, found.row.id))[-1]
    earliest = over_at(found.row, attempt)
    if found.now < earliest:
        raise TooEarly(f"It may still be on its way; settle after {rfc3339(earliest)}.", status=found.row.status)
    all_said = await requests.settlements(found.session, found.row.id)
    said = {s.person_id: s for s in all_said if s.person_id == person_id or await _still_counts(found, s)}
    new = _say(found, said, person_id, status, reason)
    have = distinct(said, (await bench(found)).facts.pairs)  # a delegate and who is away are one
    if have < need(found.row.risk):
        if new:
            await found.changed()
        return have
    found.row.execution = {**(found.row.execution or {}), "status": status.value, "settled": True}
    await conclude(found, attempt, status, "settled")
    await found.changed()
    return have


def _say(found: Scene, said: dict[str, Settlement], person_id: str, status: Status, reason: str) -> bool:
    others = [s for s in said.values() if s.person_id != person_id]
    if others and others[0].status != status:
        sentence = f"Somebody has settled it as {others[0].status}; agree, or they settle it as you do."
        raise SettlementDiffers(sentence, status=found.row.status)
    mine = said.get(person_id)
    if mine is not None and mine.status == status:
        return False
    if mine is None:
        mine = Settlement(request_id=found.row.id, person_id=person_id, status=status, reason=reason, at=found.now)
        found.session.add(mine)
    else:
        mine.status, mine.reason, mine.at = status.value, reason, found.now
    said[person_id] = mine
    found.note("settlement", {"reason": reason}, person=found.pid(person_id), outcome=status.value)
    return True
