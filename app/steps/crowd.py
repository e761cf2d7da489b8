"""Everybody, read once in a transaction: who is active, as which subjects, and how the ledger names them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance
from app.domain.separation import Person
from app.governance.policy import Policy


@dataclass(frozen=True, slots=True)
class Crowd:
    """By person id. ``pids``: the random stand-ins that the ledger may hold."""

    active: Mapping[str, bool]
    subjects: Mapping[str, frozenset[str]]
    pids: Mapping[str, str]

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


async def crowd(session: AsyncSession) -> Crowd:
    """Everybody as of now."""
    rows = await governance.everybody(session)
    subjects: dict[str, set[str]] = {}
    for row in rows:
        if row.subject is not None:
            subjects.setdefault(row.id, set()).add(row.subject)
    return Crowd(
        active={row.id: row.active for row in rows},
        subjects={id_: frozenset(found) for id_, found in subjects.items()},
        pids={row.id: str(row.pid) for row in rows},
    )
