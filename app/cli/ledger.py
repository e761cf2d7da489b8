"""``interlock ledger``: what was recorded, and whether it still is what was recorded."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from app.cli import erasing, ledger_status, ledger_verify
from app.cli.export import export
from app.cli.ledger_bundle import bundle
from app.cli.options import Data, Json
from app.cli.place import opened
from app.db import ledger
from app.domain.errors import NotFound
from app.domain.ledger import Stored, leaf_hash
from app.steps.context import Context

SHORT = 12
WIDE = 500
LONGEST_SHOWN = 60


def register(interlock: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="The append-only record.", no_args_is_help=True)
    group.command("show")(show)
    group.command("verify")(ledger_verify.verify)
    group.command("bundle")(bundle)
    group.command("export")(export)
    ledger_status.register(group)
    erasing.register(group)
    interlock.add_typer(group, name="ledger")


def show(
    stream: Annotated[str, typer.Argument(metavar="STREAM|REQUEST_ID", help="As in request:ID, bot:ID, installation.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """The entries of one stream, in order."""
    entries = asyncio.run(_read(data, _stream(stream)))
    if as_json:
        for entry in entries:
            typer.echo(entry.body)
        return
    wide = None if sys.stdout.isatty() else WIDE  # what is piped is searched: one line an entry
    Console(width=wide).print(_table(entries))


def _stream(text: str) -> str:
    try:
        return f"request:{uuid.UUID(text)}"
    except ValueError:
        return text


async def _read(data: Path | None, stream: str) -> Sequence[Stored]:
    async with opened(data) as place:
        return await _entries(place.ctx, stream)


async def _entries(ctx: Context, stream: str) -> Sequence[Stored]:
    async with ctx.database.transaction() as session:
        found = await ledger.read(session, stream)
    if not found:
        raise NotFound(f"The ledger has no stream {stream!r}.")
    return found


def _table(entries: Sequence[Stored]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("n", "at", "kind", "hash"):
        table.add_column(name, no_wrap=True)
    table.add_column("facts", overflow="fold")
    for entry in entries:
        body = json.loads(entry.body)
        table.add_row(
            str(entry.n), body["at"][:19] + "Z", body["kind"], leaf_hash(entry.body)[:SHORT], _brief(body["facts"])
        )
    return table


def _brief(facts: dict[str, Any]) -> str:
    """What fits a line: plain facts that are short. ``--json`` shows all."""
    shown = [f"{name}={_plain(value)}" for name, value in facts.items() if name != "status" and _plain(value)]
    return " ".join([str(facts.get("status", "")), *shown, *(["(sealed)"] if "sealed" in facts else [])]).strip()


def _plain(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = ",".join(value)
    return str(value) if isinstance(value, str | int) and 0 < len(str(value)) <= LONGEST_SHOWN else ""
