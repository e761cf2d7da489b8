"""Short words for delegations: given and ended through the use cases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.use_cases import delegations
from app.use_cases.delegations import Wish
from app.use_cases.views import View
from tests.api.conftest import GO_ON, a_key
from tests.steps.words import id_of, sql
from tests.world import World

HOUR = timedelta(hours=1)


async def everybody_back(world: World) -> None:
    """Nobody is away, all are active, nothing is suspended."""
    await sql(world, "delete from delegation")
    await sql(world, "update person set active = true")
    await sql(world, "update client_credential set made_by = 'zoe'")
    for statement in GO_ON:
        await sql(world, statement)


async def away(world: World, person: str, to: str, span: timedelta = 3 * HOUR, begin: timedelta | None = None) -> View:
    """Somebody gives their decisions to another, from now unless the test says so."""
    async with world.ctx.database.transaction() as session:
        now = await world.ctx.clock.now(session)
    wish = Wish(to, None if begin is None else now + begin, now + span, "Holidays")
    return (await delegations.give(world.services, world.person(person), a_key()["Idempotency-Key"], wish))[0]


async def back(world: World, given: View, who: str | None = None) -> None:
    await delegations.end(world.services, world.person(who or given["person"]), id_of(given))


async def entry_of(world: World, shown: View, kind: str) -> dict[str, Any]:
    [found] = [entry for entry in await world.entries(shown) if entry["kind"] == kind]
    facts: dict[str, Any] = found["facts"]
    return facts
