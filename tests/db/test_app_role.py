"""All of a request's life under the application's role, which owns nothing."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from sqlalchemy import text

from app.db import governance
from app.db.hardening import differences, harden, within
from app.db.ledger import lock_stream
from app.db.listen import CHANNEL, listen, notify
from app.db.roles import APP, as_role
from app.domain.errors import Unavailable
from app.governance.built_in import RESUME_BOT
from tests.conftest import NewDatabase
from tests.drafts import draft
from tests.world import World


@pytest.fixture(scope="module")
async def database_url(new_database: NewDatabase) -> str:
    """The world of this module connects as API and worker do outside development."""
    url = await new_database()
    await within(url, lambda connection: harden(connection, {}))
    assert await within(url, differences) == []
    return as_role(url, APP)


async def test_it_is_the_apps_role(world: World) -> None:
    async with world.ctx.database.transaction() as session:
        found = (await session.execute(text("select session_user::text, current_user::text"))).one()
    assert tuple(found) == (APP, APP)


async def test_held_approved_executed_and_undone(world: World) -> None:
    shown = await world.ask("do.high")
    await world.say("dana", shown)
    await world.until(shown, "succeeded")
    assert (await world.kinds(shown))[-1] == "succeeded"
    rollback = await world.roll_back("ivan", shown)
    await world.say("rita", rollback)
    await world.until(rollback, "succeeded")


async def test_denied_cancelled_and_refused(world: World) -> None:
    denied = await world.ask("do.moderate")
    await world.say("dana", denied, "deny")
    await world.until(denied, "denied")
    async with world.ctx.database.transaction() as session:
        await session.execute(text("delete from data_key where kid = 'none'"))  # as an erasure does


async def test_rules_are_published_and_people_replaced(world: World) -> None:
    published = await world.publish(draft(("Dana", "Danuta")))
    assert published["status"] == "succeeded"
    async with world.ctx.database.transaction() as session:
        names = (await session.execute(text("select name from person where id = 'dana'"))).scalars().all()
    assert "Danuta" in names[0]


async def hanging(world: World, holds: asyncio.Event, until: asyncio.Event) -> None:
    """A step of the bot that goes on until its session is ended, or it is told to."""
    async with world.ctx.database.transaction() as session:
        await governance.shared_stop_locks(session, "bot")
        holds.set()
        while not until.is_set():
            await session.execute(text("select pg_sleep(0.1)"))


async def test_a_stop_ends_who_stands_in_its_way(world: World) -> None:
    """A role may end its own sessions, and sees when they began: nothing more than that is needed."""
    waiting, holds, stopped = await world.ask("do.moderate"), asyncio.Event(), asyncio.Event()
    cut_off = asyncio.ensure_future(hanging(world, holds, stopped))
    await holds.wait()
    assert (await world.suspend())["suspended_at"]
    stopped.set()
    with pytest.raises(Unavailable):
        await cut_off
    assert (await world.look(waiting))["status"] == "revoked"
    resumption = await world.resume("ivan")
    await world.say("ada", resumption)
    done = await world.until(resumption, "succeeded")
    assert done["action"] == RESUME_BOT


async def test_processes_tell_each_other(world: World, database_url: str) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    said = str(uuid.uuid4())
    async with listen(database_url, CHANNEL, heard.put_nowait), asyncio.timeout(30):
        while True:
            async with world.ctx.database.transaction() as session:
                await lock_stream(session, "bot:bot")
                await notify(session, CHANNEL, said)
            try:
                while await asyncio.wait_for(heard.get(), 1) != said:
                    pass
                break
            except TimeoutError:  # it was not listening yet
                continue
