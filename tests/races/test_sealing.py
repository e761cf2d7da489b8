"""Sixteen writers at once, and sequencers that are killed and started again meanwhile: nothing is left unsealed.

Ten seconds; a minute with ``FULL_ROUNDS``.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.db import ledger, sealing
from app.domain.tree import Frontier
from app.keys import KeyRings, create_missing
from app.ledger.notes import opened, verifiers
from tests.conftest import NewDatabase
from tests.db.test_schema import connected
from tests.ledger.sealing import ORIGIN
from tests.races.sealer import sealers
from tests.races.stopping import rounds

WRITERS = 16
SHARED = 4
"""Streams that all write to."""
WITHIN = 2.0
"""Seconds after which no committed entry is without a leaf."""
HOLDERS = text("""
    select count(*) from pg_locks where locktype = 'advisory' and classid = :key and objid = 0 and granted
    and database = (select oid from pg_database where datname = current_database())
""")
LEAVES = text("""
    select l.index as place, e.stream, e.n, e.body from leaf l join entry e on e.id = l.entry_id order by l.index
""")
UNSEALED = text("select count(*) from entry e left join leaf l on l.entry_id = e.id where l.entry_id is null")


@dataclass(slots=True)
class Writing:
    """What the writers do until they are told to stop. ``written``: entries that were committed, by stream."""

    url: str
    chance: random.Random
    over: bool = False
    written: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    transactions: int = 0

    async def write(self, writer: int) -> None:
        """One transaction after another, of random length; one in ten is rolled back."""
        n = 0
        async with connected(self.url) as connection:
            while not self.over:
                n += 1
                await self._transaction(connection, f"request:{writer}-{n}")

    async def _transaction(self, connection: AsyncConnection, own: str) -> None:
        shared, count = f"bot:{self.chance.randrange(SHARED)}", self.chance.randint(1, 4)
        undone = self.chance.random() < 0.1
        now = datetime.now(UTC)
        async with AsyncSession(connection) as session:
            await ledger.extend(session, own, now, [("noted", {"n": n}) for n in range(count)])
            await session.execute(text("select pg_sleep(:for)"), {"for": self.chance.choice((0, 0.001, 0.01, 0.3))})
            if self.chance.random() < 0.5:
                await ledger.lock_stream(session, shared)
                await ledger.append(session, shared, "noted", now, {})
            else:
                shared = ""
            await (session.rollback() if undone else session.commit())
        if not undone:
            self.transactions += 1
            self.written[own] += count
            if shared:
                self.written[shared] += 1


async def test_sixteen_writers_and_sequencers_that_die(
    new_database: NewDatabase, tmp_path: Path, record_property: Callable[[str, str], None]
) -> None:
    """Two are started at once: one leads. The leader is killed: the other goes on. All are killed: the next do."""
    seconds, url, keys = rounds(10, 60), await new_database(), tmp_path / "keys"
    create_missing(keys)
    writing = Writing(url, random.Random(int(os.environ.get("RACE_SEED", "0"))))  # noqa: S311  not for secrets
    async with sealers(url, keys, tmp_path) as processes:
        await processes.start(2)
        await processes.one_leads()
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(_most_holders(url, writing))
            for writer in range(WRITERS):
                group.create_task(writing.write(writer))
            await asyncio.sleep(seconds / 3)
            await processes.kill(await processes.one_leads())
            await processes.start()
            await processes.one_leads()
            await asyncio.sleep(seconds / 3)
            await processes.kill(*(process for process, _ in processes.running))
            await processes.start(2)
            await processes.one_leads()
            await asyncio.sleep(seconds / 3)
            writing.over = True
        lag = await _lag(url)
    entries = await _check(url, keys, writing)
    assert watch.result() == 1
    assert lag < WITHIN
    record_property(
        "figure",
        f"{WRITERS} writers for {seconds} s: {entries} entries of {writing.transactions} transactions sealed, none"
        f" left out, the last {lag:.2f} s after its commit; 3 sequencers killed, never more than one led",
    )


async def _most_holders(url: str, writing: Writing) -> int:
    """How many sessions held the lock at once, at most."""
    most = 0
    async with connected(url) as connection:
        while not writing.over:
            found = await connection.execute(HOLDERS, {"key": sealing.SEQUENCER_LOCK})
            most = max(most, found.scalar_one())
            await connection.rollback()
            await asyncio.sleep(0.02)
    return most


async def _lag(url: str) -> float:
    """Seconds from now until there is a leaf for every entry, by the time at which the last head was signed."""
    async with connected(url) as connection:
        now = (await connection.execute(text("select clock_timestamp()"))).scalar_one()
        await connection.rollback()
        async for attempt in AsyncRetrying(stop=stop_after_delay(30), wait=wait_fixed(0.05), reraise=True):
            with attempt:
                unsealed = (await connection.execute(UNSEALED)).scalar_one()
                await connection.rollback()
                assert unsealed == 0
        signed = (await connection.execute(text("select max(signed_at) from checkpoint"))).scalar_one()
    return max(0.0, float((signed - now).total_seconds()))


async def _check(url: str, keys: Path, writing: Writing) -> int:
    """No entry is missing, no index left out, every stream in its order, every head over what there was; how many."""
    async with connected(url) as connection:
        rows = await connection.execute(LEAVES)
        leaves = rows.all()
        heads = (await connection.execute(text("select size, root, note from checkpoint order by size"))).all()
    assert [leaf.place for leaf in leaves] == list(range(len(leaves)))
    last, frontier, roots = dict[str, int](), Frontier(), dict[int, bytes]()
    for leaf in leaves:
        assert leaf.n == last.get(leaf.stream, 0) + 1, leaf.stream
        last[leaf.stream] = leaf.n
        frontier.append(hashlib.sha256(b"\x00" + leaf.body).digest())
        roots[frontier.size] = frontier.root()
    assert last == writing.written
    known = verifiers(ORIGIN, KeyRings.load(keys).ledger)
    for head in heads:
        signed = opened(head.note, known)
        assert (signed.size, signed.root) == (head.size, bytes(head.root)) == (head.size, roots[head.size])
    assert heads[-1].size == len(leaves)
    return len(leaves)
