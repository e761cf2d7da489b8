"""Making a database's roles, owners and grants what `app.db.roles` says, and finding what is not so.

Each stage reads what is there and says what must change; a second time there is nothing to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Row, TextClause, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.db import catalogue
from app.db.roles import LOGINS, MIGRATOR, OWNER, ROLES, TABLES, Grant, grantee, quoted, wanted
from app.db.scram import verifier

MIGRATION_LOCK = 0x1E7E410C
"""Migrations and hardening wait for each other: key of an advisory lock."""

_SWITCHES = {
    "rolsuper": "SUPERUSER",
    "rolcreatedb": "CREATEDB",
    "rolcreaterole": "CREATEROLE",
    "rolreplication": "REPLICATION",
    "rolbypassrls": "BYPASSRLS",
}


class Step(NamedTuple):
    """One difference. ``found``: what is not as it should be; ``statement``: what makes it so."""

    found: str
    statement: str


Stage = Callable[[Connection], Iterator[Step]]
Found = TypeVar("Found")


async def within(database_url: str, work: Callable[[Connection], Found]) -> Found:
    """What ``work`` finds, in one transaction on a connection of its own."""
    engine = create_async_engine(database_url, poolclass=NullPool, hide_parameters=True)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def harden(connection: Connection, passwords: Mapping[str, str]) -> list[Step]:
    """Make it so, in the connection's transaction; what was done.

    ``passwords``: of roles, for those that shall have a new one. The connection's role must be a superuser, or be able
    to make roles and own the database: what it may not do, the database says.
    """
    connection.execute(text("set local lock_timeout = '10s'"))
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    done = _run(connection, (_roles, _attributes, _memberships))
    lent = _lend(connection)
    done += _run(connection, (_places, _owners, _defaults, *_GRANTS))
    for role, password in passwords.items():
        connection.exec_driver_sql(f"ALTER ROLE {quoted(role)} PASSWORD '{verifier(password)}'")
        done.append(Step(f"{role} has a new password", f"ALTER ROLE {quoted(role)} PASSWORD ..."))
    if lent:
        connection.exec_driver_sql(f"REVOKE {quoted(OWNER)} FROM CURRENT_USER")
    return done


def regrant(connection: Connection) -> list[Step]:
    """Grant what is new since then, as the owner: after a migration."""
    return _run(connection, _GRANTS)


def differences(connection: Connection) -> list[Step]:
    """What `harden` would do. Any role may ask."""
    first = list(_roles(connection))
    if first:
        return first
    later = (_attributes, _memberships, _places, _owners, _defaults, *_GRANTS)
    return [step for stage in later for step in stage(connection)]


def become_owner(connection: Connection) -> bool:
    """Let the session be the owner from now on, if this database is hardened and the role may; whether it is."""
    hardened = connection.execute(catalogue.HARDENED, {"owner": OWNER}).scalar_one()
    if hardened:
        connection.exec_driver_sql(f"SET ROLE {quoted(OWNER)}")
    return bool(hardened)


def _run(connection: Connection, stages: Sequence[Stage]) -> list[Step]:
    done = []
    for stage in stages:
        for step in list(stage(connection)):
            connection.exec_driver_sql(step.statement)
            done.append(step)
    return done


def _lend(connection: Connection) -> bool:
    """For the time of the transaction be a member of the owner, without which nothing can be handed to it."""
    if connection.execute(catalogue.MAY_BE, {"owner": OWNER}).scalar_one():
        return False
    connection.exec_driver_sql(f"GRANT {quoted(OWNER)} TO CURRENT_USER{_option(connection, ' WITH INHERIT TRUE')}")
    return True


def _option(connection: Connection, words: str) -> str:
    """What only PostgreSQL 16 and newer understand, and need."""
    return words if connection.execute(text("show server_version_num")).scalar_one() >= "160000" else ""


def _rows(connection: Connection, query: TextClause, **given: Any) -> Sequence[Row[Any]]:
    return connection.execute(query, given).all()


def _roles(connection: Connection) -> Iterator[Step]:
    there = {row.rolname for row in _rows(connection, catalogue.ROLES, names=list(ROLES))}
    for role in ROLES:
        if role not in there:
            login = "NOLOGIN" if role == OWNER else "LOGIN"
            yield Step(f"there is no role {role}", f"CREATE ROLE {quoted(role)} {login}")


def _attributes(connection: Connection) -> Iterator[Step]:
    for row in _rows(connection, catalogue.ROLES, names=list(ROLES)):
        too_much = [word for column, word in _SWITCHES.items() if getattr(row, column)]
        changes = [f"NO{word}" for word in too_much]
        if row.rolcanlogin != (row.rolname != OWNER):
            changes.append("NOLOGIN" if row.rolname == OWNER else "LOGIN")
        for change in changes:
            yield Step(f"{row.rolname} is not {change}", f"ALTER ROLE {quoted(row.rolname)} {change}")


def _memberships(connection: Connection) -> Iterator[Step]:
    """Our roles are members of nothing, but the migrator of the owner; nobody else is a member of these two.

    Who may only administer the owner, made it: that is another's to take away.
    """
    given = False
    for row in _rows(connection, catalogue.MEMBERS, ours=list(ROLES), guarded=[OWNER, MIGRATOR]):
        expected = (row.role, row.member) == (OWNER, MIGRATOR) and not row.admin_option
        given = given or expected
        if not expected and (row.member in ROLES or not row.admin_option):
            by = _option(connection, f" GRANTED BY {quoted(row.grantor)}") if row.grantor else ""
            statement = f"REVOKE {quoted(row.role)} FROM {quoted(row.member)}{by}"
            yield Step(f"{row.member} is a member of {row.role}", statement)
    if not given:
        yield Step(f"{MIGRATOR} is no member of {OWNER}", f"GRANT {quoted(OWNER)} TO {quoted(MIGRATOR)}")


def _places(connection: Connection) -> Iterator[Step]:
    """Database and schema: nothing for PUBLIC, the owner makes things in the schema, the others find them."""
    database, schema = connection.execute(text("select current_database(), current_schema()")).one()
    logins = tuple(LOGINS.values())
    may = {(role, "CONNECT") for role in logins}
    yield from _place(connection, catalogue.DATABASE_ACL, f"DATABASE {quoted(database)}", may)
    may = {(role, "USAGE") for role in logins} | {(OWNER, "USAGE"), (OWNER, "CREATE")}
    yield from _place(connection, catalogue.SCHEMA_ACL, f"SCHEMA {quoted(schema)}", may)


def _place(connection: Connection, query: TextClause, on: str, may: set[tuple[str, str]]) -> Iterator[Step]:
    there = {(row.role, row.privilege) for row in _rows(connection, query, ours=["PUBLIC", *ROLES])}
    for role, privilege in sorted(there - may):
        statement = f"REVOKE {privilege} ON {on} FROM {grantee(role)} CASCADE"
        yield Step(f"{role} has {privilege} on {on}", statement)
    for role, privilege in sorted(may - there):
        yield Step(f"{role} lacks {privilege} on {on}", f"GRANT {privilege} ON {on} TO {grantee(role)}")


def _owners(connection: Connection) -> Iterator[Step]:
    tables = list(_columns(connection))
    for row in _rows(connection, catalogue.OWNED, tables=tables):
        if row.owner != OWNER:
            statement = f"ALTER {row.kind} {row.name} OWNER TO {quoted(OWNER)}"
            yield Step(f"{row.owner} owns {row.kind.lower()} {row.name}", statement)


def _defaults(connection: Connection) -> Iterator[Step]:
    """What the owner makes from now on is granted to nobody, until it has a line."""
    base = f"ALTER DEFAULT PRIVILEGES FOR ROLE {quoted(OWNER)}"
    rows = _rows(connection, catalogue.DEFAULTS, owner=OWNER)
    for row in rows:
        if row.role is not None:
            where = f" IN SCHEMA {quoted(row.schema)}" if row.schema else ""
            statement = f"{base}{where} REVOKE ALL ON {row.kind} FROM {grantee(row.role)}"
            yield Step(f"{row.role} gets {row.privilege} on new {row.kind.lower()} of {OWNER}", statement)
    for kind in {"FUNCTIONS", "TYPES"} - {row.kind for row in rows if row.schema is None}:
        yield Step(
            f"PUBLIC gets what PostgreSQL grants it on new {kind.lower()} of {OWNER}",
            f"{base} REVOKE ALL ON {kind} FROM PUBLIC",
        )


def _columns(connection: Connection) -> dict[str, list[str]]:
    """Our tables that this database has, and their columns."""
    found: dict[str, list[str]] = {}
    for row in _rows(connection, catalogue.COLUMNS, tables=list(TABLES)):
        found.setdefault(row.table, []).append(row.column)
    return found


def _granted(connection: Connection) -> set[tuple[Grant, bool]]:
    """What is granted on our tables to whomever, their owner aside; and whether they may grant it on."""
    rows = _rows(connection, catalogue.TABLE_ACL, tables=list(_columns(connection)))
    return {(Grant(row.role, row.table, row.privilege, row.column), row.is_grantable) for row in rows}


def _too_much(connection: Connection) -> Iterator[Step]:
    expected = wanted(_columns(connection))
    for grant, passes_on in sorted(_granted(connection), key=str):
        if grant not in expected or passes_on:
            on = grant.on()
            yield Step(f"{grant.role} has {on}", f"REVOKE {on} FROM {grantee(grant.role)} CASCADE")


def _too_little(connection: Connection) -> Iterator[Step]:
    there = {grant for grant, _ in _granted(connection)}
    for grant in sorted(wanted(_columns(connection)) - there, key=str):
        yield Step(f"{grant.role} lacks {grant.on()}", f"GRANT {grant.on()} TO {grantee(grant.role)}")


def _beside(connection: Connection) -> Iterator[Step]:
    """Sequences of our tables and functions of their triggers are nobody's but the owner's."""
    for row in _rows(connection, catalogue.BESIDE_ACL, tables=list(_columns(connection))):
        statement = f"REVOKE ALL ON {row.kind} {row.name} FROM {grantee(row.role)} CASCADE"
        yield Step(f"{row.role} has {row.privilege} on {row.kind.lower()} {row.name}", statement)


_GRANTS: tuple[Stage, ...] = (_too_much, _too_little, _beside)


def strangers(connection: Connection) -> list[str]:
    """Tables beside ours, in our schema: whose they are and who may do what is not ours to say."""
    return [row.name for row in _rows(connection, catalogue.STRANGERS, tables=list(TABLES))]
