"""``interlock dev``, ``demo`` and ``up``: everything on this machine."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer

from app.cli.place import EXAMPLE
from app.cli.policy import install_for_dev
from app.demo import run
from app.devstack.dev import run_dev
from app.devstack.ports import is_free

PORT = 8080
DEV_DATA, UP_DATA = Path(".data/dev"), Path(".data/up")

DataDir = Annotated[
    Path, typer.Option("--data", metavar="DIR", envvar="INTERLOCK_DATA", help="Where the stack keeps everything.")
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port", metavar="N", min=0, max=65535, help=f"Of the API; by default {PORT} if free. 0: a free one."
    ),
]


def register(interlock: typer.Typer) -> None:
    """Add the commands of this module."""
    interlock.command()(dev)
    interlock.command()(demo)
    interlock.command()(up)


def dev(
    data: DataDir = DEV_DATA,
    governance: Annotated[
        Path, typer.Option("--governance", metavar="DIR", help="The rules to put in force.")
    ] = EXAMPLE,
    port: Port = None,
    ready_file: Annotated[
        Path | None, typer.Option("--ready-file", metavar="F", help="Written when everything answers.")
    ] = None,
    slack_api_url: Annotated[
        str | None, typer.Option("--slack-api-url", metavar="URL", help="Instead of Slack's own.")
    ] = None,
) -> None:
    """Run PostgreSQL, Temporal, API and worker in the foreground, until Ctrl-C."""
    _log_for_people()
    where = _port(port)
    asyncio.run(run_dev(data, governance, where, ready_file, slack_api_url, install=install_for_dev))


def demo(
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="By default a new one that is removed afterwards.")
    ] = None,
) -> None:
    """Show the main job from end to end, on a stack of its own. Exit code 0 only if every step was as expected."""
    run.demo(data)


def up(data: DataDir = UP_DATA, port: Port = None) -> None:
    """Keep a dev stack, the retail shop and a fake Slack running until Ctrl-C, with a bot's credential ready to use.

    With SLACK_BOT_TOKEN set, Slack is that token's workspace.
    """
    run.up(data, _port(port))


def _port(wanted: int | None) -> int:
    if wanted is not None:
        return wanted
    return PORT if is_free(PORT) else 0


def _log_for_people() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    for noisy in ("httpx", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
