"""Short words for break-glass: broken, reviewed and swept through the use cases."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from app.domain.errors import Forbidden
from app.domain.request import Level
from app.steps.reviewing import Finding
from app.use_cases import reviews
from app.use_cases.break_glass import Pull, break_glass
from app.use_cases.views import View
from tests.properties.quiet import later
from tests.steps.words import id_of, lost, sql
from tests.world import World

DAY = timedelta(hours=24)
LATE = timedelta(hours=25)


async def still(world: World, action: str, mode: str | None = None, **asked: str) -> View:
    """A held request that no workflow goes on with when it is told to look: what happens next is the test's."""
    shown = await lost(world, action, mode, **asked)
    await sql(world, "update request set has_workflow = false where id = :id", id=id_of(shown))
    return shown


async def broken(
    world: World, shown: View, who: str = "ivan", *, level: Level = Level.RECENT, digest: str | None = None
) -> View:
    """Somebody releases a request, alone; as they see it."""
    pull = Pull("Nobody answers", digest or shown["digest"])
    return await break_glass(world.services, world.person(who, level), id_of(shown), pull)


async def forbidden(world: World, shown: View, who: str = "ivan", level: Level = Level.RECENT) -> set[str]:
    """The invariants that this person would break; the request stays as it is, and the refusal is on the ledger."""
    with pytest.raises(Forbidden) as error:
        await broken(world, shown, who, level=level)
    entries = await world.entries(shown)
    assert [entry["kind"] for entry in entries][-1] == "refused"
    names = {one.invariant for one in error.value.violations}
    assert set(entries[-1]["facts"]["violations"]) == names
    return names


async def reviewed(
    world: World, seen: View, who: str = "eve", word: str = "justified", *, level: Level = Level.LOGIN
) -> View:
    """Somebody says what they found of it."""
    review = uuid.UUID(seen["break_glass"]["review"]["id"])
    return await reviews.attest(world.services, world.person(who, level), review, Finding(word, "I looked"))


async def swept(world: World, by: timedelta = LATE) -> int:
    """What the worker finds overdue, some time ahead."""
    return await reviews.suspend_overdue(later(world, by))
