"""LISTEN survives the loss of its connection."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from app.db.listen import CHANNEL, connect_arguments, listen, notify
from app.db.session import Database


async def tell_until_heard(database: Database, heard: asyncio.Queue[str], payload: str) -> None:
    """A listener may not be there yet: tell again until it is."""
    async with asyncio.timeout(20):
        while True:
            async with database.transaction() as session:
                await notify(session, CHANNEL, payload)
            try:
                while await asyncio.wait_for(heard.get(), 0.2) != payload:
                    pass
            except TimeoutError:
                continue
            return


async def test_it_hears_and_connects_again(database_url: str) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    database = Database(database_url)
    async with listen(database_url, CHANNEL, heard.put_nowait):
        await tell_until_heard(database, heard, "one")
        other = await asyncpg.connect(**connect_arguments(database_url))
        ended = await other.fetch("select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen %'")
        await other.close()
        assert len(ended) == 1
        await tell_until_heard(database, heard, "two")
    await database.close()


async def test_other_channels_are_not_ours(database_url: str) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    database = Database(database_url)
    async with listen(database_url, CHANNEL, heard.put_nowait):
        await tell_until_heard(database, heard, "one")
        while not heard.empty():
            heard.get_nowait()
        async with database.transaction() as session:
            await notify(session, "another", "x")
        await tell_until_heard(database, heard, "two")
    await database.close()


async def test_it_waits_for_a_database_that_is_not_there() -> None:
    async with listen("postgresql+asyncpg://nobody@127.0.0.1:9/none", CHANNEL, lambda _: None):
        await asyncio.sleep(0.3)


@pytest.mark.parametrize(
    ("url", "arguments"),
    [
        (
            "postgresql+asyncpg://user:p%40ss@db.example:6543/interlock",
            {"user": "user", "password": "p@ss", "host": "db.example", "port": 6543, "database": "interlock"},
        ),
        (
            "postgresql+asyncpg://postgres@/interlock?host=/run/socket",
            {"user": "postgres", "host": "/run/socket", "database": "interlock"},
        ),
        (
            "postgresql+asyncpg://u@h/d?prepared_statement_cache_size=0",
            {"user": "u", "host": "h", "database": "d"},
        ),
    ],
)
def test_urls(url: str, arguments: dict[str, Any]) -> None:
    assert connect_arguments(url) == arguments
