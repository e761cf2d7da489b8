"""``interlock api``, ``worker``, ``migrate`` and ``reconcile``: one process or one piece of upkeep, by hand."""

from __future__ import annotations

import asyncio
import importlib
import os
from datetime import timedelta
from pathlib import Path

import typer

from app.cli.options import Data
from app.cli.place import environ_of, opened, settings_of
from app.db.migrate import upgrade
from app.use_cases.upkeep import SWEEP_AT_ONCE, sweep


def register(interlock: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (api, worker, migrate, reconcile):
        interlock.command()(command)


def api(data: Data = None) -> None:
    """Serve the HTTP API until SIGTERM."""
    _become("app.main", data)


def worker(data: Data = None) -> None:
    """Run workflows, steps and executions until SIGTERM."""
    _become("app.worker", data)


def _become(root: str, data: Path | None) -> None:
    os.environ.update(environ_of(data))
    importlib.import_module(root).main()  # not before it is wanted: either brings a web or a workflow framework


def migrate(data: Data = None) -> None:
    """Bring the database to the newest schema."""
    asyncio.run(upgrade(settings_of(data).database.to_migrate))
    typer.echo("the schema is the newest")


def reconcile(data: Data = None) -> None:
    """Do now what the sweeper does: tick every request that is due, and start workflows that were lost."""
    typer.echo(f"{asyncio.run(_reconcile(data))} requests were due")


async def _reconcile(data: Path | None) -> int:
    async with opened(data) as place:
        services = await place.services()
        swept = 0
        while True:
            found = await sweep(services, timedelta(0))
            swept += found
            if found < SWEEP_AT_ONCE:
                return swept
