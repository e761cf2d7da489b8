"""What each role of a hardened database may not do, above all to entries."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.db.hardening import differences, harden, within
from app.db.metadata import METADATA
from app.db.roles import ALL, APP, AUDITOR, MIGRATOR, OWNER, READERS, ROLES, SEQUENCER, TABLES, Rights, as_role
from tests.conftest import NewDatabase
from tests.db.test_schema import bodies, connected, written

REFUSED = r"permission denied|must be (?:owner|able to)|cannot insert a non-DEFAULT value into column \"leaf_hash\""
BY_ANYBODY = {
    "update": "update entry set body = 'forged'",
    "update of a number": "update entry set n = n + 1000",
    "upsert": "insert into entry (stream, n, body) values ('forged', 1, 'x') "
    "on conflict (stream, n) do update set body = 'x'",
    "delete": "delete from entry",
    "truncate": "truncate entry",
    "truncate cascade": "truncate entry cascade",
    "merge": "merge into entry using (select 1) one on true when matched then delete",
    "forged time": "insert into entry (stream, n, body, created_at) values ('forged', 1, 'x', '2001-01-01')",
    "forged transaction": "insert into entry (stream, n, body, xid) values ('forged', 1, 'x', '1')",
    "forged id": "insert into entry (stream, n, body, id) overriding system value values ('forged', 1, 'x', 1)",
    "forged hash": "insert into entry (stream, n, body, leaf_hash) values ('forged', 1, 'x', 'x')",
    "every column": "insert into entry values (default, 'forged', 1, 'x')",
    "lock": "select * from entry for update",
    "lock of the table": "lock table entry in share mode",
    "a trigger off": "alter table entry disable trigger entry_refuses_change",
    "all triggers off": "alter table entry disable trigger all",
    "a trigger gone": "drop trigger entry_refuses_change on entry",
    "a trigger more": "create trigger mine before insert on entry for each row execute function entry_is_append_only()",
    "the function": "create or replace function entry_is_append_only() returns trigger language plpgsql as "
    "'begin return old; end'",
    "as a replica": "set session_replication_role = replica",
    "a column less": "alter table entry drop column created_at",
    "an owner": "alter table entry owner to current_user",
    "no table": "drop table entry",
    "a rule": "create rule mine as on insert to entry do instead nothing",
    "a child": "create table mine () inherits (entry)",
    "a policy": "alter table entry enable row level security",
    "a table": "create table mine (id int)",
    "a table for a while": "create temporary table entry (id int)",
    "a schema": "create schema mine",
    "the owner": f"set role {OWNER}",
    "the superuser": "set session authorization postgres",
    "a file": "copy entry to '/tmp/none'",
    "the file of a file": "select pg_read_file('PG_VERSION')",
    "a sequence": "select setval('entry_id_seq', 1)",
}
NOT_BY_THE_APP = {
    "another version": "update policy_version set document = '{}'",
    "a version gone": "delete from policy_version",
    "a request gone": "delete from request",
    "a decision gone": "delete from decision",
    "a redemption again": "delete from grant_redemption",
    "a redemption changed": "update grant_redemption set client = 'x'",
    "a key changed": "update data_key set wrapped = '{}'",
    "a use case changed": "update use_case set review_by = '2099-01-01'",
    "a card changed": "update card_shown set blocks = '{}'",
    "a second installation": "insert into installation (id) values (2)",
    "the revision": "update alembic_version set version_num = '0'",
}
NOT_BY_THE_AUDITOR = {
    "an entry": "insert into entry (stream, n, body) values ('forged', 1, 'x')",
    "keys": "select * from data_key",
    "a key": "select kid from data_key",
    "secrets": "select secret_hash from client_credential",
    "credentials": "select * from client_credential",
    "handles": "select handle_hash from execution_attempt",
    "codes": "select code_hash from link_code",
    "a request": "update request set status = 'approved'",
    "a person": "insert into person (id, name, emails) values ('x', 'x', '[]')",
    "telling of it": "update outbox set told_version = 0",
}
NOT_BY_THE_SEQUENCER = {
    "an entry": "insert into entry (stream, n, body) values ('forged', 1, 'x')",
    "requests": "select * from request",
    "keys": "select * from data_key",
    "persons": "select * from person",
}


@pytest.fixture(scope="module")
async def database_url(new_database: NewDatabase) -> str:
    """A hardened database: of a copy all but what is granted on the database itself is so already."""
    url = await new_database()
    found = await within(url, differences)
    assert [step for step in found if " ON DATABASE " not in step.statement] == []
    await within(url, lambda connection: harden(connection, {}))
    return url


async def refused(url: str, role: str, statement: str) -> None:
    before = await bodies(url)
    async with connected(as_role(url, role)) as connection:
        with pytest.raises(DBAPIError, match=REFUSED):
            await connection.execute(text(statement))
    assert await bodies(url) == before


@pytest.mark.parametrize("role", READERS)
@pytest.mark.parametrize("statement", BY_ANYBODY.values(), ids=BY_ANYBODY)
async def test_no_role_alters_an_entry(database_url: str, role: str, statement: str) -> None:
    await written(database_url, {"a": 1})
    await refused(database_url, role, statement)


@pytest.mark.parametrize("statement", NOT_BY_THE_APP.values(), ids=NOT_BY_THE_APP)
async def test_what_is_only_added_to_is_not_changed_by_the_app(database_url: str, statement: str) -> None:
    await refused(database_url, APP, statement)


@pytest.mark.parametrize("statement", NOT_BY_THE_AUDITOR.values(), ids=NOT_BY_THE_AUDITOR)
async def test_the_auditor_neither_writes_nor_reads_secrets(database_url: str, statement: str) -> None:
    await refused(database_url, AUDITOR, statement)


@pytest.mark.parametrize("statement", NOT_BY_THE_SEQUENCER.values(), ids=NOT_BY_THE_SEQUENCER)
async def test_the_sequencer_sees_entries_and_what_it_seals(database_url: str, statement: str) -> None:
    await refused(database_url, SEQUENCER, statement)


async def test_the_migrator_is_stopped_by_the_triggers(database_url: str) -> None:
    """It is a member of the owner: what it could do to the triggers, only the sealed tree shows."""
    await written(database_url, {"a": 1})
    async with connected(as_role(database_url, MIGRATOR)) as connection:
        with pytest.raises(DBAPIError, match="the ledger is append-only: UPDATE"):
            await connection.execute(text("update entry set body = 'forged'"))


async def test_nobody_connects_as_the_owner(database_url: str) -> None:
    with pytest.raises(DBAPIError, match=f'role "{OWNER}" is not permitted to log in'):
        async with connected(as_role(database_url, OWNER)):
            pass


async def test_the_app_adds_an_entry_and_the_database_the_rest(database_url: str) -> None:
    stream = f"bot:{uuid.uuid4()}"
    async with connected(as_role(database_url, APP)) as connection:
        insert = text("insert into entry (stream, n, body) values (:stream, 1, 'x') returning leaf_hash, created_at")
        row = (await connection.execute(insert, {"stream": stream})).one()
    assert len(row.leaf_hash) == 32
    assert row.created_at is not None


async def test_the_auditor_reads_all_else(database_url: str) -> None:
    async with connected(as_role(database_url, AUDITOR)) as connection:
        for name, table in METADATA.tables.items():
            rights = TABLES[name].auditor
            if not rights.select:
                continue
            columns = [f'"{column.name}"' for column in table.columns if column.name not in rights.hidden]
            query = f"select {', '.join(columns)} from {name} limit 1"  # noqa: S608  names of our own schema
            await connection.execute(text(query))


@pytest.mark.parametrize("privilege", ["TRUNCATE", "REFERENCES", "TRIGGER"])
async def test_what_nobody_has_on_any_table(database_url: str, privilege: str) -> None:
    query = text("""
        select relname, rolname from pg_class, pg_roles
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v')
            and rolname = any(:roles) and has_table_privilege(pg_roles.oid, pg_class.oid, :privilege)
    """)
    given = {"roles": list(READERS), "privilege": privilege}
    async with connected(database_url) as connection:
        assert (await connection.execute(query, given)).all() == []


async def test_everything_is_the_owners(database_url: str) -> None:
    query = text("""
        select relname::text, pg_get_userbyid(relowner) from pg_class where relnamespace = 'public'::regnamespace
        union all select proname, pg_get_userbyid(proowner) from pg_proc where pronamespace = 'public'::regnamespace
    """)
    async with connected(database_url) as connection:
        rows = (await connection.execute(query)).all()
    assert {row[1] for row in rows} == {OWNER}
    assert {"entry", "entry_id_seq", "installation_id_seq", "entry_is_append_only", "alembic_version"} <= {
        row[0] for row in rows
    }


def test_every_table_has_a_line_and_every_line_its_columns() -> None:
    """A table that nobody thought of is granted to nobody; here is where that is noticed."""
    assert METADATA.tables.keys() - TABLES.keys() == set()
    for name, table in METADATA.tables.items():
        line, columns = TABLES[name], {column.name for column in table.columns}
        for rights in (line.app, line.sequencer, line.auditor):
            named = {*rights.hidden, *rights.insert, *rights.update} - set(ALL)
            assert named <= columns, name


def test_the_auditor_only_reads_and_nobody_more_than_adds_to_the_ledger() -> None:
    assert all(not (line.auditor.insert or line.auditor.update or line.auditor.delete) for line in TABLES.values())
    assert TABLES["entry"].app == Rights(insert=("stream", "n", "body"))
    for name in ("leaf", "subtree", "checkpoint", "anchored"):
        line = TABLES[name]
        assert not line.app.insert or name == "anchored"  # the worker says so; who checks asks the anchor itself
        assert not [rights for rights in (line.app, line.sequencer) if rights.update or rights.delete]
    assert set(READERS) < set(ROLES)
