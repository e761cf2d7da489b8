"""`interlock db harden` makes a database so, once; finds what is not so; and migrations keep it so."""

from __future__ import annotations

import asyncio
import base64
import tempfile
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from app.db.hardening import differences, harden, strangers, within
from app.db.migrate import config, upgrade
from app.db.own_role import dangers
from app.db.roles import APP, AUDITOR, MIGRATOR, OWNER, SEQUENCER, as_role
from app.db.scram import verifier
from app.devstack import Postgres
from app.domain.errors import Misconfigured
from tests.conftest import NewDatabase
from tests.db.test_schema import connected

EVERYTHING = """
    select 'table', relname::text, relowner::regrole::text, relacl::text from pg_class
    where relnamespace = 'public'::regnamespace
    union all select 'column', attrelid::regclass::text || '.' || attname, '', attacl::text from pg_attribute
    where attacl is not null
    union all select 'function', proname, proowner::regrole::text, proacl::text from pg_proc
    where pronamespace = 'public'::regnamespace
    union all select 'schema', nspname, '', nspacl::text from pg_namespace where nspname = 'public'
    union all select 'database', datname, '', datacl::text from pg_database where datname = current_database()
    union all select 'role', rolname, row(rolcanlogin, rolsuper)::text, '' from pg_roles
    union all select 'member', roleid::regrole::text, member::regrole::text, '' from pg_auth_members
    union all select 'default', defaclobjtype::text, defaclrole::regrole::text, defaclacl::text from pg_default_acl
    order by 1, 2, 3
"""


async def state(url: str) -> list[tuple[object, ...]]:
    async with connected(url) as connection:
        return [tuple(row) for row in await connection.execute(text(EVERYTHING))]


async def run(url: str, *statements: str) -> None:
    async with connected(url) as connection:
        for statement in statements:
            await connection.execute(text(statement))
        await connection.commit()


@pytest.fixture
async def hardened(new_database: NewDatabase) -> AsyncIterator[str]:
    url = await new_database()
    await within(url, lambda connection: harden(connection, {}))
    yield url
    await within(url, lambda connection: harden(connection, {}))  # roles are the whole server's


async def test_twice_is_once(hardened: str) -> None:
    before = await state(hardened)
    assert await within(hardened, differences) == []
    assert await within(hardened, lambda connection: harden(connection, {})) == []
    assert await state(hardened) == before


async def test_anybody_may_check(hardened: str) -> None:
    for role in (APP, SEQUENCER, AUDITOR, MIGRATOR):
        assert await within(as_role(hardened, role), differences) == []


TOO_MUCH = {
    "a privilege": (f"grant update on entry to {APP}", f"{APP} has UPDATE"),
    "a column": (f"grant insert (created_at) on entry to {APP}", f'{APP} has INSERT ("created_at")'),
    "a whole table": (f"grant insert on entry to {APP}", f"{APP} has INSERT ON"),
    "everybody": ("grant select on person to public", "PUBLIC has SELECT"),
    "a secret": (f"grant select on data_key to {AUDITOR}", f"{AUDITOR} has SELECT"),
    "all columns": (f"grant select on client_credential to {AUDITOR}", f"{AUDITOR} has SELECT ON"),
    "to pass on": (f"grant select on entry to {APP} with grant option", f"{APP} has SELECT"),
    "a stranger": (f"grant delete on request to {OWNER}_stranger", "_stranger has DELETE"),
    "the schema": (f"grant create on schema public to {APP}", f"{APP} has CREATE"),
    "the schema for all": ("grant create on schema public to public", "PUBLIC has CREATE"),
    "a sequence": (f"grant usage on sequence entry_id_seq to {APP}", f"{APP} has USAGE on sequence"),
    "a function": ("grant execute on function entry_is_append_only() to public", "PUBLIC has EXECUTE"),
    "an owner": ("alter table entry owner to postgres", "postgres owns table entry"),
    "a function's owner": ("alter function entry_is_append_only() owner to postgres", "postgres owns function"),
    "a member": (f"grant {OWNER} to {APP}", f"{APP} is a member of {OWNER}"),
    "a strange member": (f"grant {MIGRATOR} to {OWNER}_stranger", f"_stranger is a member of {MIGRATOR}"),
    "a member of others": (f"grant pg_write_all_data to {APP}", f"{APP} is a member of pg_write_all_data"),
    "a superuser": (f"alter role {APP} superuser", f"{APP} is not NOSUPERUSER"),
    "a maker of roles": (f"alter role {SEQUENCER} createrole", f"{SEQUENCER} is not NOCREATEROLE"),
    "a login": (f"alter role {OWNER} login", f"{OWNER} is not NOLOGIN"),
    "what is new": (f"alter default privileges for role {OWNER} grant select on tables to public", "new tables"),
    "new functions": (
        f"alter default privileges for role {OWNER} grant execute on functions to public",
        "new functions",
    ),
    "too little": (f"revoke insert (body) on entry from {APP}", f'{APP} lacks INSERT ("body")'),
    "no migrator": (f"revoke {OWNER} from {MIGRATOR}", f"{MIGRATOR} is no member"),
}


@pytest.mark.parametrize(("statement", "said"), TOO_MUCH.values(), ids=TOO_MUCH)
async def test_a_difference_is_found_and_mended(hardened: str, statement: str, said: str) -> None:
    try:
        stranger = "_stranger" in statement
        await run(hardened, *([f"create role {OWNER}_stranger"] if stranger else []), statement)
        found = await within(hardened, differences)
        assert any(said in step.found for step in found), found
        await within(hardened, lambda connection: harden(connection, {}))
        assert await within(hardened, differences) == []
    finally:
        await within(hardened, lambda connection: harden(connection, {}))
        await run(hardened, f"drop role if exists {OWNER}_stranger")


HOLES = {
    **{name: TOO_MUCH[name][0] for name in ("a privilege", "a column", "a whole table", "a member", "a superuser")},
    "all data": f"grant pg_write_all_data to {APP}",
    "roles": f"alter role {APP} createrole",
    "one column": f"grant update (n) on entry to {APP}",
    "a parameter": f"grant set on parameter session_replication_role to {APP}",
    "a trigger": f"grant trigger on entry to {APP}",
    "its table": f"alter table entry owner to {APP}",
    "its function": f"alter function entry_is_append_only() owner to {APP}",
    "its schema": f"alter schema public owner to {APP}",
    "its programs": f"grant pg_execute_server_program to {APP}",
    "no trigger": "drop trigger entry_refuses_change on entry",
    "a trigger off": "alter table entry disable trigger entry_refuses_truncate",
    "a trigger not for replicas": "alter table entry enable trigger entry_refuses_change",
    "no ledger": "drop table entry cascade",
}
BACK = (
    f"revoke set on parameter session_replication_role from {APP}",
    "alter schema public owner to pg_database_owner",
    f"revoke all on schema public from {APP} cascade",
)


@pytest.mark.parametrize("statement", HOLES.values(), ids=HOLES)
async def test_a_role_that_could_alter_entries_is_known_for_it(hardened: str, statement: str) -> None:
    assert await dangers(as_role(hardened, APP)) == (APP, [])
    try:
        await run(hardened, statement)
        role, found = await dangers(as_role(hardened, APP))
        assert (role, bool(found)) == (APP, True)
    finally:
        await run(hardened, *BACK)


@pytest.mark.parametrize(("role", "why"), [("postgres", "superuser"), (MIGRATOR, f"a member of {OWNER}, who owns")])
async def test_other_roles_are_no_roles_for_a_process(hardened: str, role: str, why: str) -> None:
    _, found = await dangers(as_role(hardened, role))
    assert any(why in reason for reason in found)


@pytest.mark.parametrize("role", [SEQUENCER, AUDITOR])
async def test_the_others_cannot_alter_entries_either(hardened: str, role: str) -> None:
    assert await dangers(as_role(hardened, role)) == (role, [])


@pytest.fixture
async def old(postgres: Postgres) -> str:
    """A database with an older schema, hardened before the rest of its tables was made."""
    name = f"old{uuid.uuid4().hex}"
    await postgres.create_database(name)
    url = postgres.url(name)
    await within(url, lambda connection: harden(connection, {}))
    await asyncio.to_thread(command.upgrade, config(as_role(url, MIGRATOR)), "0005")
    assert await within(url, differences) == []
    return url


@pytest.mark.parametrize("role", [MIGRATOR, "postgres"])
async def test_what_a_migration_makes_is_the_owners_and_granted(old: str, role: str) -> None:
    await upgrade(as_role(old, role))
    assert await within(old, differences) == []
    assert await dangers(as_role(old, APP)) == (APP, [])


async def test_migrating_again_is_for_everybody_who_may_look(hardened: str) -> None:
    await upgrade(as_role(hardened, APP))


async def test_one_that_was_made_before_is_taken_over(postgres: Postgres) -> None:
    """Roles exist on the server; this database knows nothing of them, and what is no table of ours stays."""
    name = f"before{uuid.uuid4().hex}"
    await postgres.create_database(name)
    url = postgres.url(name)
    await upgrade(url)
    await run(url, "create table theirs (id int)", "grant all on theirs to public")
    before = [row for row in await state(url) if row[1] == "theirs"]
    assert await within(url, differences) != []
    await within(url, lambda connection: harden(connection, {}))
    assert await within(url, differences) == []
    assert await within(url, strangers) == ["theirs"]
    assert [row for row in await state(url) if row[1] == "theirs"] == before


async def test_without_a_superuser() -> None:
    """As with a managed server: who may make roles and owns the database; afterwards not a member of the owner."""
    with tempfile.TemporaryDirectory(prefix="interlock-managed-") as folder:
        async with Postgres.start(Path(folder)) as server:
            await run(server.url(), "create role dba login createrole", "create role stranger login")
            await server.create_database("managed")
            await run(server.url(), "alter database managed owner to dba")
            url = server.url("managed", "dba")
            await upgrade(url)
            await within(url, lambda connection: harden(connection, {APP: "0123456789abcdef"}))
            assert await within(url, differences) == []
            assert await within(url, lambda connection: harden(connection, {})) == []
            await upgrade(server.url("managed", MIGRATOR))
            assert await dangers(server.url("managed", APP)) == (APP, [])
            async with connected(url) as connection:
                query = text(f"select pg_has_role('dba', '{OWNER}', 'USAGE')")
                assert (await connection.execute(query)).scalar_one() is False
            query = text("select rolpassword from pg_authid where rolname = :role")
            async with connected(server.url()) as connection:
                kept = (await connection.execute(query, {"role": APP})).scalar_one()
            assert kept.startswith("SCRAM-SHA-256$4096:")


def test_what_is_no_password() -> None:
    with pytest.raises(Misconfigured, match="at least 16 characters"):
        verifier("pencil")
    for bad in ("pass word of length", "p\u00e4sswort-mit-laenge", "password-of-length\n"):
        with pytest.raises(Misconfigured, match="ASCII"):
            verifier(bad)
    assert verifier("0123456789abcdef") != verifier("0123456789abcdef")


async def test_a_password_is_kept_as_postgres_keeps_it(postgres: Postgres) -> None:
    """The server made the other one itself, of the same password; ours with its salt is the same."""
    password = "0123456789-abcdef!"
    query = text("select rolpassword from pg_authid where rolname = 'plain'")
    async with connected(postgres.url()) as connection:
        await connection.execute(text(f"create role plain password '{password}'"))
        kept: str = (await connection.execute(query)).scalar_one()
    salt = base64.b64decode(kept.split("$")[1].partition(":")[2])
    assert verifier(password, salt) == kept
