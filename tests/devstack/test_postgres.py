"""The embedded PostgreSQL: comes up, keeps its data, is alone, and recovers after a kill."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.devstack import AlreadyRunning, PartFailed, Postgres, StackError
from tests.devstack.waiting import gone


async def run(url: str, statement: str) -> object:
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        result = await connection.execute(text(statement))
        return result.scalar() if result.returns_rows else None


async def test_data_outlive_a_restart(place: Path) -> None:
    async with Postgres.start(place / "pg") as server:
        await server.create_database("shop")
        await run(server.url("shop"), "CREATE TABLE held (id int)")
        first = server.pid
    assert gone(first)
    async with Postgres.start(place / "pg") as server:
        assert server.pid != first
        assert await run(server.url("shop"), "SELECT count(*) FROM held") == 0


async def test_it_syncs_sorts_alike_everywhere_and_listens_on_no_network(place: Path) -> None:
    async with Postgres.start(place) as server:
        assert await run(server.url(), "SHOW fsync") == "on"
        assert await run(server.url(), "SHOW listen_addresses") == ""
        assert await run(server.url(), "SHOW timezone") == "UTC"
        locale = "SELECT concat(datlocprovider, datlocale) FROM pg_database WHERE datname = 'template1'"
        assert await run(server.url(), locale) == "bC.UTF-8"
        assert stat.S_IMODE((place / "socket").stat().st_mode) == 0o700


async def test_databases_are_made_copied_and_dropped(place: Path) -> None:
    async with Postgres.start(place) as server:
        await server.create_database("template_shop")
        await run(server.url("template_shop"), "CREATE TABLE held AS SELECT 1 AS id")
        await server.create_database("copy", template="template_shop")
        assert await run(server.url("copy"), "SELECT id FROM held") == 1
        await server.create_database("copy", exists_ok=True)
        with pytest.raises(ProgrammingError, match="already exists"):
            await server.create_database("copy")
        await server.drop_database("copy")
        await server.drop_database("copy")
        with pytest.raises(DBAPIError, match="does not exist"):
            await run(server.url("copy"), "SELECT 1")


async def test_a_database_name_cannot_smuggle_sql(place: Path) -> None:
    with pytest.raises(ValueError, match="no database name"):
        await Postgres(place).create_database('x"; DROP DATABASE postgres; --')


async def test_a_directory_with_a_long_strange_name_works_and_leaves_nothing_elsewhere(place: Path) -> None:
    async with Postgres.start(place / ('long name, 100% "odd" ' + "x" * 90)) as server:
        assert await run(server.url(), "SELECT 1") == 1
        sockets = await run(server.url(), "SHOW unix_socket_directories")
    assert not os.access(str(sockets).strip('"'), os.F_OK)


async def test_the_second_server_on_a_directory_is_refused_and_the_first_lives(place: Path) -> None:
    async with Postgres.start(place) as server:
        with pytest.raises(AlreadyRunning):
            async with Postgres.start(place):
                pass
        assert await run(server.url(), "SELECT 1") == 1


async def test_it_is_launched_again_after_a_kill(place: Path) -> None:
    server = Postgres(place)
    child = await server.launch()
    try:
        await run(server.url(), "CREATE TABLE held AS SELECT 7 AS id")
        os.kill(child.pid, signal.SIGQUIT)  # "immediate": what is not on disk is lost, as in a crash
        await child.exited()
        assert (await server.launch()).pid == server.pid != child.pid
        assert await run(server.url(), "SELECT id FROM held") == 7
    finally:
        await server.stop()


def left_behind(place: Path) -> int:
    """The pid of a postmaster that serves ``place`` without a supervisor."""
    code = (
        "import asyncio, os, sys; from pathlib import Path; from app.devstack import Postgres\n"
        "async def main():\n"
        "    server = Postgres(Path(sys.argv[1])); await server.launch(); print(server.pid, flush=True); os._exit(9)\n"
        "import app.devstack.process as process; process._tether = lambda _: None\n"
        "asyncio.run(main())"
    )
    left = subprocess.run([sys.executable, "-c", code, str(place)], check=False, stdout=subprocess.PIPE, text=True)
    return int(left.stdout)


async def test_a_server_left_behind_is_ended_though_nothing_but_its_own_note_names_it(place: Path) -> None:
    orphan = left_behind(place)
    assert not gone(orphan)
    (place / "postgres.process").unlink()
    async with Postgres.start(place) as server:
        assert gone(orphan)
        assert await run(server.url(), "SELECT 1") == 1


async def test_a_note_of_a_postmaster_whose_pid_went_to_another_does_not_hinder(place: Path) -> None:
    async with Postgres.start(place):
        pass
    note = f"{os.getpid()}\n{place / 'pgdata'}\n1\n5432\n{place / 'socket'}\n\n  1 1\nready\n"
    (place / "pgdata" / "postmaster.pid").write_text(note)
    async with Postgres.start(place) as server:
        assert await run(server.url(), "SELECT 1") == 1


async def test_half_a_cluster_is_made_anew(place: Path) -> None:
    (place / "pgdata.new").mkdir()
    (place / "pgdata.new" / "PG_VERSION").write_text("18")
    async with Postgres.start(place) as server:
        assert await run(server.url(), "SELECT 1") == 1


async def test_data_of_another_version_say_so(place: Path) -> None:
    async with Postgres.start(place):
        pass
    (place / "pgdata" / "PG_VERSION").write_text("12")
    with pytest.raises(PartFailed, match="initialized by PostgreSQL version 12"):
        async with Postgres.start(place):
            pass
    with pytest.raises(StackError, match="not running"):
        _ = Postgres(place).pid
