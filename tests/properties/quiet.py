"""Short words for tests of the steps alone: no Temporal, no worker, no target."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import requests
from app.db.tables import Attempt
from app.domain.outcome import Answer, Sent
from app.domain.request import Level
from app.steps import act, judge
from app.steps.context import Context, DatabaseClock
from app.steps.finish import finish
from app.steps.scene import scene
from app.steps.start import start
from app.use_cases import attempts
from app.use_cases.actors import Actor
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


async def cancel(world: World, actor: Actor, shown: View) -> None:
    """What the step that records makes of a cancel."""
    async with scene(world.ctx, id_of(shown)) as found:
        built = attempts.build(found, actor, "cancel", None, {"reason": None})
        attempt = await requests.store_attempt(found.session, built)
    await act.cancel(world.ctx, id_of(shown), attempt.id)


async def status(world: World, shown: View) -> str:
    """Where a request stands."""
    return str((await world.row(shown)).status)


async def starts(world: World, shown: View) -> bool:
    """True when an attempt is committed."""
    return (await start(world.ctx, id_of(shown), "one")).go is not None


async def leave(world: World, person: str) -> None:
    """Somebody has left."""
    await sql(world, "update person set active = false where id = :id", id=person)


SUCCEEDED = Answer(Sent.SUCCEEDED, 200, {"done": "so"}, None)
FAILED = Answer(Sent.FAILED, 409, None, {"status": 409, "body": None})


async def ended(world: World, action: str = "do.high", answer: Answer = SUCCEEDED, **asked: Any) -> View:
    """A request that was approved by dana and has this outcome."""
    shown = await approved(world, action, **asked)
    assert await starts(world, shown)
    await finish(world.ctx, id_of(shown), 1, "one", answer)
    return await world.look(shown)


async def signed(world: World, who: str, shown: View) -> None:
    """A yes that brings a request to `approved`."""
    assert await decided(world, who, shown) == "record"
    assert await status(world, shown) == "approved"


async def refused(world: World, who: str, shown: View) -> set[str]:
    """The invariants that a yes of this person breaks; none: it is recorded."""
    attempt = await kept(world, who, shown)
    await judge.decide(world.ctx, id_of(shown), attempt.id)
    [[said]] = await sql(world, "select ruling from attempt where id = :id", id=attempt.id)
    return {broken["invariant"] for broken in said["violations"]}


def later(world: World, by: timedelta) -> Context:
    """The world some time ahead."""
    return replace(world.ctx, clock=Later(by))


async def tried(world: World, answer: Answer | None, action: str = "do.moderate") -> View:
    """A request whose first try is over (None: nobody knows)."""
    shown = await approved(world, action)
    assert await starts(world, shown)
    if answer is not None:
        await finish(world.ctx, id_of(shown), 1, "one", answer)
    return shown
