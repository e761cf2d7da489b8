"""``interlock grants rotate``: another key signs grants from now on."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from app.cli.acting import this_account
from app.cli.failing import RefusedByRule
from app.cli.options import Data
from app.cli.place import settings_of
from app.db.session import Database
from app.domain.clocks import rfc3339
from app.grants.rotation import Change, TooSoon
from app.use_cases.grant_keys import replace_all, rotate

Emergency = Annotated[
    bool, typer.Option("--emergency", help="A key was stolen: put all keys away at once, with or without a database.")
]
COST = (
    "what was signed before is refused from now on, so whatever was given out in the last two minutes fails or is "
    "unknown; a target that does not ask for our keys again when it meets one that it does not know refuses all grants "
    "for up to five minutes"
)


def register(interlock: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="The keys that grants are signed with.", no_args_is_help=True)
    group.callback()(_keep_group)
    group.command("rotate")(rotate_keys)
    interlock.add_typer(group, name="grants")


def _keep_group() -> None:
    """A group of one command is still a group."""


def rotate_keys(*, emergency: Emergency = False, data: Data = None) -> None:
    """Let the next key sign grants, and publish a new next one; print the ids of the keys, as JSON.

    Whoever may write the key files may do this. Run it as often as you like, at most every six minutes: it says when
    targets know the next key. API and workers notice by themselves. Exit code 3: too soon, nothing was changed.
    """
    change, untold = asyncio.run(_rotate(data, emergency=emergency))
    typer.echo(json.dumps({**change.kids, "again_from": rfc3339(change.again_from)}))
    typer.echo(f"interlock: {_said(change)}", err=True)
    if untold is not None:
        typer.echo(f"interlock: this is not on the ledger, keep a note of it: {untold}", err=True)


def _said(change: Change) -> str:
    if change.kind == "grant-keys-replaced":
        return f"all keys are new; {COST}"
    known = f"{change.kids['next']} is published, and may take over from {rfc3339(change.again_from)} on"
    return known if change.kind == "grant-key-published" else f"{change.kids['current']} signs from now on; {known}"


async def _rotate(data: Path | None, *, emergency: bool) -> tuple[Change, str | None]:
    settings = settings_of(data)
    database = Database(settings.database.url.get_secret_value())
    try:
        if emergency:
            return await replace_all(database, settings.keys.dir, this_account())
        return await rotate(database, settings.keys.dir, this_account()), None
    except TooSoon as error:
        raise RefusedByRule(str(error)) from None
    finally:
        await database.close()
