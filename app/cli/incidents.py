"""``interlock incidents``: opened, looked at, rolled back, watched, paused, closed and reported from a terminal."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from app.cli.acting import acting_as
from app.cli.asked import NeededReason, shown, whole, words
from app.cli.failing import FINDINGS
from app.cli.incident_tables import candidates_table, console, head, list_table
from app.cli.incident_watch import watched
from app.cli.options import As, Data, Json, TokenFile
from app.cli.place import opened
from app.domain.clocks import duration, moment
from app.use_cases import incident_reading, incidents
from app.use_cases.actors import Actor
from app.use_cases.incident_markdown import markdown
from app.use_cases.incident_report import report as report_of
from app.use_cases.services import Services

T = TypeVar("T")
LISTED = 50

Incident = Annotated[uuid.UUID, typer.Argument(metavar="ID", help="As `interlock incidents list` lists it.")]
Title = Annotated[str, typer.Argument(metavar="TITLE", help="What went wrong, in a line.")]
Bots = Annotated[list[str] | None, typer.Option("--bot", help="Whose requests; again for more. Without it: all bots'.")]
Actions = Annotated[
    list[str] | None, typer.Option("--action", help="A name or pattern; again for more. Without it: all actions.")
]
Since = Annotated[str, typer.Option("--since", metavar="WHEN", help="As in 1h, or a time like 2026-01-19T08:00:00Z.")]
Until = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="As --since; by default now.")]
Suspend = Annotated[bool, typer.Option("--suspend", help="Stop its bots first.")]
Everything = Annotated[bool, typer.Option("--all", help="All that can be undone now and have not failed.")]
Chosen = Annotated[list[uuid.UUID] | None, typer.Argument(metavar="REQUEST...", help="Candidates; or give --all.")]
Summary = Annotated[str, typer.Option("--summary", metavar="TEXT", help="What happened, and what was done about it.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="For people to read, instead of JSON.")]


def register(interlock: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="What bots did wrong, and undoing it.", no_args_is_help=True)
    group.command("open")(open_incident)
    group.command("list")(list_incidents)
    group.command("roll-back")(roll_back)
    for command in (show, watch, pause, resume, close, report):
        group.command()(command)
    interlock.add_typer(group, name="incidents")


def open_incident(
    *,
    title: Title,
    since: Since,
    bot: Bots = None,
    action: Actions = None,
    until: Until = None,
    suspend: Suspend = False,
    data: Data = None,
    as_: As = None,
    token_file: TokenFile = None,
) -> None:
    """Open an incident and print its id; what of stopped bots is still in flight goes to stderr."""
    now = datetime.now(UTC)
    fields: dict[str, Any] = {
        "title": words_of(title, "TITLE"),
        "bots": [whole(one) for one in bot or ()],
        "actions": [whole(one) for one in action or ()],
        "since": _when(since, now, "--since"),
        "until": now if until is None else _when(until, now, "--until"),
        "suspend": suspend,
    }

    async def do(services: Services, who: Actor) -> tuple[dict[str, Any], bool]:
        return await incident_reading.opened(services, who, str(uuid.uuid4()), **fields)

    found, _ = asyncio.run(_as(data, as_, token_file, do))
    for name, stopped in found.get("suspended", {}).items():
        for flying in stopped["in_flight"]:
            typer.echo(f"still in flight: {name} {flying['action']} {flying['request_id']}", err=True)
    typer.echo(found["id"])


def words_of(text: str, hint: str) -> str:
    """A text that says something, in 200 characters at most."""
    said = whole(text).strip()
    if not 0 < len(said) <= 200:
        raise typer.BadParameter("it must say something, in 200 characters at most", param_hint=hint)
    return said


def _when(text: str, now: datetime, hint: str) -> datetime:
    try:
        return now - duration(text)
    except (ValueError, OverflowError):
        pass
    try:
        return moment(text)
    except ValueError:
        raise typer.BadParameter("give a span like 1h, or a time like 2026-01-19T08:00:00Z", param_hint=hint) from None


def list_incidents(*, as_json: Json = False, data: Data = None, as_: As = None, token_file: TokenFile = None) -> None:
    """The newest 50 of the incidents that you may see."""

    async def do(services: Services, who: Actor) -> dict[str, Any]:
        return await incident_reading.listing(services, who, cursor=None, limit=LISTED)

    items = asyncio.run(_as(data, as_, token_file, do))["items"]
    if as_json:
        for one in items:
            typer.echo(json.dumps(one))
        return
    console().print(list_table(items))


def show(
    *, incident: Incident, as_json: Json = False, data: Data = None, as_: As = None, token_file: TokenFile = None
) -> None:
    """An incident with its candidates: what is at stake, and whether it can still be undone."""
    found = asyncio.run(_as(data, as_, token_file, _reading(incident)))
    if as_json:
        typer.echo(json.dumps(found))
        return
    for line in head(found):
        typer.echo(line)
    console().print(candidates_table(found))


def _reading(incident: uuid.UUID) -> Callable[[Services, Actor], Awaitable[dict[str, Any]]]:
    async def do(services: Services, who: Actor) -> dict[str, Any]:
        return await incident_reading.read(services, who, incident)

    return do


def roll_back(
    *,
    incident: Incident,
    requests: Chosen = None,
    everything: Everything = False,
    reason: NeededReason,
    data: Data = None,
    as_: As = None,
    token_file: TokenFile = None,
) -> None:
    """Ask to undo it, all or some; print the id of the one request. Exit code 4: it is held for others."""
    if bool(requests) is everything:
        raise typer.BadParameter("give either requests or --all", param_hint="REQUEST...")
    which, why = "all" if everything else requests or [], words(reason)

    async def do(services: Services, who: Actor) -> dict[str, Any]:
        key = str(uuid.uuid4())
        asked = await incidents.roll_back_incident(services, who, incident, key, chosen=which, reason=why)
        return asked.view

    shown(asyncio.run(_as(data, as_, token_file, do, lazy=False)))


def watch(*, incident: Incident, data: Data = None, as_: As = None, token_file: TokenFile = None) -> None:
    """Show how far its rollback is, until that has ended. Exit code 0: all was undone; 1: not all."""

    async def do(services: Services, who: Actor) -> bool:
        return await watched(services, who, incident)

    if not asyncio.run(_as(data, as_, token_file, do)):
        raise typer.Exit(FINDINGS)


def pause(*, incident: Incident, data: Data = None, as_: As = None, token_file: TokenFile = None) -> None:
    """Let nothing more of its rollback start; what has started goes on to its end. Prints how it stands."""

    async def do(services: Services, who: Actor) -> str:
        return (await incidents.pause(services, who, incident)).status

    typer.echo(asyncio.run(_as(data, as_, token_file, do)))


def resume(*, incident: Incident, data: Data = None, as_: As = None, token_file: TokenFile = None) -> None:
    """Let its rollback go on. Prints how it stands."""

    async def do(services: Services, who: Actor) -> str:
        return (await incidents.go_on(services, who, incident)).status

    typer.echo(asyncio.run(_as(data, as_, token_file, do)))


def close(
    *, incident: Incident, summary: Summary, data: Data = None, as_: As = None, token_file: TokenFile = None
) -> None:
    """End it with a summary; of a paused rollback nothing more runs then. Prints how it stands."""
    said = whole(summary).strip()
    if not said:
        raise typer.BadParameter("it must say something", param_hint="--summary")

    async def do(services: Services, who: Actor) -> str:
        return (await incidents.close(services, who, incident, said)).status

    typer.echo(asyncio.run(_as(data, as_, token_file, do)))


def report(
    *,
    incident: Incident,
    as_markdown: Markdown = False,
    data: Data = None,
    as_: As = None,
    token_file: TokenFile = None,
) -> None:
    """Print what happened when, what was undone, what was not and why, and who signed."""

    async def do(services: Services, who: Actor) -> dict[str, Any]:
        return await report_of(services, who, incident)

    found = asyncio.run(_as(data, as_, token_file, do))
    typer.echo(markdown(found) if as_markdown else json.dumps(found), nl=not as_markdown)


async def _as(
    data: Path | None,
    as_: str | None,
    token_file: Path | None,
    do: Callable[[Services, Actor], Awaitable[T]],
    *,
    lazy: bool = True,
) -> T:
    """Do something as a person. ``lazy``: it needs no Temporal."""
    async with opened(data) as place:
        who = await acting_as(place, as_, token_file)
        return await do(await place.services(lazy=lazy), who)
