"""``interlock bots suspend`` and ``resume``: the stop switch from a terminal."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.acting import acting_as, this_account
from app.cli.asked import NeededReason, shown, spoken, whole, words
from app.cli.options import As, Data, TokenFile
from app.cli.place import database_url, opened
from app.db.session import Database
from app.use_cases.changes import resume as ask_to_resume
from app.use_cases.stop import suspend as suspend_as
from app.use_cases.stop import suspend_in_emergency

NO_REASON = "None given, on the command line."
Bot = Annotated[str | None, typer.Argument(metavar="BOT", help="One bot; or give --all.", show_default=False)]
All = Annotated[bool, typer.Option("--all", help="All bots of this installation.")]
Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; kept with it.")]
StopAs = Annotated[
    str | None,
    typer.Option("--as", metavar="PERSON", help="In development: who does it; by default this machine's account."),
]


def register(bots: typer.Typer) -> None:
    """Add the commands of this module to those of bots."""
    bots.command()(suspend)
    bots.command()(resume)


def suspend(
    *,
    bot: Bot = None,
    everything: All = False,
    reason: Reason = None,
    data: Data = None,
    as_: StopAs = None,
    token_file: TokenFile = None,
) -> None:
    """Stop a bot now, or all of them; print what is still in flight, as JSON.

    Without --as and --token-file this is the emergency form: it needs nothing but the database, and records the
    account and the host that it ran on.
    """
    which, why = _one(bot, everything=everything), spoken(reason or "") or NO_REASON
    if as_ is None and token_file is None:
        stopped = asyncio.run(_in_emergency(data, which, why))
    else:
        stopped = asyncio.run(_as_person(data, which, why, as_, token_file))
    typer.echo(json.dumps(stopped))


async def _in_emergency(data: Path | None, bot: str | None, reason: str) -> dict[str, Any]:
    database = Database(database_url(data))
    try:
        return await suspend_in_emergency(database, bot, reason, this_account())
    finally:
        await database.close()


async def _as_person(
    data: Path | None, bot: str | None, reason: str, as_: str | None, token_file: Path | None
) -> dict[str, Any]:
    async with opened(data) as place:
        who = await acting_as(place, as_, token_file)
        return await suspend_as(await place.services(lazy=True), who, bot, reason)


def resume(
    *,
    reason: NeededReason,
    bot: Bot = None,
    everything: All = False,
    data: Data = None,
    as_: As = None,
    token_file: TokenFile = None,
) -> None:
    """Ask to let a bot act again, or all of them; print the id of the request. Exit code 4: it is held for others."""
    which, why = _one(bot, everything=everything), words(reason)
    shown(asyncio.run(_ask_to_resume(data, which, why, as_, token_file)))


async def _ask_to_resume(
    data: Path | None, bot: str | None, reason: str, as_: str | None, token_file: Path | None
) -> dict[str, Any]:
    async with opened(data) as place:
        who = await acting_as(place, as_, token_file)
        return (await ask_to_resume(await place.services(), who, bot, None, reason)).view


def _one(bot: str | None, *, everything: bool) -> str | None:
    """The bot, None for all of them."""
    if (bot is None) is not everything:
        raise typer.BadParameter("give either the id of a bot or --all", param_hint="BOT")
    return None if bot is None else whole(bot)
