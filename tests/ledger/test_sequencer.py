"""The sequencer on a real database: who leads, what is sealed, and what it refuses to seal on top of."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import ledger, sealing
from app.domain.tree import Frontier, inclusion_spans, nodes_of, proof, root_by_inclusion, root_of
from app.keys import KeyRings
from app.ledger.notes import Signer, opened
from app.ledger.sequencer import SealBroken, Sequencer, leading, resumed, seal_round
from tests.conftest import NewDatabase
from tests.db.test_schema import connected
from tests.ledger.sealing import sealed

NOW = datetime(2026, 11, 29, tzinfo=UTC)


async def write(url: str, stream: str, count: int = 1) -> None:
    async with connected(url) as connection, AsyncSession(connection) as session, session.begin():
        await ledger.extend(session, stream, NOW, [("noted", {"n": n}) for n in range(count)])


async def leaves(url: str) -> list[bytes]:
    async with connected(url) as connection:
        rows = await connection.execute(
            text("select e.leaf_hash from leaf l join entry e on e.id = l.entry_id order by l.index")
        )
        return [bytes(row.leaf_hash) for row in rows]


@pytest.fixture
def signer(rings: KeyRings) -> Signer:
    return Signer("ledger.example/test", rings.ledger)


async def test_each_round_goes_on_from_the_last(new_database: NewDatabase, signer: Signer) -> None:
    """Its head is signed over all leaves, in the order of each stream; nothing new, nothing signed."""
    url = await new_database()
    for n, count in enumerate((1, 300, 5)):
        await write(url, f"request:{n}", count)
        assert await sealed(url, signer) == count
        assert await sealed(url, signer) == 0
    known = await leaves(url)
    async with connected(url) as connection, AsyncSession(connection) as session:
        last = await sealing.newest(session)
        assert last is not None
        head = opened(last.note, signer.verifiers())
        assert (head.origin, head.size, head.root) == ("ledger.example/test", 306, root_of(known))
        notes = (await session.execute(text("select count(*) from checkpoint"))).scalar_one()
        assert notes == 3


async def test_kept_nodes_prove_any_leaf_in_any_size(new_database: NewDatabase, signer: Signer) -> None:
    """Those of every eighth level are kept, the others made of them; a whole one of 256 leaves is used."""
    url = await new_database()
    await write(url, "request:1", 700)
    await sealed(url, signer)
    known = await leaves(url)
    async with connected(url) as connection, AsyncSession(connection) as session:
        for index, size in ((0, 1), (0, 700), (255, 256), (256, 700), (513, 514), (699, 700)):
            spans = inclusion_spans(index, size)
            hashes = await sealing.hashes(session, [node for span in spans for node in nodes_of(*span)])
            path = proof(spans, hashes.__getitem__)
            assert root_by_inclusion(known[index], index, size, path) == root_of(known[:size])
        assert (await session.execute(text("select count(*) from subtree"))).scalar_one() == 2


async def test_what_commits_late_is_sealed_after_what_began_later(new_database: NewDatabase, signer: Signer) -> None:
    """A watermark of ids would skip it."""
    url = await new_database()
    async with connected(url) as early, AsyncSession(early) as session:
        async with session.begin():
            await ledger.append(session, "request:early", "noted", NOW, {})
            await write(url, "request:late")
            assert await sealed(url, signer) == 1
        assert await sealed(url, signer) == 1
    async with connected(url) as connection:
        rows = await connection.execute(
            text("select e.stream from leaf l join entry e on e.id = l.entry_id order by l.index")
        )
        assert [row.stream for row in rows] == ["request:late", "request:early"]


async def test_a_round_takes_no_more_than_it_may(new_database: NewDatabase, signer: Signer) -> None:
    """The rest is not forgotten: the next ones take it."""
    url = await new_database()
    await write(url, "request:1", 10)
    async with connected(url) as connection:
        async with AsyncSession(connection) as session, session.begin():
            frontier = await resumed(session, signer)
        assert [await seal_round(connection, signer, frontier, most=4) for _ in range(4)] == [4, 4, 2, 0]


async def test_of_two_one_leads_until_its_session_ends(new_database: NewDatabase) -> None:
    url = await new_database()
    async with connected(url) as one, leading(one) as first:
        assert first
        async with connected(url) as other, leading(other) as second:
            assert not second
    async with connected(url) as other, leading(other) as second:
        assert second


async def test_a_second_writer_never_seals_what_the_first_has(new_database: NewDatabase, signer: Signer) -> None:
    """Whatever happened to the lock: one whose tree is not the newest gives up."""
    url = await new_database()
    async with connected(url) as stale:
        async with AsyncSession(stale) as session, session.begin():
            frontier = await resumed(session, signer)
        await write(url, "request:1")
        await sealed(url, signer)
        await write(url, "request:1")
        with pytest.raises(SealBroken, match="another sequencer"):
            await seal_round(stale, signer, frontier)


FORGERIES = {
    "another leaf": "update leaf set hash = sha256('x') where index = 1",
    "a leaf less": "delete from leaf where index = 2",
    "a checkpoint less": "delete from checkpoint",
    "another root": "update checkpoint set root = sha256('x'), note = replace(note, E'\\n3\\n', E'\\n2\\n')",
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_nothing_is_signed_on_top_of_a_forgery(new_database: NewDatabase, signer: Signer, forgery: str) -> None:
    url = await new_database()
    await write(url, "request:1", 3)
    await sealed(url, signer)
    async with connected(url) as connection:
        await connection.execute(text("set session_replication_role = replica"))
        for table in ("entry", "leaf", "checkpoint"):
            await connection.execute(text(f"alter table {table} disable trigger all"))
        await connection.execute(text(FORGERIES[forgery]))
        await connection.commit()
    with pytest.raises((SealBroken, sealing.TreeBroken)):
        await sealed(url, signer)


async def test_a_log_keeps_its_name(new_database: NewDatabase, signer: Signer, rings: KeyRings) -> None:
    url = await new_database()
    await write(url, "request:1")
    await sealed(url, signer)
    with pytest.raises(SealBroken, match="INTERLOCK_LEDGER__ORIGIN says other"):
        await sealed(url, Signer("other", rings.ledger))


async def test_a_database_restored_elsewhere_counts_transactions_anew(
    new_database: NewDatabase, signer: Signer
) -> None:
    """A horizon ahead of all transactions would leave everything unsealed."""
    url = await new_database()
    await write(url, "request:1")
    await sealed(url, signer)
    async with connected(url) as connection:
        await connection.execute(text("update sequencer_state set horizon = '900000000000'"))
        await connection.commit()
    await write(url, "request:1")
    assert await sealed(url, signer) == 1


async def test_it_seals_by_itself_and_the_next_one_takes_over(new_database: NewDatabase, signer: Signer) -> None:
    """Two run; whoever leads is cancelled; the other goes on, and nothing is left out."""
    url = await new_database()
    tasks = [asyncio.create_task(Sequencer(url, signer, every=0.05).run()) for _ in range(2)]
    try:
        await write(url, "request:1", 5)
        await _sealed(url, 5)
        tasks[0].cancel()
        await write(url, "request:1", 5)
        await _sealed(url, 10)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _sealed(url: str, size: int) -> None:
    async with asyncio.timeout(20), connected(url) as connection:
        while len(await leaves(url)) < size:
            await connection.execute(text("select pg_sleep(0.02)"))


def test_a_tree_of_another_size_is_no_frontier() -> None:
    with pytest.raises(ValueError, match="at its edge"):
        Frontier(2, [])
