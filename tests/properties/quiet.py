"""Short words for tests of the steps alone: no Temporal, no worker, no target."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import requests
from app.db.tables import Attempt
from app.domain.outcome import Answer
from app.domain.request import Level
from app.steps import judge
from app.steps.context import DatabaseClock
from app.steps.finish import finish
from app.steps.scene import scene
from app.steps.start import start
from app.use_cases import attempts
from app.use_cases.views import View
from tests.steps.words import id_of, lost, sql, vote
from tests.world import World


@dataclass(frozen=True, slots=True)
class Later:
    """The database's clock, some time ahead."""

    by: timedelta

    async def now(self, session: AsyncSession) -> datetime:
        """The moment that it will be."""
        return await DatabaseClock().now(session) + self.by


async def approved(world: World, action: str = "do.moderate", who: tuple[str, ...] = ("dana",), **asked: Any) -> View:
    """A request that was approved and has not started."""
    shown = await lost(world, action, **asked)
    for person in who:
        await vote(world, person, shown)
    seen = await world.look(shown)
    assert seen["status"] == "approved"
    return seen


async def kept(world: World, who: str, shown: View, say: str = "approve", **more: Any) -> Attempt:
    """An attempt to decide that is on its way, judged by nobody yet. ``level``: how the person signed in; ``via``."""
    actor = replace(world.person(who, more.pop("level", Level.LOGIN)), via=more.pop("via", "api"))
    async with scene(world.ctx, id_of(shown)) as found:
        body = {"decision": say, "reason": "because", "digest": shown["digest"], **more}
        return await requests.store_attempt(found.session, attempts.build(found, actor, "decide", None, body))


async def decided(world: World, who: str, shown: View, say: str = "approve", **more: Any) -> str:
    """What the step that records makes of an attempt, by its ruling."""
    attempt = await kept(world, who, shown, say, **more)
    await judge.decide(world.ctx, id_of(shown), attempt.id)
    return await word(world, attempt.id)


async def word(world: World, attempt: uuid.UUID) -> str:
    """The ruling on an attempt."""
    return str((await sql(world, "select ruling ->> 'word' from attempt where id = :id", id=attempt))[0][0])


async def status(world: World, shown: View) -> str:
    """Where a request stands."""
    return str((await world.row(shown)).status)


async def starts(world: World, shown: View) -> bool:
    """True when an attempt is committed."""
    return (await start(world.ctx, id_of(shown), "one")).go is not None


async def leave(world: World, person: str) -> None:
    """Somebody has left."""
    await sql(world, "update person set active = false where id = :id", id=person)


async def tried(world: World, answer: Answer | None, action: str = "do.moderate") -> View:
    """A request whose first try is over (None: nobody knows)."""
    shown = await approved(world, action)
    assert await starts(world, shown)
    if answer is not None:
        await finish(world.ctx, id_of(shown), 1, "one", answer)
    return shown
