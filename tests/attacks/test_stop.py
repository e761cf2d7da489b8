"""The stop switch under attack: by who wants it not to work, by who presses it in a hurry, by rules and bad luck."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncSession
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.api.app import create_app
from app.db import governance, ledger, requests, stops
from app.db.session import Database
from app.domain.errors import Forbidden, NotFound, Unavailable, UnknownAction
from app.domain.request import Level
from app.governance.check import check
from app.main import readiness
from app.steps.start import start
from app.use_cases import changes, read, rollback, stop
from app.use_cases.actors import Actor
from app.use_cases.governance import install
from app.use_cases.views import view
from tests.api.conftest import BASE, GO_ON, Api, a_key
from tests.conftest import NewDatabase
from tests.steps.words import id_of, lost, resumption, sql, vote
from tests.world import World


@pytest.fixture(autouse=True)
async def _going_on(world: World) -> AsyncIterator[None]:
    """Afterwards everybody is at work again."""
    yield
    for statement in GO_ON:
        await sql(world, statement)


async def waited_for(world: World, what: str) -> None:
    """Once some session waits for a lock in a statement that says this."""
    waiting = """select 1 from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like '%' || :what || '%'"""
    async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(30), reraise=True):
        with attempt:
            assert await sql(world, waiting, what=what)


async def passing(session: AsyncSession, tenths: int) -> None:
    """Time that goes by in a session, which keeps its locks."""
    for _ in range(tenths):
        await session.execute(text("select pg_sleep(0.1)"))


async def suspended(world: World, bot: str = "bot") -> bool:
    return (await sql(world, "select suspended_at is not null from bot where id = :bot", bot=bot))[0][0] is True


async def with_rules(world: World, folder: Path, old: str, new: str) -> None:
    """Put the rules of a folder in force, changed in one place."""
    source = (folder / "desk.yaml").read_text()
    assert old in source
    (folder / "desk.yaml").write_text(source.replace(old, new, 1))
    await install(world.ctx, folder, replace=True, by="ada")


def a_rule(when: str) -> str:
    """The files' last line before the plans, with a rule of two signatures more."""
    return f"\n  - {{name: mine, when: '{when}', hold: two}}\nplans:\n"


# Pressed by several, or in bad company.


@pytest.mark.parametrize("other", ["bot", None], ids=["the same", "all"])
async def test_who_presses_too_does_not_break_the_first_ones_stop(world: World, other: str | None) -> None:
    """A stop that is held up is no step that hangs: it ends by itself, and its presser must not hear that it failed."""
    async with world.ctx.database.transaction() as session:
        await ledger.lock_stream(session, "bot:bot")
        first = asyncio.ensure_future(world.suspend("ivan"))
        await waited_for(world, "stream_head")
        second = asyncio.ensure_future(world.suspend("nora", other))
        await passing(session, 6)
    answers = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(one) for one in answers] == [dict, dict]


async def test_everybody_at_once(world: World) -> None:
    pressed = [world.suspend("ivan", bot) for bot in ("bot", None, "other-bot") for _ in range(10)]
    assert {type(one) for one in await asyncio.gather(*pressed, return_exceptions=True)} == {dict}


async def test_rules_that_are_installed_meanwhile_do_not_break_a_stop(world: World) -> None:
    """What installing does: the stream first, then the installation's row."""
    async with world.ctx.database.transaction() as session:
        await ledger.lock_stream(session, "installation")
        pressed = asyncio.ensure_future(world.suspend(bot=None))
        await waited_for(world, "stream_head")
        await session.execute(text("update installation set active_policy = active_policy"))
    assert (await pressed)["suspended_at"]


async def hanging(world: World, holds: asyncio.Event, until: asyncio.Event) -> None:
    """A step of the bot that goes on until its session is ended, or it is told to."""
    async with world.ctx.database.transaction() as session:
        await governance.shared_stop_locks(session, "bot")
        holds.set()
        while not until.is_set():
            await passing(session, 1)


async def test_only_what_is_in_the_way_is_cut_off(world: World, new_database: NewDatabase) -> None:
    """Not a step of another bot, nor one of a bot of that name in another database."""
    elsewhere, holds, stopped = Database(await new_database()), asyncio.Event(), asyncio.Event()
    async with elsewhere.transaction() as far, world.ctx.database.transaction() as beside:
        await governance.shared_stop_locks(far, "bot")
        await governance.shared_stop_locks(beside, "other-bot")
        cut_off = asyncio.ensure_future(hanging(world, holds, stopped))
        async with asyncio.timeout(30):
            while not holds.is_set():
                await passing(beside, 1)
                await passing(far, 1)
        pressed = asyncio.ensure_future(world.suspend())
        while not pressed.done():
            await passing(beside, 1)
            await passing(far, 1)
        stopped.set()
    with pytest.raises(Unavailable):
        await cut_off
    assert (await pressed)["suspended_at"]
    await elsewhere.close()


async def test_bots_whose_locks_are_one_are_two_all_the_same(world: World) -> None:
    """The second key of an advisory lock has 32 bits."""
    [[one, other]] = await sql(
        world,
        """select min('b' || n), max('b' || n) from generate_series(1, 200000) n
           group by hashtext('b' || n) having count(*) > 1 limit 1""",
    )
    await sql(world, "insert into bot (id) values (:one), (:other)", one=one, other=other)
    async with world.ctx.database.transaction() as session:
        await governance.shared_stop_locks(session, other)
    await stop.suspend_in_emergency(world.ctx.database, one, "It runs amok", "os:root@host")
    assert (await suspended(world, one), await suspended(world, other)) == (True, False)


# Kept out.


async def test_who_may_not_stop_does_not_use_up_the_connections(world: World) -> None:
    """Any stolen token would do: each call had a connection of its own before it was known whose it is."""
    flood = [asyncio.ensure_future(world.suspend("zoe")) for _ in range(300)]
    async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(30), reraise=True):
        with attempt:
            assert any(one.done() for one in flood)
    try:
        assert (await world.suspend("ivan"))["suspended_at"]
    finally:
        refused = await asyncio.gather(*flood, return_exceptions=True)
    assert {type(one).__name__ for one in refused} <= {"Forbidden", "RateLimited"}


@asynccontextmanager
async def over_a_small_pool(world: World, api: Api, url: str) -> AsyncIterator[tuple[httpx.AsyncClient, Database]]:
    """The API with a single connection to the database for all that may wait."""
    pool = Database(url, pool_size=1)
    services = replace(world.services, ctx=replace(world.ctx, database=pool))
    app = create_app(services, api.app.state.door.authenticator, ready=partial(readiness, services), docs=False)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE, timeout=60) as http:
        yield http, pool
    await pool.close()


async def test_a_busy_pool_does_not_keep_the_stop_out(world: World, api: Api, database_url: str) -> None:
    """A hijacked bot sees to it that it is."""
    async with over_a_small_pool(world, api, database_url) as (http, pool):
        async with pool.transaction() as busy:
            pressed = asyncio.ensure_future(
                http.post("/v1/bots/bot/suspend", json={"reason": "x"}, headers=api.person("ivan"))
            )
            for _ in range(30):
                await passing(busy, 1)
                if pressed.done():
                    break
            in_time = pressed.done()
        assert (await pressed).status_code == 200
    assert in_time


async def test_a_long_history_does_not_slow_the_stop(world: World) -> None:
    """Under the switch only what is in flight is read, not all attempts that were ever made."""
    shown = await lost(world, "do.moderate")
    await sql(
        world,
        """insert into execution_attempt (request_id, n, owner, started_at, finished_at, outcome, holds_key)
           select :id, n, 'one', now(), now(), 'succeeded', false from generate_series(1, 20000) n""",
        id=id_of(shown),
    )
    await sql(world, "analyze execution_attempt")
    read_so_far = "select seq_tup_read from pg_stat_xact_user_tables where relname = 'execution_attempt'"
    async with world.ctx.database.transaction() as session:
        await session.execute(text("set local max_parallel_workers_per_gather = 0"))
        before = (await session.execute(text(read_so_far))).scalar_one()
        for bot in ("bot", None):
            await stops.in_flight(session, bot)
        scanned = (await session.execute(text(read_so_far))).scalar_one() - before
    await sql(world, "delete from execution_attempt where request_id = :id", id=id_of(shown))
    assert scanned < 1000


async def test_many_reads_under_way_do_not_make_the_entry_large(world: World) -> None:
    """A hijacked bot starts thousands; at 150,000 it took so long to write down that the stop itself was cut off."""
    shown = await lost(world, "look.up", "allow")
    await sql(
        world,
        """insert into execution_attempt (request_id, n, owner, started_at, holds_key)
           select :id, n, 'one', now(), false from generate_series(1, 5000) n""",
        id=id_of(shown),
    )
    answer = await world.suspend()
    await sql(world, "delete from execution_attempt where request_id = :id", id=id_of(shown))
    assert len([one for one in answer["in_flight"] if one["request_id"] == shown["id"]]) == 5000
    last = "select octet_length(body) from entry where stream = 'bot:bot' order by n desc limit 1"
    assert (await sql(world, last))[0][0] < 100_000


async def test_a_database_that_is_not_there_is_said_so(database_url: str) -> None:
    url = make_url(database_url).set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(Unavailable):
        await stop.suspend_in_emergency(Database(url), "bot", "It runs amok", "os:root@host")


async def test_a_database_that_says_nothing_is_given_up() -> None:
    """A network that swallows everything: who presses must hear of it soon, and try another way."""
    silent = asyncio.Event()

    async def swallow(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silent.wait()
        writer.close()

    async with await asyncio.start_server(swallow, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        database = Database(f"postgresql+asyncpg://nobody@127.0.0.1:{port}/nowhere")
        try:
            with pytest.raises(Unavailable):
                async with asyncio.timeout(10):
                    await stop.suspend_in_emergency(database, "bot", "It runs amok", "os:root@host")
        finally:
            silent.set()


# What it ends, and what it seems to.


async def test_what_has_started_never_reads_as_revoked(world: World) -> None:
    """Somebody looks; between the row and the stops that they read, it starts, and the bot is stopped."""
    shown = await lost(world, "do.moderate", "allow")
    async with world.ctx.database.transaction() as session:
        row = await requests.by_id(session, id_of(shown))
        assert row is not None
        assert row.status == "approved"
        assert (await start(world.ctx, id_of(shown), "one")).go is not None
        answer = await world.suspend()
        assert shown["id"] in [one["request_id"] for one in answer["in_flight"]]
        seen = await view(world.ctx, session, await world.ctx.rules.in_force(session), world.person("anya"), row)
    assert seen["status"] != "revoked"


async def test_what_a_stop_has_revoked_is_not_cancelled_after(world: World) -> None:
    """It read `revoked`, which is final, though nobody had recorded it yet."""
    old = await world.ask("do.moderate")
    await world.suspend()
    assert (await world.look(old))["status"] == "revoked"
    request = await resumption(world, "ivan")
    await vote(world, "ada", request)
    await start(world.ctx, id_of(request), "one")
    assert (await world.ask("do.moderate", supersedes=old["id"]))["status"] == "held"
    assert (await world.look(old))["status"] == "revoked"
    assert (await world.kinds(old))[-1] == "revoked"


async def test_a_stop_against_a_resumption_that_runs_ends_in_a_stop(world: World) -> None:
    """Whichever comes first: the one voids the other, or comes after it."""
    for _ in range(5):
        await world.suspend()
        request = await resumption(world, "ivan")
        await vote(world, "ada", request)
        await asyncio.gather(start(world.ctx, id_of(request), "one"), world.suspend("nora"))
        assert await suspended(world)
        assert (await world.row(request)).status in ("succeeded", "revoked")


async def test_two_resumptions_at_once_are_one(world: World) -> None:
    await world.suspend()
    both = [await resumption(world, who) for who in ("ivan", "nora")]
    for request in both:
        await vote(world, "ada", request)
    await asyncio.gather(*(start(world.ctx, id_of(request), "one") for request in both))
    assert not await suspended(world)
    assert {(await world.row(request)).status for request in both} <= {"succeeded", "failed"}


# Who is who.


@pytest.mark.parametrize(
    "who",
    [
        Actor("bot", "bot", "client:bot-client", Level.CLICK),
        Actor("bot", "ivan", "client:ivan", Level.CLICK),
        Actor("target", "desk", "client:desk", Level.CLICK),
        Actor("unlinked", None, "oidc:https://id.test#ivan", Level.STRONG),
    ],
    ids=["the bot", "a bot called like a responder", "a target", "an account of nobody"],
)
async def test_only_people_stop_resume_and_undo(world: World, who: Actor) -> None:
    services = world.services
    for bot in ("bot", None):
        with pytest.raises(Forbidden):
            await stop.suspend(services, who, bot, "x")
        with pytest.raises(Forbidden):
            await changes.resume(services, who, bot, None, "x")
    with pytest.raises(Forbidden):
        await changes.ask_change(services, who, "key", action="interlock.nothing", parameters={}, reason="x")
    with pytest.raises(Forbidden):
        await rollback.roll_back(services, who, id_of(await lost(world, "do.high")), "key", "x")


async def test_a_person_called_like_the_bot_is_not_the_bot(world: World, rules: Path) -> None:
    people = (rules / "people.yaml").read_text()
    (rules / "people.yaml").write_text(people.replace("  - {id: zoe,", "  - {id: bot, name: Bott}\n  - {id: zoe,", 1))
    await install(world.ctx, rules, replace=True, by="ada")
    asked = await world.ask("do.moderate", "one-key")
    await world.suspend()
    resuming = await changes.resume(world.services, world.person("bot"), "bot", "one-key", "I am well")
    assert resuming.created
    assert resuming.view["id"] != asked["id"]
    with pytest.raises(NotFound):
        await read.read(world.services, world.bot(), id_of(resuming.view))
    with pytest.raises(NotFound):
        await read.read(world.services, world.person("bot"), id_of(asked))
    with pytest.raises(Forbidden):
        await world.say("bot", resuming.view)


async def test_a_bot_that_may_everything_may_nothing_of_interlocks_own(world: World, api: Api, rules: Path) -> None:
    """What undoes is an action like any other to it: held under its own plan, and no rollback."""
    await with_rules(world, rules, '["do.*", "look.*"]', '["*"]')
    for action in ("interlock.bots.resume", "interlock.installation.resume"):
        with pytest.raises(UnknownAction):
            await world.ask(action, parameters={"bot": "bot"})
    original = await lost(world, "do.high")
    asked = await world.ask("undo.well", thing=f"{original['parameters']['thing']}-undone")
    assert (asked["kind"], asked["status"], asked["reverses"], asked["plan"]["name"]) == (
        "action",
        "held",
        None,
        "undo",
    )
    body = {"action": "interlock.bots.resume", "parameters": {"bot": "bot"}, "reason": "x"}
    told = await api.http.post("/v1/governance-requests", json=body, headers=api.client() | a_key())
    assert told.status_code == 403


# Rules about it.


@pytest.mark.parametrize(
    "when",
    [
        'action.name == "interlock.bots.resume"',
        'action.name.startsWith("interlock")',
        'action.name.matches("interlock[.]bots[.].*")',
    ],
)
async def test_a_rule_about_changes_is_heard_however_it_is_spelled(world: World, rules: Path, when: str) -> None:
    await with_rules(world, rules, "\nplans:\n", a_rule(when))
    await world.suspend()
    request = await resumption(world, "ivan")
    assert [stage["group"] for stage in request["plan"]["stages"]] == ["interlock:resume:bot", "leads"]


async def test_a_change_that_there_is_not_is_named(rules: Path) -> None:
    """As every other name that there is not: such a rule never matches, and nobody notices."""
    source = (rules / "desk.yaml").read_text()
    (rules / "desk.yaml").write_text(source.replace("\nplans:\n", a_rule('action.name == "interlock.bot.resume"'), 1))
    assert check(rules)
