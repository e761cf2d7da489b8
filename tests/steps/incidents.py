"""Short words for what tests do with incidents."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from tenacity import AsyncRetrying, AttemptManager, stop_after_delay, wait_fixed

from app.db import incidents
from app.db.incident_tables import Incident
from app.use_cases import incidents as use_cases
from app.use_cases.views import View
from tests.world import World

HOUR = timedelta(hours=1)


async def opened(
    world: World, who: str = "ivan", *, bots: Sequence[str] = ("bot",), actions: Sequence[str] = (), key: str = ""
) -> Incident:
    """An incident about the last hour, and the next."""
    async with world.ctx.database.transaction() as session:
        now = await world.ctx.clock.now(session)
    incident, _ = await use_cases.open_incident(
        world.services,
        world.person(who),
        key or uuid.uuid4().hex,
        title="It ran amok",
        bots=bots,
        actions=actions,
        since=now - HOUR,
        until=now + HOUR,
    )
    return incident


async def undo_all(
    world: World, incident: Incident, who: str = "ivan", *, chosen: Sequence[View] | None = None, key: str = ""
) -> View:
    """Ask to undo what an incident is about; the request as its asker sees it."""
    which = "all" if chosen is None else [uuid.UUID(shown["id"]) for shown in chosen]
    asked = await use_cases.roll_back_incident(
        world.services, world.person(who), incident.id, key or uuid.uuid4().hex, chosen=which, reason="It was wrong"
    )
    return asked.view


async def look(world: World, incident: Incident) -> Incident:
    """The incident as it stands."""
    async with world.ctx.database.transaction() as session:
        found = await incidents.by_id(session, incident.id)
    assert found is not None
    return found


async def items(world: World, rollback: View) -> Sequence[incidents.Known]:
    """What the rollback undoes, as it stands."""
    async with world.ctx.database.transaction() as session:
        return await incidents.items(session, uuid.UUID(rollback["id"]))


async def patiently() -> AsyncIterator[AttemptManager]:
    """Attempts at an assertion for a minute."""
    async for attempt in AsyncRetrying(wait=wait_fixed(0.05), stop=stop_after_delay(60), reraise=True):
        yield attempt
