"""``interlock policy publish``: ask to put a folder of rules in force."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.acting import acting_as
from app.cli.asked import NeededReason, ask, shown, words
from app.cli.options import As, Data, TokenFile
from app.cli.place import folder, opened
from app.domain.errors import Misconfigured
from app.governance.built_in import PUBLISH
from app.governance.files import load
from app.governance.source import MAX_BYTES

Dir = Annotated[Path, typer.Argument(metavar="DIR", help="A directory of governance files.")]


def publish(
    directory: Dir,
    *,
    reason: NeededReason,
    data: Data = None,
    as_: As = None,
    token_file: TokenFile = None,
) -> None:
    """Ask to put other rules in force; print the id of the request. Exit code 4: it is held for another administrator.

    They are made from the rules that are in force now: when others come between, it is revoked.
    """
    why, files = words(reason), _files(folder(directory))
    shown(asyncio.run(_ask(data, files, why, as_, token_file)))


def _files(directory: Path) -> dict[str, str]:
    """The folder's files as text. Raises `GovernanceInvalid` with all that is wrong with them, Misconfigured."""
    load(directory)
    paths = sorted(path for path in directory.iterdir() if path.suffix in (".yaml", ".yml"))
    if sum(path.stat().st_size for path in paths) > MAX_BYTES:
        raise Misconfigured(f"{directory}: over {MAX_BYTES} bytes")
    return {path.name: path.read_text(encoding="utf-8") for path in paths}


async def _ask(
    data: Path | None, files: dict[str, str], reason: str, as_: str | None, token_file: Path | None
) -> dict[str, Any]:
    async with opened(data) as place:
        who = await acting_as(place, as_, token_file)
        async with place.ctx.database.transaction() as session:
            base = (await place.ctx.rules.in_force(session)).version
        parameters = {"files": files, "base": base}
        return await ask(place, who, PUBLISH, parameters, reason)
