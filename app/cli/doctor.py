"""``interlock doctor``: is everything there that the processes need, and if not, what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import typer
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.service import RPCError

from app.cli.failing import DATABASE, FINDINGS
from app.cli.options import Data
from app.cli.place import settings_of
from app.db.migrate import config
from app.db.session import Database
from app.devstack.errors import StackError
from app.domain.errors import InterlockError, Misconfigured, Unavailable
from app.keys import KeyRings, KeysInvalid
from app.settings import Settings
from app.steps.rules import Rules
from app.temporal import connect

Check = Callable[[Settings], Awaitable[str]]
OLDEST_POSTGRES = 15
TEMPORAL_WITHIN = timedelta(seconds=3)
_SAID = (InterlockError, StackError, KeysInvalid)


def register(interlock: typer.Typer) -> None:
    """Add the command of this module."""
    interlock.command()(doctor)


def doctor(data: Data = None) -> None:
    """Check settings, key files, database, schema, rules and Temporal. Exit code 1 if anything is amiss."""
    try:
        settings = settings_of(data)
    except _SAID as error:
        _line("settings", ok=False, what=str(error))
        raise typer.Exit(FINDINGS) from None
    _line("settings", ok=True, what=f"environment {settings.environment}")
    passed = [asyncio.run(_passes(name, check, settings)) for name, check in CHECKS.items()]
    if not all(passed):
        raise typer.Exit(FINDINGS)


async def _passes(name: str, check: Check, settings: Settings) -> bool:
    try:
        _line(name, ok=True, what=await check(settings))
    except (*_SAID, *DATABASE, OSError, RPCError, RuntimeError) as error:
        _line(name, ok=False, what=str(error).splitlines()[0] if str(error) else type(error).__name__)
        return False
    return True


def _line(name: str, *, ok: bool, what: str) -> None:
    typer.echo(f"{'ok   ' if ok else 'AMISS'}  {name:<9} {what}")


async def _issuers(settings: Settings) -> str:
    named = [issuer.iss for issuer in settings.identity.issuers]
    if settings.identity.dev_issuer:
        named.append("the development issuer")
    if not named:
        raise Misconfigured("nobody can sign in: name your OIDC issuers in INTERLOCK_IDENTITY__ISSUERS")
    return "tokens of " + ", ".join(named)


async def _keys(settings: Settings) -> str:
    grants = KeyRings.load(settings.keys.dir).grants
    coming = "no next one yet: run `interlock grants rotate`" if grants.next is None else f"next {grants.next}"
    return f"all rings in {settings.keys.dir}, closed to others; grants are signed with {grants.current}, {coming}"


async def _database(settings: Settings) -> str:
    number = int(await _one(settings, "SHOW server_version_num")) // 10_000
    if number < OLDEST_POSTGRES:
        raise Misconfigured(f"PostgreSQL {number} is too old: use {OLDEST_POSTGRES} or newer")
    return f"PostgreSQL {number}"


async def _schema(settings: Settings) -> str:
    if await _one(settings, "SELECT to_regclass('alembic_version')::text") is None:
        raise Misconfigured("the database has no schema: run `interlock migrate`")
    url = settings.database.url.get_secret_value()
    here = await _one(settings, "SELECT version_num FROM alembic_version")
    newest = ScriptDirectory.from_config(config(url)).get_current_head()
    if here != newest:
        raise Misconfigured(f"the schema is {here}, this version wants {newest}: run `interlock migrate`")
    return f"revision {here}"


async def _one(settings: Settings, statement: str) -> str:
    engine = create_async_engine(settings.database.url.get_secret_value(), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            found: str = await connection.scalar(text(statement))
            return found
    finally:
        await engine.dispose()


async def _rules(settings: Settings) -> str:
    database = Database(settings.database.url.get_secret_value())
    try:
        async with database.transaction() as session:
            return (await Rules().in_force(session)).version
    finally:
        await database.close()


async def _temporal(settings: Settings) -> str:
    client = await connect(settings.temporal, KeyRings.load(settings.keys.dir))
    asked = DescribeNamespaceRequest(namespace=settings.temporal.namespace)
    try:
        await client.workflow_service.describe_namespace(asked, timeout=TEMPORAL_WITHIN)
    except RPCError as error:
        raise Unavailable(f"namespace {settings.temporal.namespace} at {settings.temporal.address}: {error}") from error
    return f"namespace {settings.temporal.namespace} at {settings.temporal.address}"


CHECKS: dict[str, Check] = {
    "issuers": _issuers,
    "keys": _keys,
    "database": _database,
    "schema": _schema,
    "rules": _rules,
    "temporal": _temporal,
}
"""In the order in which one would look."""
