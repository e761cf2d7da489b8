"""NOTIFY and LISTEN: how one process tells others that a request may have changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
from sqlalchemy import func, make_url, select
from sqlalchemy.ext.asyncio import AsyncSession
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

log = logging.getLogger(__name__)

CHANNEL = "interlock_request"
"""The payload is the id of a request that may have changed."""

ALIVE_EVERY = 15.0
"""Seconds between two looks at whether a silent connection still is one."""
ANSWER_WITHIN = 5.0
_LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
_OF_SQLALCHEMY = ("prepared_statement_cache_size", "prepared_statement_name_func", "async_fallback")


@asynccontextmanager
async def listen(database_url: str, channel: str, on_payload: Callable[[str], None]) -> AsyncIterator[None]:
    """Call ``on_payload`` for what others notify, while the block runs, over one direct connection.

    A lost connection is made again, for as long as it takes: what was told meanwhile is lost, so a listener that must
    not miss it looks for itself now and then. Entering waits for nothing: the database may be down.
    ``database_url``: as SQLAlchemy takes it. Source: PostgreSQL, LISTEN; not through a transaction-pooling proxy.
    """
    task = asyncio.create_task(_listen_forever(connect_arguments(database_url), channel, on_payload))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def notify(session: AsyncSession, channel: str, payload: str) -> None:
    """Tell all who listen, when the session's transaction commits."""
    await session.execute(select(func.pg_notify(channel, payload)))


def connect_arguments(database_url: str) -> dict[str, Any]:
    """What `asyncpg.connect` takes for an SQLAlchemy URL, ``?host=/socket/directory`` included."""
    url = make_url(database_url)
    _, arguments = url.get_dialect()().create_connect_args(url)
    return {name: value for name, value in arguments.items() if name not in _OF_SQLALCHEMY}


async def _listen_forever(arguments: dict[str, Any], channel: str, on_payload: Callable[[str], None]) -> None:
    while True:
        waiting = wait_random_exponential(multiplier=0.1, max=5)
        async for attempt in AsyncRetrying(wait=waiting, retry=retry_if_exception_type(_LOST)):
            with attempt:
                connection = await asyncpg.connect(**arguments, timeout=ANSWER_WITHIN)
        try:
            await _listen(connection, channel, on_payload)
        except _LOST as error:
            log.warning("listening on %s: connection lost (%s), connecting again", channel, type(error).__name__)
        finally:
            connection.terminate()


async def _listen(connection: Any, channel: str, on_payload: Callable[[str], None]) -> None:
    """Until the connection is lost: it closes, or does not answer in time. Raises one of ``_LOST``."""
    closed = asyncio.Event()
    connection.add_termination_listener(lambda _: closed.set())
    await connection.add_listener(channel, lambda _connection, _pid, _channel, payload: on_payload(payload))
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(closed.wait(), ALIVE_EVERY)
            raise ConnectionResetError
        await connection.execute("select 1", timeout=ANSWER_WITHIN)
