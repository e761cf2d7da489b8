"""``interlock reviews``: what people must look at, and what they found."""

from __future__ import annotations

import asyncio
import json
import uuid
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.acting import acting_as
from app.cli.asked import NeededReason, words
from app.cli.options import As, Data, TokenFile
from app.cli.place import opened
from app.steps.reviewing import Finding
from app.use_cases import reviews


class Found(StrEnum):
    """What one may find: of what was released alone the first two, of a bot the others."""

    JUSTIFIED = "justified"
    UNJUSTIFIED = "unjustified"
    ATTESTED = "attested"
    CHANGED = "changed"


OnlyOpen = Annotated[bool, typer.Option("--open", help="Only those that nobody has made yet.")]
Review = Annotated[uuid.UUID, typer.Argument(metavar="ID", help="As `interlock reviews list` lists it.")]
Word = Annotated[
    Found, typer.Option("--found", help="Of a bot attested or changed; of what was released alone the others.")
]


def register(interlock: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Reviews of bots by their owners, and of what was released alone.", no_args_is_help=True)
    group.command("list")(list_reviews)
    group.command()(attest)
    interlock.add_typer(group, name="reviews")


def list_reviews(
    *, only_open: OnlyOpen = False, data: Data = None, as_: As = None, token_file: TokenFile = None
) -> None:
    """Print the reviews that you may see, the newest first, each as JSON on a line of its own."""
    for one in asyncio.run(_listed(data, as_, token_file, only_open=only_open)):
        typer.echo(json.dumps(one))


async def _listed(data: Path | None, as_: str | None, token_file: Path | None, *, only_open: bool) -> list[Any]:
    async with opened(data) as place:
        who = await acting_as(place, as_, token_file)
        items: list[Any] = (await reviews.listing(await place.services(lazy=True), who, open_only=only_open))["items"]
        return items


def attest(
    *,
    review: Review,
    found: Word = Found.ATTESTED,
    reason: NeededReason,
    data: Data = None,
    as_: As = None,
    token_file: TokenFile = None,
) -> None:
    """Say what you found; print the review, as JSON. `changed` says what is asked for instead, and changes nothing."""
    finding = Finding(found.value, words(reason))
    typer.echo(json.dumps(asyncio.run(_attested(data, review, finding, as_, token_file))))


async def _attested(
    data: Path | None, review: uuid.UUID, finding: Finding, as_: str | None, token_file: Path | None
) -> dict[str, Any]:
    async with opened(data) as place:
        who = await acting_as(place, as_, token_file)
        return await reviews.attest(await place.services(lazy=True), who, review, finding)
