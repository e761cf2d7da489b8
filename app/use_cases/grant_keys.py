"""Rotating the grant keys: by whoever may write the key files, and on the ledger."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import ledger
from app.db.session import Database, DatabaseRefused
from app.domain.clocks import rfc3339
from app.domain.errors import InterlockError
from app.grants.rotation import Change, advance, alone, put, replace, ring_file, staged
from app.steps.context import DatabaseClock

STREAM = "installation"


async def rotate(database: Database, directory: Path, by: str) -> Change:
    """Let the next key sign from now on, and publish a new next one. ``by``: ``os:user@host``, as the ledger names it.

    First the entry, then the file: without a database nothing is rotated; killed in between, an entry tells of keys
    that are not in use. Raises TooSoon, KeysInvalid, Unavailable.
    """
    with alone(directory), ExitStack() as kept:
        document = ring_file(directory)
        async with database.urgent() as session:
            await ledger.lock_stream(session, STREAM)
            now = await DatabaseClock().now(session)
            change = advance(document, now)
            written = kept.enter_context(staged(directory, change))
            await _tell(session, change, by, now)
        put(directory, written)
        return change


async def replace_all(database: Database, directory: Path, by: str) -> tuple[Change, str | None]:
    """Put all keys away at once, for one was stolen; and why the ledger was not told of it, if it was not.

    First the file: nobody waits for a database with a stolen key in use. Raises KeysInvalid.
    """
    with alone(directory):
        now = datetime.now(UTC)
        change = replace(directory, now)
        with staged(directory, change) as written:
            put(directory, written)
    try:
        async with database.urgent() as session:
            await ledger.lock_stream(session, STREAM)
            await _tell(session, change, by, now)
    except (InterlockError, DatabaseRefused) as error:
        return change, str(error)
    return change, None


async def _tell(session: AsyncSession, change: Change, by: str, now: datetime) -> None:
    facts = {"person": None, "by": by, "via": "cli", "done_at": rfc3339(now), **change.kids}
    await ledger.append(session, STREAM, change.kind, await DatabaseClock().now(session), facts)
