"""``interlock oversight``: what was decided, by whom and how fast, with its evidence; and its sign-off."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.acting import acting_as
from app.cli.asked import NeededReason, ask, shown, words
from app.cli.options import As, Data, TokenFile
from app.cli.place import opened
from app.domain.oversight import Period, month, period
from app.governance.built_in import SIGN_OFF
from app.use_cases import oversight
from app.use_cases.oversight import Readable
from app.use_cases.oversight_page import page

Since = Annotated[str | None, typer.Option("--from", metavar="WHEN", help="2026-10-01, or RFC 3339.")]
Until = Annotated[str | None, typer.Option("--to", metavar="WHEN", help="As --from; not part of the period.")]
Month = Annotated[str | None, typer.Option("--period", metavar="MONTH", help="A month in UTC, 2026-10.")]
NeededMonth = Annotated[str, typer.Argument(metavar="PERIOD", help="A month in UTC, 2026-10; or FROM/TO.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where to write it; by default to stdout.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, persons as pids; by default a page to print.")]
Figure = Annotated[str, typer.Argument(metavar="FIGURE", help="As the JSON names it: violations/0.")]


def register(interlock: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Reports on what was decided, and their sign-off.", no_args_is_help=True)
    group.command("report")(report)
    group.command("entries")(entries)
    group.command("sign-off")(sign_off)
    group.command("list")(listed)
    interlock.add_typer(group, name="oversight")


def _period(since: str | None, until: str | None, of_month: str | None) -> Period:
    if (of_month is None) == (since is None) or (since is None) != (until is None):
        raise typer.BadParameter("give --period MONTH, or --from and --to")
    try:
        return month(of_month) if of_month is not None else period(since or "", until or "")
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _named(text: str) -> Period:
    since, slash, until = text.partition("/")
    return _period(since, until, None) if slash else _period(None, None, text)


def report(
    *,
    since: Since = None,
    until: Until = None,
    of_month: Month = None,
    out: Out = None,
    as_json: AsJson = False,
    data: Data = None,
    as_: As = None,
    token_file: TokenFile = None,
) -> None:
    """Print the report of a period, worked out now: a page, or JSON. For who may audit or administer."""
    found = asyncio.run(_report(data, _period(since, until, of_month), as_, token_file))
    told = json.dumps(found.report, indent=1, ensure_ascii=False) if as_json else page(found)
    if out is None:
        typer.echo(told)
    else:
        out.write_text(told, encoding="utf-8")


async def _report(data: Path | None, of: Period, as_: str | None, token_file: Path | None) -> Readable:
    async with opened(data) as place:
        who = await acting_as(place, as_, token_file)
        return await oversight.readable(await place.services(lazy=True), who, of)


def entries(
    *,
    figure: Figure,
    since: Since = None,
    until: Until = None,
    of_month: Month = None,
    data: Data = None,
    as_: As = None,
    token_file: TokenFile = None,
) -> None:
    """Print all entries that a figure counts, `stream#n`, one a line."""
    for one in asyncio.run(_entries(data, _period(since, until, of_month), figure, as_, token_file)):
        typer.echo(one)


async def _entries(data: Path | None, of: Period, figure: str, as_: str | None, token_file: Path | None) -> list[str]:
    async with opened(data) as place:
        who = await acting_as(place, as_, token_file)
        return await oversight.entries(await place.services(lazy=True), who, of, figure)


def sign_off(
    *,
    of: NeededMonth,
    reason: NeededReason,
    data: Data = None,
    as_: As = None,
    token_file: TokenFile = None,
) -> None:
    """Prepare the report of a period and ask an auditor to sign it off; print the request's id. Exit code 4: held."""
    shown(asyncio.run(_ask(data, _named(of), words(reason), as_, token_file)))


async def _ask(data: Path | None, of: Period, reason: str, as_: str | None, token_file: Path | None) -> dict[str, Any]:
    async with opened(data) as place:
        who = await acting_as(place, as_, token_file)
        parameters = await oversight.prepare(await place.services(), who, of)
        return await ask(place, who, SIGN_OFF, parameters, reason)


def listed(*, data: Data = None, as_: As = None, token_file: TokenFile = None) -> None:
    """Print the reports that were prepared or signed, the latest period first, each as JSON on a line of its own."""
    for one in asyncio.run(_listed(data, as_, token_file)):
        typer.echo(json.dumps(one))


async def _listed(data: Path | None, as_: str | None, token_file: Path | None) -> list[Any]:
    async with opened(data) as place:
        who = await acting_as(place, as_, token_file)
        return await oversight.listing(await place.services(lazy=True), who)
