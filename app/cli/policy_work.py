"""``interlock policy diff, simulate, show, history``: what a draft would change, and what is in force and was."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from app.cli.failing import FINDINGS
from app.cli.options import Data, Json
from app.cli.place import folder, opened
from app.cli.policy_tables import history_table, simulation_tables, yaml_of
from app.domain.errors import Malformed
from app.governance.calls import MAX_CALLS, calls_of_lines
from app.governance.files import Governance, load
from app.governance.simulate import Asked
from app.steps.context import Context
from app.use_cases import policy_work
from app.use_cases.simulate import (
    DEFAULT_SINCE,
    MOST,
    judged,
    over_calls,
    over_requests,
    since_of,
    unsaid_of,
)

WIDE = 500
_LOOSENS = {True: "asks for less", False: "asks for no less", None: "may ask for less"}

Draft = Annotated[Path, typer.Argument(metavar="DIR", help="A directory of governance files: the draft.")]
OneJson = Annotated[bool, typer.Option("--json", help="One JSON object.")]
Calls = Annotated[
    Path | None,
    typer.Option("--calls", metavar="FILE", help="Tool calls, a JSON object a line, instead of stored requests."),
]
Since = Annotated[
    str,
    typer.Option("--since", metavar="SPAN", help="How far to look back at stored requests: 12h, 30d; 366d at most."),
]
Version = Annotated[
    str | None, typer.Argument(metavar="VERSION", help="Begins the version's hash; by default what is in force.")
]


def register(policy: typer.Typer) -> None:
    """Add the commands of this module to those of policy."""
    policy.command("diff")(diff)
    policy.command("simulate")(simulate)
    policy.command("show")(show)
    policy.command("history")(history)


def diff(directory: Draft, data: Data = None, as_json: OneJson = False) -> None:
    """What a draft changes of what is in force, in words. Exit code 1 if it changes anything, as of diff(1).

    Each entry also says whether less is asked for than before: `asks for less`, `asks for no less`, or, where the files
    alone do not tell, `may ask for less`. Files that are not in order are exit code 1 too, said on stderr.
    """
    draft = load(folder(directory))
    found = asyncio.run(_difference(data, draft))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    elif not found["changes"]:
        typer.echo(f"{directory}: no difference to {found['policy_version']}")
    for change in () if as_json else found["changes"]:
        for sentence in change["sentences"]:
            typer.echo(sentence)
        typer.echo(f"  {change['change']}; {_LOOSENS[change['loosens']]}")
    if found["changes"]:
        raise typer.Exit(FINDINGS)


async def _difference(data: Path | None, draft: Governance) -> dict[str, Any]:
    async with opened(data) as place:
        return await policy_work.difference(place.ctx, draft)


def simulate(
    directory: Draft,
    calls: Calls = None,
    since: Since = DEFAULT_SINCE,
    data: Data = None,
    as_json: OneJson = False,
) -> None:
    """Judge a draft over stored requests, or a file's tool calls: which verdicts and plans would be others.

    A line of the file: {"action", "parameters", "on_behalf_of"?, "triggered_by"?, "bot"?, "at"?, "context"?}; without
    bot it is the only one of the rules in force, without at (RFC 3339) it is asked now. A rule that errs denies, and is
    listed by name. What only the moment knew is left out: stops, conflicts, who was in which group.
    """
    draft = load(folder(directory))
    found = asyncio.run(_simulated(data, draft, calls, since))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    console = _console()
    if found["truncated"]:
        console.print(f"Only the newest are judged: {MOST} requests, or 64 MiB of them.")
    for table in simulation_tables(found):
        console.print(table)
        console.print()


async def _simulated(data: Path | None, draft: Governance, calls: Path | None, since: str) -> dict[str, Any]:
    span = since_of(since, "--since")
    async with opened(data) as place:
        if calls is None:
            return judged(await over_requests(place.ctx, draft, span))
        return judged(await over_calls(place.ctx, draft, await _calls_of(place.ctx, calls)))


async def _calls_of(ctx: Context, path: Path) -> list[Asked]:
    unsaid = await unsaid_of(ctx)
    with path.open(encoding="utf-8", errors="surrogateescape") as lines:
        try:
            return list(islice(calls_of_lines(lines, unsaid), MAX_CALLS + 1))
        except Malformed as error:
            raise Malformed(f"{path}: {error}") from None


def show(version: Version = None, data: Data = None, as_json: OneJson = False) -> None:
    """The source of a version, persons by their ids: YAML that could be put in a folder again, beside the people."""
    found = asyncio.run(_shown(data, version))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    typer.echo(f"# {found['version']}\n# stored {found['installed_at']} by {found['installed_by']}")
    typer.echo(yaml_of(found["document"]), nl=False)


async def _shown(data: Path | None, version: str | None) -> dict[str, Any]:
    async with opened(data) as place:
        return await policy_work.version_of(place.ctx, await policy_work.version_named(place.ctx, version))


def history(data: Data = None, as_json: Json = False) -> None:
    """Every time that a version was put in force, newest first: when, by whom, and by which request."""
    rows = asyncio.run(_history(data))
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row, ensure_ascii=False))
        return
    _console().print(history_table(rows))


async def _history(data: Path | None) -> Sequence[dict[str, Any]]:
    async with opened(data) as place:
        return await policy_work.history(place.ctx)


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False, markup=False, soft_wrap=False)
