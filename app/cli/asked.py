"""What a command that asks for a change takes and says: its reason, the request's id, whether that waits for others."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

import typer

from app.cli.failing import HELD, RefusedByRule
from app.cli.place import Place
from app.domain.states import Status
from app.use_cases.actors import Actor
from app.use_cases.changes import ask_change

LONGEST_REASON = 2000
"""As over the API."""

WAITS = frozenset({Status.HELD, Status.APPROVED, Status.EXECUTING})

NeededReason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; who decides reads it.")]


def words(reason: str) -> str:
    """The reason, as `spoken`; it must say something."""
    why = spoken(reason)
    if not why:
        raise typer.BadParameter("it must say something", param_hint="--reason")
    return why


def spoken(text: str) -> str:
    """No command waits for better words: what is too long is cut."""
    return whole(text).strip()[:LONGEST_REASON]


def whole(text: str) -> str:
    """Bytes of the command line that are no UTF-8 are no text anywhere else."""
    return text.encode(errors="surrogateescape").decode(errors="replace")


async def ask(place: Place, who: Actor, action: str, parameters: dict[str, Any], reason: str) -> dict[str, Any]:
    """Ask for a change of Interlock itself; the request as its asker sees it. Raises as `ask_change`."""
    services, key = await place.services(), str(uuid.uuid4())
    return (await ask_change(services, who, key, action=action, parameters=parameters, reason=reason)).view


def shown(asked: dict[str, Any]) -> None:
    """Print the id of a request; exit code 4 while it waits. Raises `RefusedByRule` for one that has ended badly."""
    status = Status(asked["status"])
    if status is not Status.SUCCEEDED and status not in WAITS:
        raise RefusedByRule(f"request {asked['id']} is {status}: {asked['verdict']['reason']}")
    typer.echo(asked["id"])
    if status in WAITS:
        raise typer.Exit(HELD)
