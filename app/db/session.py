"""One transaction per step: begun here, committed here, nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool

from app.db import outbox
from app.domain.errors import Unavailable, Unconfirmed

STEP_TIMEOUTS = {
    "lock_timeout": "2s",
    "statement_timeout": "2s",
    "idle_in_transaction_session_timeout": "1s",
    "application_name": "interlock",
}
"""A step that waits longer than this fails and is repeated, so that nobody holds a lock for long."""

URGENT_TIMEOUTS = {
    **STEP_TIMEOUTS,
    "lock_timeout": "10s",
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "5s",
}
"""The stop switch waits longer: it is first in the queue, and ends the sessions that it waits for."""

SILENCE = {"timeout": 5, "command_timeout": 12}
"""Seconds after which a database that says nothing is given up, which no timeout of its own reaches."""

OURS = (IntegrityError, ProgrammingError, DataError)
"""What the database says when it answers and we have asked the wrong thing: defects, not outages."""


class DatabaseRefused(Exception):
    """We have asked the wrong thing. Says what, and never with which values: they would end in logs.

    Raised without its cause, whose text has them: asyncpg quotes arguments, PostgreSQL the row that it refuses.
    """

    def __init__(self, error: BaseException) -> None:
        """``error``: SQLAlchemy's, with its statement."""
        state = getattr(getattr(error, "orig", None), "sqlstate", None)
        statement = getattr(error, "statement", None)
        super().__init__(f"a statement was refused: {type(error).__name__}, SQLSTATE {state}\n{statement}")


def _is_ours(error: BaseException) -> bool:
    """Besides `OURS`, all values that the database cannot take (class 22): asyncpg's dialect has no class for them."""
    state = str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
    return isinstance(error, OURS) or state.startswith("22")


class Database:
    """The pool of one process."""

    def __init__(self, url: str, *, pool_size: int = 20) -> None:
        """``url``: an SQLAlchemy URL with asyncpg. Connects at first use."""
        self._engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=5,
            connect_args={"server_settings": STEP_TIMEOUTS},
            hide_parameters=True,  # they would stand in messages of errors, and so in logs
        )
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self._beside = create_async_engine(
            url,
            poolclass=NullPool,
            connect_args={"server_settings": URGENT_TIMEOUTS, **SILENCE},
            hide_parameters=True,
        )
        self._urgent = async_sessionmaker(self._beside, expire_on_commit=False)

    @asynccontextmanager
    async def urgent(self) -> AsyncIterator[AsyncSession]:
        """As `transaction`, on a connection of its own, whatever the pool is busy with: for the stop switch."""
        async with self._transaction(self._urgent) as session:
            yield session

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A READ COMMITTED transaction: committed when the block ends, rolled back when it raises.

        Raises Unavailable when the database does not answer, or not within the timeouts of a step; Unconfirmed when the
        commit was sent and its answer lost; DatabaseRefused for what only a defect of ours explains.
        """
        async with self._transaction(self._sessions) as session:
            yield session

    @asynccontextmanager
    async def _transaction(self, sessions: async_sessionmaker[AsyncSession]) -> AsyncIterator[AsyncSession]:
        try:
            async with sessions() as session:
                yield session
                await outbox.write_marks(session)
                await self._commit(session)
        except (DBAPIError, PoolTimeout, OSError) as error:
            if _is_ours(error):
                raise DatabaseRefused(error) from None
            raise Unavailable("The database does not answer; nothing was recorded. Try again.") from error

    async def _commit(self, session: AsyncSession) -> None:
        try:
            await session.flush()
            await session.commit()
        except (DBAPIError, OSError) as error:
            if _is_ours(error):
                raise
            raise Unconfirmed(
                "The database did not confirm: it may be recorded; sending it again counts once."
            ) from error

    async def close(self) -> None:
        """Give the connections back."""
        await self._engine.dispose()
        await self._beside.dispose()
