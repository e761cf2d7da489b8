"""``interlock bots permissions`` and ``revoke``: what bots may do without being held, and the end of it."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.acting import acting_as
from app.cli.asked import NeededReason, words
from app.cli.options import As, Data, TokenFile
from app.cli.place import opened
from app.use_cases.permissions import listing
from app.use_cases.permissions import revoke as revoke_one

Bot = Annotated[str | None, typer.Argument(metavar="BOT", help="One bot; by default all that you may see.")]
Permission = Annotated[uuid.UUID, typer.Argument(metavar="ID", help="As `interlock bots permissions` lists it.")]


def register(bots: typer.Typer) -> None:
    """Add the commands of this module to those of bots."""
    bots.command()(permissions)
    bots.command()(revoke)


def permissions(*, bot: Bot = None, data: Data = None, as_: As = None, token_file: TokenFile = None) -> None:
    """Print standing permissions with their uses, the newest first, each as JSON on a line of its own."""
    for one in asyncio.run(_listed(data, bot, as_, token_file)):
        typer.echo(json.dumps(one))


async def _listed(data: Path | None, bot: str | None, as_: str | None, token_file: Path | None) -> list[Any]:
    async with opened(data) as place:
        who = await acting_as(place, as_, token_file)
        items: list[Any] = (await listing(await place.services(lazy=True), who, bot))["items"]
        return items


def revoke(
    *, permission: Permission, reason: NeededReason, data: Data = None, as_: As = None, token_file: TokenFile = None
) -> None:
    """End a standing permission now; print it, as JSON. What has started under it goes on."""
    typer.echo(json.dumps(asyncio.run(_revoked(data, permission, words(reason), as_, token_file))))


async def _revoked(
    data: Path | None, permission: uuid.UUID, reason: str, as_: str | None, token_file: Path | None
) -> dict[str, Any]:
    async with opened(data) as place:
        who = await acting_as(place, as_, token_file)
        return await revoke_one(await place.services(lazy=True), who, permission, reason)
