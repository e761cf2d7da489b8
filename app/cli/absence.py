"""``interlock people away`` and ``back``: who decides in one's place for a while."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.acting import acting_in_person
from app.cli.options import Data, TokenFile
from app.cli.place import opened
from app.domain.clocks import duration, moment
from app.domain.errors import NotFound
from app.use_cases.delegations import Wish, end_own, give

To = Annotated[str, typer.Option("--to", metavar="PERSON", help="Who decides.")]
Until = Annotated[str, typer.Option("--until", metavar="TIME", help="2026-01-19T08:00:00Z, or so long: 14d.")]
Begin = Annotated[str | None, typer.Option("--from", metavar="TIME", help="The same; by default now.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with it.")]
Own = Annotated[str | None, typer.Option("--as", metavar="PERSON", help="In development: whose decisions; no default.")]


def register(people: typer.Typer) -> None:
    """Add the commands of this module to those of people."""
    people.command()(away)
    people.command()(back)


def away(
    *,
    to: To,
    until: Until,
    reason: Reason,
    begin: Begin = None,
    data: Data = None,
    as_: Own = None,
    token_file: TokenFile = None,
) -> None:
    """Have another person decide in your place for 30 days at most; print it, as JSON.

    It counts for what is asked for from now on, not for what is pending. The two of you count once.
    """
    why = reason.encode(errors="surrogateescape").decode(errors="replace").strip()
    if not why:
        raise typer.BadParameter("it must say something", param_hint="--reason")
    starts_at = None if begin is None else _time(begin, "--from")
    wish = Wish(to, starts_at, _time(until, "--until"), why)
    typer.echo(json.dumps(asyncio.run(_away(data, wish, as_, token_file))))


def _time(text: str, option: str) -> datetime:
    """A moment, or one so long from now."""
    try:
        return datetime.now(UTC) + duration(text)
    except (ValueError, OverflowError):
        pass
    try:
        return moment(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter("a time looks like 2026-01-19T08:00:00Z or 14d", param_hint=option) from None


async def _away(data: Path | None, wish: Wish, as_: str | None, token_file: Path | None) -> dict[str, Any]:
    async with opened(data) as place:
        who = await acting_in_person(place, as_, token_file)
        return (await give(await place.services(lazy=True), who, uuid.uuid4().hex, wish))[0]


def back(*, data: Data = None, as_: Own = None, token_file: TokenFile = None) -> None:
    """End what you have given, also what was still to begin; print each, as JSON."""
    for ended in asyncio.run(_back(data, as_, token_file)):
        typer.echo(json.dumps(ended))


async def _back(data: Path | None, as_: str | None, token_file: Path | None) -> list[dict[str, Any]]:
    async with opened(data) as place:
        ended = await end_own(await place.services(lazy=True), await acting_in_person(place, as_, token_file))
    if not ended:
        raise NotFound("Nobody decides in your place.")
    return ended
