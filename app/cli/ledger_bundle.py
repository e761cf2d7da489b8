"""``interlock ledger bundle``: evidence of a request, an incident or a span of time, into a file."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from app.cli.acting import acting_as
from app.cli.options import As, Data, TokenFile
from app.cli.place import opened
from app.domain.clocks import moment
from app.ledger.page import page
from app.use_cases import evidence
from app.use_cases.actors import Actor
from app.use_cases.services import Services

Taken = Callable[[Services, Actor], Awaitable[bytes]]


def bundle(
    *,
    request: Annotated[str | None, typer.Argument(metavar="REQUEST", help="The id of a request.")] = None,
    incident: Annotated[str | None, typer.Option("--incident", metavar="ID", help="An incident instead.")] = None,
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help="A span instead, RFC 3339.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME")] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the bundle goes.")],
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Where a page for people goes.")] = None,
    data: Data = None,
    as_: As = None,
    token_file: TokenFile = None,
) -> None:
    """Write a bundle that `interlock ledger verify BUNDLE --key VKEY` checks offline; with --html a page, too.

    For auditors: --as in development, --token-file elsewhere.
    """
    taken = asyncio.run(_taken(data, as_, token_file, _what(request, incident, since, until)))
    out.write_bytes(taken)
    if html is not None:
        html.write_text(page(json.loads(taken)), encoding="utf-8")
    typer.echo(f"{out}: {len(taken)} bytes; check it with interlock ledger verify {out} --key VKEY")


async def _taken(data: Path | None, as_: str | None, token_file: Path | None, what: Taken) -> bytes:
    async with opened(data) as place:
        who = await acting_as(place, as_, token_file)
        return await what(await place.services(lazy=True), who)


def _what(request: str | None, incident: str | None, since: str | None, until: str | None) -> Taken:
    """What is asked for; exactly one thing. Raises typer.BadParameter."""
    if sum((request is not None, incident is not None, since is not None or until is not None)) != 1:
        raise typer.BadParameter("name one: a request, --incident, or --from and --to")
    if request is not None:
        request_id = _id(request)
        return lambda services, who: evidence.of_request(services, who, request_id)
    if incident is not None:
        incident_id = _id(incident)
        return lambda services, who: evidence.of_incident(services, who, incident_id)
    first, last = _time("--from", since), _time("--to", until)
    return lambda services, who: evidence.of_span(services, who, first, last)


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no id: it looks like 9f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11") from None


def _time(option: str, text: str | None) -> datetime:
    try:
        return moment(text or "")
    except ValueError:
        raise typer.BadParameter("give it as 2026-01-05T09:00:00Z", param_hint=option) from None
