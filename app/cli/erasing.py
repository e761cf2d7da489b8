"""``interlock ledger erase``, ``hold`` and ``release``: asking for what concerns a subject to go, or to stay."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.acting import acting_as
from app.cli.asked import NeededReason, ask, shown, words
from app.cli.options import As, Data, TokenFile
from app.cli.place import opened
from app.governance.built_in import ERASE, HOLD, RELEASE

Subject = Annotated[str, typer.Argument(metavar="SUBJECT", help="As in customer:4711.")]


def register(ledger: typer.Typer) -> None:
    """Add the commands of this module to those of the ledger."""
    ledger.command()(erase)
    ledger.command()(hold)
    ledger.command()(release)


def erase(
    *, subject: Subject, reason: NeededReason, data: Data = None, as_: As = None, token_file: TokenFile = None
) -> None:
    """Ask to erase all that concerns a customer or payee: it cannot be brought back, and every proof still holds.

    Prints the id of the request. Exit code 4: it is held for another administrator, and then for a security seat. The
    reason is erased as well. Refused while requests of theirs are not over, or a legal hold stands.
    """
    _ask((data, as_, token_file), ERASE, subject, reason)


def hold(
    *, subject: Subject, reason: NeededReason, data: Data = None, as_: As = None, token_file: TokenFile = None
) -> None:
    """Ask for a legal hold: until it is released nothing that concerns the subject is erased.

    Prints the id of the request. Exit code 4: it is held for a security seat or another administrator.
    """
    _ask((data, as_, token_file), HOLD, subject, reason)


def release(
    *, subject: Subject, reason: NeededReason, data: Data = None, as_: As = None, token_file: TokenFile = None
) -> None:
    """Ask to end a legal hold. Prints the id of the request; exit code 4: it is held, as `erase` is."""
    _ask((data, as_, token_file), RELEASE, subject, reason)


Caller = tuple[Path | None, str | None, Path | None]
"""Where the data is, and who asks: ``--data``, ``--as``, ``--token-file``."""


def _ask(caller: Caller, action: str, subject: str, reason: str) -> None:
    asked = asyncio.run(_asked(caller, action, {"subject": subject}, words(reason)))
    if asked.get("may_decide"):
        typer.echo(f"to be signed by one of: {', '.join(asked['may_decide'])}", err=True)
    shown(asked)


async def _asked(caller: Caller, action: str, parameters: dict[str, Any], reason: str) -> dict[str, Any]:
    data, as_, token_file = caller
    async with opened(data) as place:
        who = await acting_as(place, as_, token_file)
        return await ask(place, who, action, parameters, reason)
