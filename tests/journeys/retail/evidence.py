"""What database and ledger say of the journey, read afterwards."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from app.db.session import Database
from app.db.tables import Entry, Person, Request
from app.domain.ledger import Stored, verify_stream
from tests.fakes.retail import direct
from tests.journeys.retail.conversations import Call, Json
from tests.journeys.retail.place import Place


@dataclass(frozen=True, slots=True)
class Written:
    """An entry, and its place in the order in which all entries were written."""

    order: int
    stored: Stored

    @property
    def body(self) -> Json:
        """What it says."""
        said: Json = json.loads(self.stored.body)
        return said


Ledger = dict[str, list[Written]]


async def ledger(database: Database) -> Ledger:
    """Every stream's entries, in order."""
    found: Ledger = defaultdict(list)
    async with database.transaction() as session:
        rows = await session.execute(
            select(Entry.id, Entry.stream, Entry.n, Entry.body).order_by(Entry.stream, Entry.n)
        )
    for row in rows:
        found[row.stream].append(Written(row.id, Stored(row.stream, row.n, row.body)))
    return found


def defects(entries: Ledger) -> list[str]:
    """What is wrong with any stream."""
    found = [finding for stream, written in entries.items() for finding in verify_stream(stream, _stored(written))]
    return [f"{finding.where}: {finding.what}" for finding in found]


def _stored(written: Sequence[Written]) -> list[Stored]:
    return [one.stored for one in written]


async def rows(database: Database) -> dict[str, Request]:
    """Every request's row."""
    async with database.transaction() as session:
        return {str(row.id): row for row in await session.scalars(select(Request))}


async def names(database: Database) -> dict[str, str]:
    """Who is behind each pid."""
    async with database.transaction() as session:
        return {str(row.pid): row.id for row in await session.scalars(select(Person))}


@dataclass(frozen=True, slots=True)
class Execution:
    """A call that was run, and the places of its start and its end in the order in which all entries were written."""

    call: Call
    started: int
    finished: int


def executions(entries: Ledger, calls: Sequence[Call]) -> list[Execution]:
    """The calls in the order in which their executions started, each once.

    By the entries' ids: an identity column gives its numbers in the order of the inserts. Whoever starts on a key
    inserts only after it has seen the key free, hence after the one before has committed its start and its end; so for
    any order of the shop this is the order of the effects. Times would not do: a start reads the clock as it locks its
    request's row, which may be before the execution ends that it then waits for; nor transaction ids, given out then,
    too. Between different orders the numbers need not follow the effects, and nothing depends on it, but where they
    share a gift card: see `sharing_a_gift_card`.
    """
    found = []
    for call in calls:
        stream = entries[f"request:{call.request_id}"]
        (started,), (finished,) = (
            [written.order for written in stream if written.body["kind"] == kind]
            for kind in ("started", "attempt-finished")
        )
        found.append(Execution(call, started, finished))
    return sorted(found, key=lambda execution: execution.started)


def refused(stream: Sequence[Written]) -> set[str]:
    """The invariants by which somebody was refused on a request."""
    bodies = [written.body for written in stream]
    return {name for body in bodies if body["kind"] == "refused" for name in body["facts"]["violations"]}


def unapproved(stream: Sequence[Written], who: dict[str, str]) -> list[str]:
    """By which stages of its plan a request was not released when it started; empty when all is well."""
    bodies = [written.body for written in stream]
    admitted = bodies[0]["facts"]
    votes: dict[str, set[str]] = defaultdict(set)
    for body in bodies[: [body["kind"] for body in bodies].index("started")]:
        if body["kind"] == "decided" and body["facts"]["decision"] == "approve":
            votes[body["facts"]["stage"]].add(body["facts"]["person"])
    found = []
    for stage in admitted["plan"]["stages"]:
        members = {pid for group in stage["groups"] for pid in admitted["members"][group]}
        cast = votes[stage["name"]]
        if len(cast & members) < stage["quorum"] or cast - members:
            found.append(f"{stage['name']}: {sorted(who[pid] for pid in cast)}")
    return found


async def replayed(where: Place, calls: Sequence[Call]) -> tuple[list[tuple[int, Json]], dict[str, list[Json]]]:
    """What the shop answers when the calls are made straight on a fresh copy, one by one; and its tables after that."""
    answers = []
    async with where.databases.engine(where.fresh) as database, database.begin() as conn:
        for call in calls:
            answers.append(await direct.apply(conn, call.tool.name, call.arguments))  # noqa: PERF401  one by one
        return answers, await direct.snapshot(conn)
