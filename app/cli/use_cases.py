"""``interlock bots use-case`` and ``approve``: what a bot is for, and asking for its approval."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.acting import acting_as
from app.cli.asked import NeededReason, ask, shown, words
from app.cli.options import As, Data, TokenFile
from app.cli.place import opened
from app.governance.built_in import APPROVE
from app.use_cases.use_cases import use_case as look

Bot = Annotated[str, typer.Argument(metavar="BOT", help="One bot.")]
Day = Annotated[
    datetime,
    typer.Option("--review-by", formats=["%Y-%m-%d"], metavar="DATE", help="The last day on which it holds."),
]


def register(bots: typer.Typer) -> None:
    """Add the commands of this module to those of bots."""
    bots.command("use-case")(use_case)
    bots.command()(approve)


def use_case(*, bot: Bot, data: Data = None, as_: As = None, token_file: TokenFile = None) -> None:
    """Print what a bot is for: in force, approved, and what is missing between them, as JSON."""
    typer.echo(json.dumps(asyncio.run(_look(data, bot, as_, token_file))))


async def _look(data: Path | None, bot: str, as_: str | None, token_file: Path | None) -> dict[str, Any]:
    async with opened(data) as place:
        who = await acting_as(place, as_, token_file)
        return await look(await place.services(lazy=True), who, bot)


def approve(
    *,
    bot: Bot,
    review_by: Day,
    reason: NeededReason,
    data: Data = None,
    as_: As = None,
    token_file: TokenFile = None,
) -> None:
    """Ask to have what a bot is for approved; print the id of the request. Exit code 4: it is held for its seats."""
    parameters = {"bot": bot, "review_by": review_by.date().isoformat()}
    shown(asyncio.run(_ask(data, parameters, words(reason), as_, token_file)))


async def _ask(
    data: Path | None, parameters: dict[str, Any], reason: str, as_: str | None, token_file: Path | None
) -> dict[str, Any]:
    async with opened(data) as place:
        who = await acting_as(place, as_, token_file)
        return await ask(place, who, APPROVE, parameters, reason)
