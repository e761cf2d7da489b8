"""``interlock bots``, ``targets`` and ``token``: what machines and, in development, people present to the API."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from app.cli import permissions, stops, use_cases
from app.cli.acting import acting
from app.cli.failing import RefusedByRule
from app.cli.options import As, Data, TokenFile
from app.cli.place import Place, opened
from app.db import governance
from app.domain.errors import Misconfigured, NotFound
from app.domain.request import Level
from app.identity.tokens import dev_token
from app.use_cases.token import create_credential


class Assurance(StrEnum):
    """The words of `Level`."""

    CLICK = "click"
    LOGIN = "login"
    RECENT = "recent"
    STRONG = "strong"


def register(interlock: typer.Typer) -> None:
    """Add the commands of this module."""
    bots = typer.Typer(help="Bots.", no_args_is_help=True)
    bots.command("credentials")(bot_credentials)
    stops.register(bots)
    permissions.register(bots)
    use_cases.register(bots)
    targets = typer.Typer(help="The systems that actions act on.", no_args_is_help=True)
    targets.command("credentials")(target_credentials)
    interlock.add_typer(bots, name="bots")
    interlock.add_typer(targets, name="targets")
    interlock.command()(token)


def bot_credentials(
    bot: Annotated[str, typer.Argument(metavar="BOT")], data: Data = None, as_: As = None, token_file: TokenFile = None
) -> None:
    """Make a client secret for a bot and print it, once, as JSON; the ones before stay valid."""
    asyncio.run(_credential("bot", bot, data, as_, token_file))


def target_credentials(
    client: Annotated[str, typer.Argument(metavar="CLIENT")],
    data: Data = None,
    as_: As = None,
    token_file: TokenFile = None,
) -> None:
    """Make a client secret for a target and print it, once, as JSON; the ones before stay valid."""
    asyncio.run(_credential("target", client, data, as_, token_file))


async def _credential(kind: str, holder: str, data: Path | None, as_: str | None, token_file: Path | None) -> None:
    async with opened(data) as place:
        made_by = await acting(place, as_, token_file)
        client_id, secret = await create_credential(place.ctx, kind, holder, made_by)
    typer.echo(json.dumps({"client_id": client_id, "client_secret": secret}))


def token(
    person: Annotated[str, typer.Argument(metavar="PERSON")],
    level: Annotated[Assurance, typer.Option("--level", help="How surely it is them.")] = Assurance.LOGIN,
    data: Data = None,
) -> None:
    """Print an access token of a person. In development only: elsewhere people's tokens come from their issuer."""
    asyncio.run(_token(person, Level[level.name], data))


async def _token(person: str, level: Level, data: Path | None) -> None:
    async with opened(data) as place:
        if not place.development:
            raise RefusedByRule("only development makes people's tokens; elsewhere they come from their OIDC issuer")
        await _known(place, person)
        if place.rings.dev_issuer is None:
            raise Misconfigured(f"{place.settings.keys.dir / 'dev-issuer.json'} is missing; `interlock dev` makes it.")
        base_url = place.settings.api.base_url
        now = datetime.now(UTC)
    typer.echo(dev_token(place.rings.dev_issuer, base_url=base_url, person_id=person, level=level, now=now))


async def _known(place: Place, person: str) -> None:
    async with place.ctx.database.transaction() as session:
        found = await governance.person(session, person)
    if found is None:
        raise NotFound(f"There is no person {person!r}; see `interlock people list`.")
