"""``interlock db``: the roles of the database, and who may do what in it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection

from app.cli.failing import FINDINGS
from app.cli.options import Data
from app.cli.place import database_url
from app.db.hardening import differences, harden, strangers, within
from app.db.roles import APP, AUDITOR, LOGINS, OWNER, ROLES, SEQUENCER, TABLES
from app.domain.errors import Misconfigured
from app.settings_database import DatabaseSettings

Found = TypeVar("Found")
WIDE = 200

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        envvar="HARDEN_URL",
        help="The database, as a role that may make roles and owns it. Its password: PGPASSWORD, or ~/.pgpass.",
    ),
]
Check = Annotated[bool, typer.Option("--check", help="Change nothing: print what differs; exit code 1 if anything.")]


def register(interlock: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="The database's roles, and who may do what in it.", no_args_is_help=True)
    group.callback()(_group)
    group.command("harden")(harden_database)
    interlock.add_typer(group, name="db")


def _group() -> None:
    """The database's roles, and who may do what in it."""


def harden_database(*, url: Url = None, check: Check = False, data: Data = None) -> None:
    """Make the roles, hand everything to the owner, and grant each role exactly what it needs; twice is fine.

    A role gets a password when HARDEN_APP_PASSWORD, or HARDEN_APP_PASSWORD_FILE with a file that holds it, is set; so
    for MIGRATOR, SEQUENCER and AUDITOR.
    """
    place = _url(url, data)
    steps = _in(place, differences) if check else _in(place, lambda found: harden(found, passwords(os.environ)))
    for step in steps:
        typer.echo(f"{step.found}: {step.statement}")
    for name in _in(place, strangers):
        typer.echo(f"table {name} is not Interlock's: left as it is")
    if check:
        typer.echo(f"{len(steps)} differences" if steps else "the database is as `interlock db harden` makes it")
        raise typer.Exit(FINDINGS if steps else 0)
    Console(width=None if sys.stdout.isatty() else WIDE).print(_roles(), _grants())


def _url(url: str | None, data: Path | None) -> str:
    if url is None:
        return database_url(data)
    try:
        return DatabaseSettings.model_validate({"url": url}).url.get_secret_value()
    except ValidationError:
        raise Misconfigured("--url must start with postgresql:// or postgresql+asyncpg://") from None


def passwords(environ: Mapping[str, str]) -> dict[str, str]:
    """The passwords that the environment gives roles, by role. Raises Misconfigured for a file that is not there."""
    found = {}
    for name, role in LOGINS.items():
        variable = f"HARDEN_{name.upper()}_PASSWORD"
        if file := environ.get(f"{variable}_FILE"):
            found[role] = _first_line(f"{variable}_FILE", Path(file))
        elif word := environ.get(variable):
            found[role] = word
    return found


def _first_line(variable: str, file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError as error:
        raise Misconfigured(f"{variable}: cannot read {file}: {error.strerror}") from None


def _in(url: str, work: Callable[[Connection], Found]) -> Found:
    """What ``work`` finds in one transaction."""
    return asyncio.run(within(url, work))


def _roles() -> Table:
    table = Table("role", "", box=None, pad_edge=False)
    for role, what in ROLES.items():
        table.add_row(role, what)
    return table


def _grants() -> Table:
    """Table by table; the owner has everything, and the migrator while it is the owner."""
    table = Table("table", APP, SEQUENCER, AUDITOR, box=None, pad_edge=False, title=f"all tables belong to {OWNER}")
    for name, line in TABLES.items():
        table.add_row(name, *(line.of(role).words() for role in (APP, SEQUENCER, AUDITOR)))
    return table
