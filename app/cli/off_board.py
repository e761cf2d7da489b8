"""``interlock people off-board``: everywhere that a person sits, and the ask to let them go."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from app.cli.acting import acting_as
from app.cli.asked import ask, shown, words
from app.cli.options import As, Data, Json, TokenFile
from app.cli.place import opened
from app.governance.built_in import OFF_BOARD
from app.use_cases.seats import seats_of

Person = Annotated[str, typer.Argument(metavar="ID", help="Who leaves.")]
To = Annotated[
    str | None, typer.Option("--to", metavar="PERSON", help="Who takes every seat that --seat does not name.")
]
Seat = Annotated[
    list[str] | None,
    typer.Option(
        "--seat",
        metavar="PLACE=PERSON",
        help="Who takes this one, as listed; a place in a group is nobody's otherwise. May be repeated.",
    ),
]
Reason = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", help="Why; who decides reads it. Without: only listed."),
]


def register(people: typer.Typer) -> None:
    """Add the command of this module to those of people."""
    people.command("off-board")(off_board)


def off_board(
    *,
    person: Person,
    to: To = None,
    seat: Seat = None,
    reason: Reason = None,
    data: Data = None,
    as_: As = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Everywhere that a person sits. With --reason: ask to let them go, and hand over what they sit on.

    Prints the id of the request. Exit code 4: it is held for another administrator, who is not the person either. The
    folder of rules is to be changed as well: published as it is, it would bring them back.
    """
    if reason is None:
        if to is not None or seat:
            raise typer.BadParameter("say why they leave, to ask for it", param_hint="--reason")
        _print(asyncio.run(_listed(data, person, as_, token_file)), as_json=as_json)
        return
    parameters = {
        "person": person,
        **({} if to is None else {"to": to}),
        **({"seats": dict(map(_named, seat))} if seat else {}),
    }
    asked = asyncio.run(_ask(data, parameters, words(reason), as_, token_file))
    if asked.get("may_decide"):
        typer.echo(f"to be signed by one of: {', '.join(asked['may_decide'])}", err=True)
    shown(asked)


def _named(text: str) -> tuple[str, str]:
    place, equals, person = text.rpartition("=")
    if not (place and equals and person):
        raise typer.BadParameter("it looks like bots.BOT.SEAT=PERSON or groups.GROUP=PERSON", param_hint="--seat")
    return place, person


async def _listed(data: Path | None, person: str, as_: str | None, token_file: Path | None) -> dict[str, Any]:
    async with opened(data) as place:
        who = await acting_as(place, as_, token_file)
        return await seats_of(await place.services(lazy=True), who, person)


async def _ask(
    data: Path | None, parameters: dict[str, Any], reason: str, as_: str | None, token_file: Path | None
) -> dict[str, Any]:
    async with opened(data) as place:
        who = await acting_as(place, as_, token_file)
        return await ask(place, who, OFF_BOARD, parameters, reason)


def _print(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    person = found["person"]
    left = "" if person["active"] else " (left)"
    table = Table("what", "which", "how it is", title=f"{person['name']}{left}", title_justify="left", box=None)
    for column in table.columns:
        column.overflow = "fold"
    for row in _rows(found):
        table.add_row(*row)
    Console().print(table)


def _rows(found: dict[str, Any]) -> Iterator[Sequence[str]]:
    for one in found["seats"]:
        by = one["by_group"]
        yield "seat", one["place"], "to be handed over" if by is None else f"by group:{by}"
    for one in found["groups"]:
        yield "group", one["place"], f"may {', '.join(one['may'])}" if one["may"] else ""
    yield from _given(found)
    for one in found["requests"]:
        yield "request asked", one["id"], f"{one['action']}, {one['status']}"
    for one in found["votes"]:
        yield "vote", one["request"], f"{one['decision']} on {one['action']}, {one['status']}"
    for one in found["reviews"]:
        yield "review", one["id"], f"{one['kind']} of {one['bot']}, by {one['due_at']}"
    for one in found["credentials"]:
        yield "credential made", one["client_id"], f"of {one['kind']} {one['holder']}: make a new one"
    for one in found["permissions"]:
        yield "permission asked", one["id"], f"{one['bot']} for {one['action']}, until {one['expires_at']}"


def _given(found: dict[str, Any]) -> Iterator[Sequence[str]]:
    for one in found["delegations"]:
        given = one["person"] == found["person"]["id"]
        said = f"given to {one['delegate']}" if given else f"received from {one['person']}"
        yield "delegation", one["id"], f"{said}, until {one['until']}"
    for one in found["identities"]:
        how = "by the files" if one["source"] == "files" else "linked"
        yield "identity", f"{one['kind']} {one['issuer']}/{one['subject']}", how
