"""Who sees and ends standing permissions, and what two at once come to: each guard once, on the database alone."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.domain.errors import Forbidden, NotFound
from app.steps.start import start
from app.use_cases import permissions
from tests.steps.standing import granted, uses
from tests.steps.words import id_of, lost, sql
from tests.world import World

pytestmark = pytest.mark.usefixtures("as_before")

WAITING = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
REVOKE = "update standing_permission set revoked_at = clock_timestamp(), revoked_by = 'sam' where id = :id"
USE = "update standing_permission set uses = uses + 1 where id = :id"


@pytest.fixture(autouse=True)
async def no_other(world: World) -> AsyncIterator[None]:
    """What one test has granted concerns no other."""
    yield
    await sql(world, "update standing_permission set revoked_at = clock_timestamp()")


async def revoke(world: World, permission: str, who: str) -> str:
    """By whom it is revoked, then."""
    shown = await permissions.revoke(world.services, world.person(who), uuid.UUID(permission), "Enough")
    return str(shown["revoked_by"])


async def seen(world: World, who: str, bot: str | None = None) -> set[str]:
    """The permissions that this person is shown."""
    return {str(one["id"]) for one in (await permissions.listing(world.services, world.person(who), bot))["items"]}


# Who.


@pytest.mark.parametrize("who", ["eve", "sam", "olivia", "ivan", "ada"])
async def test_who_revokes(world: World, who: str) -> None:
    permission = await granted(world)
    assert await revoke(world, permission, who) == who


@pytest.mark.parametrize("who", ["lena", "max", "petra"])
async def test_who_sees_it_and_may_not_revoke(world: World, who: str) -> None:
    """Other seats of the bot."""
    permission = await granted(world)
    assert permission in await seen(world, who)
    with pytest.raises(Forbidden):
        await revoke(world, permission, who)
    assert await sql(world, "select revoked_at from standing_permission where id = :id", id=uuid.UUID(permission)) == [
        (None,)
    ]


@pytest.mark.parametrize("who", ["dana", "tom", "zoe"])
async def test_who_does_not_even_see_it(world: World, who: str) -> None:
    """Not by name of the bot either, and nobody learns whether there is one."""
    permission = await granted(world)
    assert await seen(world, who) == await seen(world, who, "bot") == set()
    for named in (permission, str(uuid.uuid4())):
        with pytest.raises(NotFound, match="no such standing permission"):
            await revoke(world, named, who)


# Two at once.


@asynccontextmanager
async def meanwhile(
    world: World, statement: str, permission: str, deed: Coroutine[Any, Any, Any]
) -> AsyncIterator[Any]:
    """The deed, which comes upon a transaction that has changed the permission and commits only then."""
    async with world.ctx.database.transaction() as session:
        await session.execute(text(statement), {"id": uuid.UUID(permission)})
        task = asyncio.create_task(deed)
        async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(30), reraise=True):
            with attempt:
                assert task.done() or await sql(world, WAITING)
    yield await task


async def test_two_uses_of_the_last_one(world: World) -> None:
    permission = await granted(world, max_uses=1)
    async with meanwhile(world, USE, permission, lost(world, "do.moderate")) as shown:
        assert shown["status"] == "held"
    assert await uses(world, permission) == (1, 0)


async def test_a_use_and_a_revocation(world: World) -> None:
    permission = await granted(world)
    async with meanwhile(world, REVOKE, permission, lost(world, "do.moderate")) as shown:
        assert shown["status"] == "held"


async def test_a_start_and_a_revocation(world: World) -> None:
    permission = await granted(world)
    shown = await lost(world, "do.moderate")
    async with meanwhile(world, REVOKE, permission, start(world.ctx, id_of(shown), "one")) as turn:
        assert turn.go is None
    assert (await world.look(shown))["ended_why"] == "permission-revoked"


async def test_two_revocations(world: World) -> None:
    """The first stands, and the second is told so."""
    permission = await granted(world)
    async with meanwhile(world, REVOKE, permission, revoke(world, permission, "eve")) as by:
        assert by == "sam"
