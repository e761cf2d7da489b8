"""``interlock init`` and ``interlock policy``: governance files, checked and put in force."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.cli import policy_work
from app.cli.acting import acting_on
from app.cli.failing import FINDINGS, RefusedByRule
from app.cli.options import As, Data
from app.cli.place import folder, opened
from app.cli.publish import publish
from app.db.migrate import upgrade
from app.domain.errors import GovernanceInvalid, Misconfigured
from app.governance.check import inspect
from app.keys import KeyRings
from app.parts import build_context
from app.settings import Settings
from app.use_cases.governance import install

Dir = Annotated[Path, typer.Argument(metavar="DIR", help="A directory of governance files.")]


def register(interlock: typer.Typer) -> None:
    """Add the commands of this module."""
    interlock.command()(init)
    group = typer.Typer(help="The rules: who may ask for what, and who decides.", no_args_is_help=True)
    group.command("check")(check)
    group.command("publish")(publish)
    policy_work.register(group)
    interlock.add_typer(group, name="policy")


def init(
    directory: Dir,
    replace: Annotated[
        bool, typer.Option("--replace", help="In development: also when other rules are in force.")
    ] = False,
    data: Data = None,
    as_: As = None,
) -> None:
    """Put the first rules in force."""
    asyncio.run(_init(directory, replace=replace, data=data, as_=as_))


async def _init(directory: Path, *, replace: bool, data: Path | None, as_: str | None) -> None:
    async with opened(data) as place:
        by = acting_on(folder(directory), place.settings.environment, as_)
        await upgrade(place.settings.database.url.get_secret_value())
        try:
            version = await install(place.ctx, directory, replace=replace, by=by)
        except GovernanceInvalid:
            raise
        except Misconfigured as error:
            raise RefusedByRule(str(error)) from None
        typer.echo(f"in force: {version}")


def check(directory: Dir) -> None:
    """Find everything that is wrong with governance files. Exit code 1 if there is anything."""
    tree, _, findings = inspect(folder(directory))
    for finding in findings:
        typer.echo(f"{finding.where}: {finding.what}")
    if findings:
        raise typer.Exit(FINDINGS)
    document = tree.document()
    counts = (f"{name}: {len(entries)}" for name, entries in sorted(document.items()))
    typer.echo(f"{directory}: in order ({', '.join(counts)})")


async def install_for_dev(settings: Settings, governance: Path) -> None:
    """What `interlock dev` does with its folder of rules: as ``init --replace``, by the first who may administer."""
    ctx = build_context(settings, KeyRings.load(settings.keys.dir))
    try:
        by = acting_on(folder(governance), settings.environment, None)
        await install(ctx, governance, replace=True, by=by)
    finally:
        await ctx.database.close()
