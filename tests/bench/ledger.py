"""What sealing costs, and what a proof costs: ``python -m tests.bench.ledger``, some three minutes.

Options: ``--seconds`` (of each round of writers) and ``--million`` (leaves of the tree that proofs are made of).
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from app.db import ledger
from app.db.migrate import upgrade
from app.devstack import Postgres
from app.domain.tree import root_by_inclusion
from app.keys import KeyRings, create_missing
from app.ledger import proofs
from app.ledger.notes import Signer
from app.ledger.sequencer import MOST, resumed, seal_round
from tests.ledger.sealing import ORIGIN
from tests.races.sealer import sealers

WRITERS = 16
PAIRS = 5
PROOFS = 300
FILL = text("""
    insert into entry (stream, n, body)
    select 'request:' || (n / 10), n % 10 + 1, convert_to(repeat('x', 400) || n, 'UTF8')
    from generate_series(cast(:first as bigint), cast(:last as bigint)) n
""")
Aim = tuple[str, bool]
"""A figure, and whether it is as it should be."""


@dataclass(frozen=True, slots=True)
class Place:
    """A database of the bench's own, and the files of its keys."""

    url: str
    keys: Path
    folder: Path

    def engine(self) -> AsyncEngine:
        """Connections that are made anew each time."""
        return create_async_engine(self.url, poolclass=NullPool)


@asynccontextmanager
async def place() -> AsyncIterator[Place]:
    """A server of its own."""
    with tempfile.TemporaryDirectory(prefix="interlock-bench-") as folder:
        keys = Path(folder) / "keys"
        create_missing(keys)
        async with Postgres.start(Path(folder) / "postgres") as server:
            await server.create_database("bench")
            await upgrade(server.url("bench"))
            yield Place(server.url("bench"), keys, Path(folder))


async def transactions(at: Place, seconds: float) -> float:
    """Transactions a second of sixteen writers, each with one entry in a stream of its own."""
    ends, done = time.monotonic() + seconds, 0

    async def write(engine: AsyncEngine) -> None:
        nonlocal done
        async with engine.connect() as connection:
            while time.monotonic() < ends:
                async with AsyncSession(connection) as session, session.begin():
                    stream = f"request:{random.getrandbits(64)}"
                    await ledger.append(session, stream, "noted", datetime.now(UTC), {"text": "x" * 300})
                done += 1

    engine, began = at.engine(), time.monotonic()
    await asyncio.gather(*(write(engine) for _ in range(WRITERS)))
    await engine.dispose()
    return done / (time.monotonic() - began)


async def slowing(at: Place, seconds: float) -> Aim:
    """How much slower they are while a sequencer seals, in turns: what else the machine does concerns both."""
    await transactions(at, seconds / 2)
    ratios, rates = list[float](), list[float]()
    for n in range(PAIRS):
        order: list[Callable[[], Awaitable[float]]] = [lambda: transactions(at, seconds), lambda: _sealed(at, seconds)]
        found = [await one() for one in (order if n % 2 == 0 else order[::-1])]
        without, beside = found if n % 2 == 0 else found[::-1]
        ratios.append(beside / without)
        rates.append(without)
    slower = 100 * (1 - statistics.median(ratios))
    each = ", ".join(f"{100 * (1 - ratio):.0f}" for ratio in ratios)
    figure = f"sealing slows {WRITERS} writers ({statistics.median(rates):.0f} transactions/s) by {slower:.1f} %"
    return f"{figure} (of {PAIRS} pairs: {each}; aim: under 10 %)", slower < 10


async def _sealed(at: Place, seconds: float) -> float:
    async with sealers(at.url, at.keys, at.folder) as processes:
        await processes.start()
        await processes.one_leads()
        await _until_sealed(at)
        return await transactions(at, seconds)


async def _until_sealed(at: Place) -> None:
    """What came before is sealed, so that it is not this round's work."""
    behind = text("select exists(select from entry e left join leaf l on l.entry_id = e.id where l.entry_id is null)")
    engine = at.engine()
    while True:
        async with engine.connect() as connection:
            if not (await connection.execute(behind)).scalar_one():
                break
        await asyncio.sleep(0.1)
    await engine.dispose()


async def sealing_rate(at: Place, count: int) -> Aim:
    """Fill a ledger so large, and seal it in full rounds."""
    engine, signer = at.engine(), Signer(ORIGIN, KeyRings.load(at.keys).ledger)
    async with engine.connect() as connection:
        for first in range(0, count, 100_000):
            await connection.execute(FILL, {"first": first, "last": min(first + 100_000, count) - 1})
            await connection.commit()
        await connection.execute(text("analyze entry"))
        await connection.commit()
        async with AsyncSession(connection) as session, session.begin():
            frontier = await resumed(session, signer)
        took = list[float]()
        while True:
            began = time.perf_counter()
            if await seal_round(connection, signer, frontier) < MOST:
                break
            took.append(time.perf_counter() - began)
    await engine.dispose()
    rate = MOST / statistics.median(took)
    slowest = max(took)
    return f"sealing: {rate:.0f} entries/s, a round of {MOST} at most {slowest:.2f} s, of {len(took)} rounds", True


async def proving(at: Place) -> Aim:
    """Proofs for single entries of the whole tree, as the API makes them, each checked."""
    engine, took = at.engine(), list[float]()
    async with engine.connect() as connection, AsyncSession(connection) as session:
        size = int((await session.execute(text("select size from sequencer_state"))).scalar_one())
        root = await proofs.root(session, size)
        for _ in range(PROOFS):
            leaf, began = random.randrange(size), time.perf_counter()  # noqa: S311  not for secrets
            path = await proofs.inclusion(session, leaf, size)
            took.append(time.perf_counter() - began)
            assert root_by_inclusion(await proofs.leaf_hash(session, leaf), leaf, size, path) == root
    await engine.dispose()
    median, most = 1000 * statistics.median(took), 1000 * statistics.quantiles(took, n=100)[98]
    figure = f"a proof for one entry of {size}: {median:.1f} ms, 99 of 100 within {most:.1f} ms"
    return f"{figure} (aim: under 10 ms)", median < 10


async def run(seconds: float, million: int) -> int:
    """Print each figure; how many aims were missed."""
    missed = 0
    async with place() as at:
        for measured in (slowing(at, seconds), sealing_rate(at, million), proving(at)):
            figure, fine = await measured
            sys.stdout.write(f"{figure}{'' if fine else ': MISSED'}\n")
            sys.stdout.flush()
            missed += not fine
    return missed


def main() -> None:
    """Exit code 1 if any aim was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.ledger", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--million", type=int, default=1_000_000)
    chosen = parser.parse_args()
    sys.exit(1 if asyncio.run(run(chosen.seconds, chosen.million)) else 0)


if __name__ == "__main__":
    main()
