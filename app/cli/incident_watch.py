"""How far the rollback of an incident is, on a terminal as a bar, elsewhere line by line."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.cli.failing import RefusedByRule
from app.domain.states import Status
from app.steps.incident_rollback import LIVE
from app.use_cases.actors import Actor
from app.use_cases.incident_reading import followed
from app.use_cases.services import Services

EVERY = 0.5
"""Seconds between two looks: nobody tells this process of a change."""

Seen = dict[str, Any]


async def watched(services: Services, who: Actor, incident: uuid.UUID) -> bool:
    """Show how far its rollback is until that has ended; True when all was undone.

    Raises RefusedByRule when it has none, and as `followed`.
    """
    with _shown() as show:
        while True:
            seen = await followed(services, who, incident)
            if seen["rollback"] is None:
                raise RefusedByRule("nothing of this incident is to be undone: ask for that by roll-back")
            show(seen)
            if Status(seen["rollback_status"]) not in LIVE:
                return Status(seen["rollback_status"]) is Status.SUCCEEDED
            await asyncio.sleep(EVERY)


@contextmanager
def _shown() -> Iterator[Callable[[Seen], None]]:
    if not sys.stdout.isatty():
        yield _lines()
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(highlight=False, markup=False)) as bar:
        task = bar.add_task("", total=None)

        def show(seen: Seen) -> None:
            progress = seen["progress"]
            bar.update(task, total=progress["total"], completed=_ended(progress), description=_words(seen))

        yield show


def _lines() -> Callable[[Seen], None]:
    last = [""]

    def show(seen: Seen) -> None:
        line = f"{_ended(seen['progress'])}/{seen['progress']['total']} {_words(seen)}"
        if line != last[0]:
            typer.echo(line)
        last[0] = line

    return show


def _ended(progress: dict[str, int]) -> int:
    return progress["total"] - progress["waiting"]


def _words(seen: Seen) -> str:
    """Where it stands, and what came of those that have ended."""
    states = ("succeeded", "failed", "unknown", "skipped")
    counts = [f"{seen['progress'][state]} {state}" for state in states if seen["progress"][state]]
    standing = "paused" if seen["status"] == "paused" else seen["rollback_status"]
    return ", ".join([standing, *counts])
