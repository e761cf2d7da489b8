"""What a draft changes of the rules and people in force."""

from __future__ import annotations

import asyncio

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance
from app.governance.catalogue import PersonFile, PersonIdentity
from app.governance.diff import Change, State, diff
from app.governance.files import Governance
from app.steps.context import Context


async def difference(ctx: Context, session: AsyncSession, draft: Governance) -> tuple[Change, ...]:
    """Entry by entry, in words. Compared in a thread: it takes tenths of a second."""
    source, people = await ctx.rules.source(session), await people_in_force(session)
    return await asyncio.to_thread(diff, State(source["document"], people), State(draft.document, draft.people))


async def people_in_force(session: AsyncSession) -> tuple[PersonFile, ...]:
    """The active people, as the files had them."""
    subjects, identities = await governance.subjects(session), await governance.identities(session)
    return tuple(
        PersonFile(
            id=person.id,
            name=person.name,
            emails=tuple(person.emails),
            time_zone=person.time_zone or "UTC",
            subjects=frozenset(row.subject for row in subjects if row.person_id == person.id),
            identities=tuple(PersonIdentity(*one[:3]) for one in sorted(identities) if one[3] == person.id),
        )
        for person in await governance.persons(session)
        if person.active
    )
