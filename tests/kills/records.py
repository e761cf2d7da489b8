"""What the database says of a request, by plain SQL: nothing of the code that wrote it is in between."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg

from app.domain.ledger import Stored

ROWS = """select id::text, action, mode, status, due_at, expires_at, has_workflow, clock_timestamp() as read_at
    from request where id = any($1::uuid[])"""
STATUSES = "select id::text, status from request where id = any($1::uuid[])"
ENTRIES = "select stream, n, body from entry where stream = any($1::text[]) order by stream, n"
DECISIONS = """select d.request_id::text, d.say, d.standing, d.person_id, p.pid::text
    from decision d join person p on p.id = d.person_id where d.request_id = any($1::uuid[])"""
ATTEMPTS = """select request_id::text, n, outcome, finished_at, holds_key
    from execution_attempt where request_id = any($1::uuid[]) order by n"""
UNTOLD = """
    select count(*) from outbox where version > told_version and request_id = any($1::uuid[]) and sink <> 'slack'
"""
"""Without Slack, its marks wait for the day when there is one."""


@dataclass(slots=True)
class Record:
    """One request: its row, its stream, what hangs on it, and the keys of the calls that its target received."""

    id: str
    row: dict[str, Any]
    stream: list[Stored] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    attempts: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        """The row's status."""
        return str(self.row["status"])

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The bodies of the stream."""
        return [json.loads(entry.body) for entry in self.stream]

    def of_kind(self, *kinds: str) -> list[dict[str, Any]]:
        """The facts of the entries of these kinds, in order."""
        return [entry["facts"] for entry in self.entries if entry["kind"] in kinds]

    def pid(self, person: str) -> str | None:
        """What the ledger calls a person who has decided."""
        return next((str(made["pid"]) for made in self.decisions if made["person_id"] == person), None)


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of its own: none that has seen the server die."""
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def statuses(dsn: str, ids: Collection[str]) -> dict[str, str]:
    """How these requests stand, and nothing else: this is asked again and again."""
    async with connected(dsn) as connection:
        return {row["id"]: row["status"] for row in await connection.fetch(STATUSES, list(ids))}


async def records(dsn: str, ids: Collection[str]) -> dict[str, Record]:
    """All that is known of these requests, in one snapshot; who is not there is left out."""
    async with connected(dsn) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        rows = await connection.fetch(ROWS, list(ids))
        found = {row["id"]: Record(row["id"], dict(row)) for row in rows}
        for line in await connection.fetch(ENTRIES, [f"request:{id_}" for id_ in ids]):
            found[line["stream"].removeprefix("request:")].stream.append(
                Stored(line["stream"], line["n"], line["body"])
            )
        for line in await connection.fetch(DECISIONS, list(ids)):
            found[line["request_id"]].decisions.append(dict(line))
        for line in await connection.fetch(ATTEMPTS, list(ids)):
            found[line["request_id"]].attempts.append(dict(line))
    return found


async def untold(dsn: str, ids: Collection[str]) -> int:
    """How many marks of the outbox wait to be told."""
    async with connected(dsn) as connection:
        return int(await connection.fetchval(UNTOLD, list(ids)))


async def clock(dsn: str) -> datetime:
    """The database's time."""
    async with connected(dsn) as connection:
        now: datetime = await connection.fetchval("select clock_timestamp()")
        return now
