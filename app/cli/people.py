"""``interlock people``: who is known here, and what they hold together."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from app.cli import absence, off_board
from app.cli.options import Data, Json
from app.cli.place import opened
from app.db import governance
from app.governance.policy import Policy


def register(interlock: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="People.", no_args_is_help=True)
    group.command("list")(list_people)
    absence.register(group)
    off_board.register(group)
    interlock.add_typer(group, name="people")


def list_people(data: Data = None, as_json: Json = False) -> None:
    """Everybody, with the groups that they are in and what those may."""
    rows = asyncio.run(_rows(data))
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row, ensure_ascii=False))
        return
    Console().print(_table(rows))


async def _rows(data: Path | None) -> Sequence[dict[str, Any]]:
    async with opened(data) as place, place.ctx.database.transaction() as session:
        policy = await place.ctx.rules.in_force(session)
        return [_row(policy, person) for person in await governance.persons(session)]


def _row(policy: Policy, person: Any) -> dict[str, Any]:
    groups = sorted(name for name, group in policy.groups.items() if person.id in group.members)
    may = sorted({what for name in groups for what in policy.groups[name].may})
    return {"id": person.id, "name": person.name, "active": person.active, "groups": groups, "may": may}


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table("id", "name", "groups", "may", box=None, pad_edge=False)
    for row in rows:
        left = "" if row["active"] else " (left)"
        table.add_row(row["id"], row["name"] + left, ", ".join(row["groups"]), ", ".join(row["may"]))
    return table
