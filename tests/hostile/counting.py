"""How much is stored: the rows of every table, the bodies of the ledger, and what Temporal has started."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import text

from app.db.metadata import METADATA
from tests.world import World

TABLES = sorted(METADATA.tables)
_ROWS = [f"select '{table}', count(*) from {table}" for table in TABLES]  # noqa: S608  names of ours
_SUMS = [
    "select '(versions)', coalesce(sum(version), 0) from request",
    "select '(refused)', coalesce(sum(count), 0) from refusal",
]
"""A change of a row that stands is no new row: it raises its request's version, or a count of refusals."""
_ALL = text(" union all ".join([*_ROWS, *_SUMS]))


async def counts(world: World) -> Counter[str]:
    """Rows by table; the versions of all requests, and their refusals, summed."""
    async with world.ctx.database.transaction() as session:
        return Counter({name: int(number) for name, number in (await session.execute(_ALL)).all()})


def change(before: Counter[str], after: Counter[str]) -> dict[str, int]:
    """What became more or fewer."""
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}
