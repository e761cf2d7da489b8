"""What migrations/ build is what app/db/tables.py says, and the ledger refuses all but new entries."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool

from app.db.ledger import append, lock_stream, read, streams
from app.db.metadata import METADATA
from app.db.migrate import upgrade
from app.devstack import Postgres
from app.domain.ledger import leaf_hash, verify_stream
from tests.domain.strategies import NOW

CATALOGUE = {
    "columns": "select table_name, column_name, data_type, is_nullable, column_default, is_identity, "
    "identity_generation, generation_expression from information_schema.columns",
    "indexes": "select indexname, indexdef from pg_indexes",
    "constraints": "select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint "
    "where conrelid <> 0",
}
"""How PostgreSQL itself describes a schema: names, checks, defaults, predicates of partial indexes and all.

Not the order of columns: one that a later migration adds comes last in its table.
"""

WHERE = {"columns": "table_schema", "indexes": "schemaname", "constraints": "connamespace::regnamespace::text"}


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


@asynccontextmanager
async def transaction(url: str) -> AsyncIterator[AsyncSession]:
    async with connected(url) as connection, async_sessionmaker(connection)() as session, session.begin():
        yield session


async def described(url: str, what: str) -> set[tuple[Any, ...]]:
    # The two halves are constants of this file.
    query = f"select * from ({CATALOGUE[what]}{_and(what)} {WHERE[what]} = 'public') found"  # noqa: S608
    async with connected(url) as connection:
        return {tuple(row) for row in await connection.execute(text(query)) if "alembic_version" not in str(row)}


def _and(what: str) -> str:
    return " and" if "where" in CATALOGUE[what] else " where"


def differences(connection: Connection) -> list[Any]:
    options = {"compare_type": True, "compare_server_default": False}
    found: list[Any] = compare_metadata(MigrationContext.configure(connection, opts=options), METADATA)
    return found


async def test_alembic_has_nothing_to_add(database_url: str) -> None:
    async with connected(database_url) as connection:
        assert await connection.run_sync(differences) == []


@pytest.fixture(scope="module")
async def declared_url(postgres: Postgres) -> str:
    """A database as app/db/tables.py declares it, without migrations."""
    name = f"declared{uuid.uuid4().hex}"
    await postgres.create_database(name)
    async with connected(postgres.url(name)) as connection:
        await connection.run_sync(METADATA.create_all)
        await connection.commit()
    return postgres.url(name)


@pytest.mark.parametrize("what", CATALOGUE)
async def test_postgres_sees_no_difference(database_url: str, declared_url: str, what: str) -> None:
    """More than Alembic compares: generated columns, defaults, partial indexes, names of constraints."""
    migrated, declared = await described(database_url, what), await described(declared_url, what)
    assert migrated ^ declared == set()
    assert len(migrated) > len(METADATA.tables)


async def test_migrating_again_changes_nothing(database_url: str) -> None:
    before = await described(database_url, "columns")
    await upgrade(database_url)
    assert await described(database_url, "columns") == before
    async with connected(database_url) as connection:
        assert (await connection.execute(text("select id, stop_epoch from installation"))).all() == [(1, 0)]


async def written(url: str, *facts: dict[str, Any]) -> str:
    """A stream with these entries."""
    stream = f"bot:{uuid.uuid4()}"
    async with transaction(url) as session:
        await lock_stream(session, stream)
        for said in facts:
            await append(session, stream, "noted", NOW, said)
    return stream


async def bodies(url: str) -> list[tuple[Any, ...]]:
    query = "select id, stream, n, body, leaf_hash, xid, created_at from entry order by id"
    async with connected(url) as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


CHANGES = {
    "update": "update entry set body = 'forged'",
    "update of nothing but a number": "update entry set n = n + 1000",
    "delete": "delete from entry",
    "truncate": "truncate entry cascade",
    "truncate cascade": "truncate entry restart identity cascade",
    "merge": "merge into entry using (select 1) one on true when matched then delete",
    "upsert": "insert into entry (stream, n, body) select stream, n, body from entry "
    "on conflict (stream, n) do update set body = 'forged'",
}


@pytest.mark.parametrize("role", ["origin", "replica", "local"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_an_entry_is_never_changed_or_removed(database_url: str, change: str, role: str) -> None:
    """As the owner of the database and with the triggers of a replica, which ordinary triggers do not survive."""
    await written(database_url, {"a": 1}, {"b": 2})
    before = await bodies(database_url)
    async with connected(database_url) as connection:
        await connection.execute(text(f"set session_replication_role = {role}"))
        with pytest.raises(DBAPIError, match=r"the ledger is append-only: [A-Z]+ on entry is refused"):
            await connection.execute(text(change))
    assert await bodies(database_url) == before


@pytest.mark.parametrize("column", ["leaf_hash", "id"])
async def test_what_the_database_works_out_is_not_given(database_url: str, column: str) -> None:
    value = {"leaf_hash": "'\\x00'", "id": "1"}[column]
    statement = f"insert into entry (stream, n, body, {column}) values ('x', 1, 'y', {value})"  # noqa: S608  constants
    async with connected(database_url) as connection:
        with pytest.raises(DBAPIError, match=f'cannot insert a non-DEFAULT value into column "{column}"'):
            await connection.execute(text(statement))


@pytest.mark.parametrize("body", [b"", b"\x00", b'{"a":1}', bytes(range(256)), b"\xff" * 100_000])
async def test_the_database_hashes_a_leaf_as_the_domain_does(database_url: str, body: bytes) -> None:
    insert = text("insert into entry (stream, n, body) values (:stream, 1, :body) returning leaf_hash")
    async with connected(database_url) as connection:
        stored = (await connection.execute(insert, {"stream": str(uuid.uuid4()), "body": body})).scalar_one()
    assert stored.hex() == leaf_hash(body) == hashlib.sha256(b"\x00" + body).hexdigest()


async def test_entries_are_read_back_as_they_were_chained(database_url: str) -> None:
    stream = await written(database_url, {"a": 1}, {"b": "\u20ac"}, {"c": None})
    async with transaction(database_url) as session:
        entries = list(await read(session, stream))
        assert stream in await streams(session)
    assert [entry.n for entry in entries] == [1, 2, 3]
    assert verify_stream(stream, entries) == []


async def test_what_is_rolled_back_leaves_no_gap(database_url: str) -> None:
    stream = await written(database_url, {"a": 1})

    async def fail() -> None:
        async with transaction(database_url) as session:
            await lock_stream(session, stream)
            await append(session, stream, "noted", NOW, {"never": True})
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    await add(database_url, stream, 2)
    async with transaction(database_url) as session:
        entries = list(await read(session, stream))
    assert verify_stream(stream, entries) == []
    assert [entry.n for entry in entries] == [1, 2]


async def add(url: str, stream: str, said: int) -> None:
    async with transaction(url) as session:
        await lock_stream(session, stream)
        await append(session, stream, "noted", NOW, {"said": said})


async def test_many_who_append_at_once_make_one_chain(database_url: str) -> None:
    stream = f"bot:{uuid.uuid4()}"
    await asyncio.gather(*(add(database_url, stream, said) for said in range(12)))
    async with transaction(database_url) as session:
        entries = list(await read(session, stream))
    assert [entry.n for entry in entries] == list(range(1, 13))
    assert verify_stream(stream, entries) == []


async def test_the_second_waits_for_the_lock_of_the_first(database_url: str) -> None:
    stream = await written(database_url, {"a": 1})
    async with transaction(database_url) as first, transaction(database_url) as second:
        await lock_stream(first, stream)
        await second.execute(text("set local lock_timeout = '50ms'"))
        with pytest.raises(DBAPIError, match="lock timeout"):
            await lock_stream(second, stream)
        await second.rollback()
        await append(first, stream, "noted", NOW, {"b": 2})
    await add(database_url, stream, 3)
    async with transaction(database_url) as session:
        assert verify_stream(stream, list(await read(session, stream))) == []


async def test_without_the_lock_two_collide_and_never_fork(database_url: str) -> None:
    stream = await written(database_url, {"a": 1})

    async def unlocked(meet: Callable[[], Any]) -> None:
        async with transaction(database_url) as session:
            assert len(await read(session, stream)) == 1
            await meet()
            await append(session, stream, "noted", NOW, {"b": 2})

    barrier = asyncio.Barrier(2)
    ends = await asyncio.gather(unlocked(barrier.wait), unlocked(barrier.wait), return_exceptions=True)
    async with transaction(database_url) as session:
        entries = list(await read(session, stream))
    assert verify_stream(stream, entries) == []
    assert len(entries) == 1 + ends.count(None)
    assert all(end is None or isinstance(end, IntegrityError) for end in ends)


async def test_one_person_has_one_standing_vote_on_a_stage(database_url: str) -> None:
    """`one-person-one-vote` is the database's word too, whatever the code says."""
    async with connected(database_url) as connection:
        await connection.execute(text("set session_replication_role = replica"))  # no request needs to be there
        vote = text(
            "insert into decision (id, request_id, stage, person_id, say, via, level, at, standing) values "
            "(gen_random_uuid(), '5f0c1f0e-0000-5000-8000-000000000001', :stage, :who, 'approve', 'api', 'click', "
            "now(), :standing)"
        )
        for stage, who, standing in ((0, "dana", True), (0, "marco", True), (1, "dana", True), (0, "dana", False)):
            await connection.execute(vote, {"stage": stage, "who": who, "standing": standing})
        with pytest.raises(IntegrityError, match="one_person_one_vote"):
            await connection.execute(vote, {"stage": 0, "who": "dana", "standing": True})
