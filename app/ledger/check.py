"""Checking a whole database: the ledger against its signed heads, and the tables against the ledger.

Shares only pure functions with what writes: `app.domain.ledger`, `tree`, `note`, `sealed`, `derived`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import auditing
from app.domain.clocks import rfc3339
from app.domain.derived import Derived, derive
from app.domain.ledger import LedgerFinding
from app.domain.note import NoteInvalid, VerifierKey
from app.domain.sealed import Head, Walk, window
from app.ledger.notes import opened


@dataclass(slots=True)
class Checked:
    """What was looked at. ``anchored``: the newest size that an anchor speaks for; ``open``: entries after it."""

    entries: int = 0
    leaves: int = 0
    checkpoints: int = 0
    notes: int = 0
    requests: int = 0
    anchored: int = 0
    open: int = 0


@dataclass(slots=True)
class Check:
    """One check of a database. ``anchors``: by name, the notes that each holds, or why that cannot be told.

    ``keys``: of the log, as whoever checks has them from elsewhere; the database's own word for them counts nothing.
    """

    keys: Sequence[VerifierKey]
    anchors: Mapping[str, Sequence[str] | str]
    done: Checked = field(default_factory=Checked)

    async def run(self, connection: AsyncConnection) -> AsyncIterator[LedgerFinding]:
        """All that is wrong; afterwards ``done`` says what was looked at. ``connection``: sees one moment."""
        async for finding in self._ledger(connection):
            yield finding
        async for finding in self._tables(connection):
            yield finding

    async def _ledger(self, connection: AsyncConnection) -> AsyncIterator[LedgerFinding]:
        heads = list[Head]()
        for finding in self._heads_of_database(await auditing.checkpoints(connection), heads):
            yield finding
        anchored = list[Head]()
        for finding in self._heads_of_anchors(anchored):
            yield finding
        for finding in _given_up(
            await auditing.rows_of(connection, "anchored", "anchor, size"), self.anchors, anchored
        ):
            yield finding
        walk = Walk([*heads, *anchored], await auditing.kept(connection))
        async for row in auditing.leaves(connection):
            for finding in walk.leaf(row):
                yield finding
        for finding in walk.end():
            yield finding
        async for entry in auditing.open_entries(connection):
            for finding in walk.open_entry(entry):
                yield finding
        self.done.entries, self.done.leaves = walk.entries, walk.size
        self.done.checkpoints, self.done.notes = len(heads), len(anchored)
        self.done.anchored, self.done.open = window(walk.size, walk.entries, anchored)

    def _heads_of_database(
        self, rows: Sequence[tuple[str, int, bytes, str]], heads: list[Head]
    ) -> Iterator[LedgerFinding]:
        for origin, size, root, note in rows:
            where = f"checkpoint {size}"
            try:
                head = opened(note, self.keys)
            except NoteInvalid as error:
                yield LedgerFinding(where, str(error))
                continue
            if (head.origin, head.size, head.root) != (origin, size, root):
                yield LedgerFinding(where, f"its row says otherwise than its note, {head.origin} {head.size}")
            heads.append(Head(where, head))

    def _heads_of_anchors(self, heads: list[Head]) -> Iterator[LedgerFinding]:
        for name, notes in sorted(self.anchors.items()):
            if isinstance(notes, str):
                yield LedgerFinding(f"anchor {name}", f"it cannot be read: {notes}")
                continue
            for n, note in enumerate(notes, start=1):
                try:
                    head = opened(note, self.keys)
                except NoteInvalid as error:
                    yield LedgerFinding(f"anchor {name}, note {n}", str(error))
                    continue
                heads.append(Head(_place(name, head.size), head))

    async def _tables(self, connection: AsyncConnection) -> AsyncIterator[LedgerFinding]:
        rows = await _rows(connection)
        async for stream, bodies in auditing.request_bodies(connection):
            id_ = auditing.request_id(stream)
            told = derive(_parsed(bodies))
            row = None if id_ is None else rows.pop(id_, None)
            if told is None:
                yield LedgerFinding(stream, "it does not begin with an admission")
            elif row is None:
                yield LedgerFinding(stream, "its entries tell of a request that has no row")
            else:
                for what in told.differences(row):
                    yield LedgerFinding(f"row request {id_}", what)
            self.done.requests += 1
        for id_ in sorted(rows):
            yield LedgerFinding(f"row request {id_}", "the ledger has no entries of it")


def _place(anchor: str, size: int) -> str:
    return f"anchor {anchor}, checkpoint {size}"


def _given_up(
    taken: Sequence[Any], anchors: Mapping[str, Sequence[str] | str], heads: Sequence[Head]
) -> Iterator[LedgerFinding]:
    """Checkpoints that an anchor took and no longer holds."""
    held = {head.where for head in heads}
    for name, size in sorted(taken):
        if not isinstance(anchors.get(name, ""), str) and _place(name, size) not in held:
            yield LedgerFinding(_place(name, size), "it took that, and does not hold it any more")


def _parsed(bodies: Sequence[bytes]) -> list[dict[str, Any]]:
    """What can be read of them; what cannot was found before."""
    found = list[dict[str, Any]]()
    for body in bodies:
        try:
            value = json.loads(body)
        except ValueError:
            continue
        if isinstance(value, dict) and isinstance(value.get("facts"), dict) and "kind" in value:
            found.append(value)
    return found


_REQUEST = (
    "id, kind, action, action_version, environment, digest, body_hash, parent, supersedes, expires_at, asker_kind,"
    " asker_id, status, policy_version"
)
_NO_ENTRY = ("no-outcome", "not-reported")
"""Outcomes of attempts that no entry tells but the request's own."""


async def _rows(connection: AsyncConnection) -> dict[uuid.UUID, Derived]:
    """What the tables say of each request."""
    pids = await auditing.pids(connection)
    found = {row.id: _row(row, pids) for row in await auditing.rows_of(connection, "request", _REQUEST)}
    for row in await auditing.rows_of(connection, "decision", "id, request_id, person_id, say, standing"):
        found[row.request_id].decisions[str(row.id)] = (pids.get(row.person_id, ""), row.say, row.standing)
    for row in await auditing.rows_of(connection, "execution_attempt", "request_id, n, grant_hash, outcome"):
        outcome = None if row.outcome in _NO_ENTRY else row.outcome
        found[row.request_id].attempts[row.n] = (row.grant_hash, outcome)
    for row in await auditing.rows_of(connection, "settlement", "request_id, person_id, status"):
        found[row.request_id].settlements[pids.get(row.person_id, "")] = row.status
    return found


def _row(row: Any, pids: Mapping[str, str]) -> Derived:
    admitted = {
        "kind": row.kind,
        "action": row.action,
        "action_version": row.action_version,
        "environment": row.environment,
        "digest": row.digest,
        "body_hash": row.body_hash,
        "parent": row.parent and str(row.parent),
        "supersedes": row.supersedes and str(row.supersedes),
        "expires_at": rfc3339(row.expires_at),
    }
    asker = row.asker_id if row.asker_kind == "bot" else pids.get(row.asker_id)
    return Derived(admitted, (row.asker_kind, asker), row.status, row.policy_version)
