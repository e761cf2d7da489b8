"""Everybody, read once in a transaction: who is active, as which subjects, who is away, how the ledger names them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import delegations, governance
from app.domain.delegation import Delegation
from app.domain.separation import Person
from app.governance.built_in import PUBLICATIONS
from app.governance.policy import Policy
from app.governance.separation import MAX_COOL_DOWN


@dataclass(frozen=True, slots=True)
class Crowd:
    """By person id. ``pids``: the random stand-ins that the ledger may hold. ``away``: whose delegations run now."""

    active: Mapping[str, bool]
    subjects: Mapping[str, frozenset[str]]
    pids: Mapping[str, str]
    away: Sequence[Delegation] = ()

    def received(self, delegate: str) -> Sequence[Delegation]:
        """What makes this person the delegate of somebody who has not left."""
        return [given for given in self.away if given.delegate == delegate and self.active[given.person]]

    def people(self, policy: Policy, also: Collection[str] = ()) -> dict[str, Person]:
        """Everybody with their groups under these rules. ``also``: built-in groups that count."""
        groups: dict[str, set[str]] = {}
        for name in {*policy.groups, *also}:
            for member in policy.members(name):
                groups.setdefault(member, set()).add(name)
        return {
            id_: Person(id_, active, self.subjects.get(id_, frozenset()), frozenset(groups.get(id_, ())))
            for id_, active in self.active.items()
        }


async def crowd(session: AsyncSession, now: datetime) -> Crowd:
    """Everybody as of now; who they are as customers and payees also for a while after a publication took that.

    Else they could have it taken, and then decide on what is for them.
    """
    rows = await governance.everybody(session, PUBLICATIONS, now - MAX_COOL_DOWN)
    subjects: dict[str, set[str]] = {}
    for row in rows:
        if row.subject is not None:
            subjects.setdefault(row.id, set()).add(row.subject)
    return Crowd(
        active={row.id: row.active for row in rows},
        subjects={id_: frozenset(found) for id_, found in subjects.items()},
        pids={row.id: str(row.pid) for row in rows},
        away=await delegations.running(session, now),
    )
