"""Running the demo from start to end, and keeping what it stands on up."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import typer

from app.demo.actors import cast
from app.demo.cards import Cards
from app.demo.changing import Changing
from app.demo.exceptions import Exceptional
from app.demo.expect import Narrator
from app.demo.incidents import UndoingMany
from app.demo.responders import Stopping, Undoing
from app.demo.sample import BOT
from app.demo.shop import shop
from app.demo.slack import APPROVERS, workspace
from app.demo.stack import Running, command_line, names_a_workspace, running
from app.demo.story import Story, verified
from app.devstack.files import write_whole

ENV = "env"
STARTING = "Starting everything; the first time on a machine, Temporal is fetched or built, which may take minutes."


def demo(data: Path | None) -> None:
    """The story, on a stack of its own in ``data`` (default: a new directory, kept only if something goes wrong).

    Raises `Unexpected` for a step that goes otherwise, `StackError` for parts that do not start.
    """
    if _told_to_stop(_demo(data and data.absolute())):
        sys.exit(128 + signal.SIGINT)


def up(data: Path, port: int) -> None:
    """Stack, shop and a fake Slack until SIGINT or SIGTERM; ``data``/env tells other terminals how to reach them.

    When our environment has a bot token, Slack is that token's workspace.
    """
    _told_to_stop(_up(data.absolute(), port))


def _told_to_stop(work: Coroutine[Any, Any, None]) -> bool:
    """Run to the end, or until SIGINT or SIGTERM: then True, with everything stopped."""
    try:
        asyncio.run(_until_told(work))
    except (KeyboardInterrupt, asyncio.CancelledError):
        typer.echo("stopped", err=True)
        return True
    return False


async def _until_told(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task


async def _demo(data: Path | None) -> None:
    since, narrator = time.monotonic(), Narrator()
    typer.echo(STARTING)
    async with _place(data) as home, running(home, fresh_shop=True) as where:
        narrator.tell("up", f"Interlock at {where.api_url}, the shop at {where.shop_url} ({_since(since)})")
        narrator.tell("up", f"Slack is a fake at {where.slack_url}: no workspace is touched")
        made = json.loads(await command_line(where, "bots", "credentials", BOT))
        narrator.tell("up", f"{BOT} has a client secret: interlock bots credentials {BOT}")
        async with (
            cast(where, **made) as everybody,
            shop(where.shop_url, where.shop_database_url) as counter,
            workspace(str(where.slack_url)) as slack,
        ):
            scene = (where, everybody, counter, Cards(slack, narrator), narrator)
            cancelled = await Story(*scene).tell()
            await Undoing(*scene).tell(cancelled)
            await UndoingMany(*scene).tell()
            await Changing(*scene).tell()
            await Exceptional(*scene).tell()
            await Stopping(*scene).tell()
            await Cards(slack, narrator).by_the_rules()
        await verified(where, narrator)
    typer.echo(f"Every step was as expected ({_since(since)}).")


def _since(then: float) -> str:
    return f"{time.monotonic() - then:.1f} s"


@asynccontextmanager
async def _place(data: Path | None) -> AsyncIterator[Path]:
    if data is not None:
        yield data
        return
    home = Path(tempfile.mkdtemp(prefix="interlock-demo-"))
    try:
        yield home
    except Exception:
        typer.echo(f"logs are kept in {home / 'logs'}", err=True)
        raise
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    shutil.rmtree(home, ignore_errors=True)


async def _up(data: Path, port: int) -> None:
    typer.echo(STARTING)
    fake_slack = not names_a_workspace(os.environ)
    async with running(data, port=port, fresh_shop=False, fake_slack=fake_slack) as where:
        client = await _credentials(where)
        _write_env(where, client)
        try:
            _describe(where, client)
            await where.until_one_ends()
        finally:
            (where.data / ENV).unlink(missing_ok=True)


async def _credentials(where: Running) -> dict[str, str]:
    made: dict[str, str] = json.loads(await command_line(where, "bots", "credentials", BOT))
    return made


def _write_env(where: Running, client: dict[str, str]) -> None:
    values = {
        "INTERLOCK_URL": where.api_url,
        "INTERLOCK_DATA": str(where.data),
        "BOT_ID": client["client_id"],
        "BOT_SECRET": client["client_secret"],
        "SHOP_URL": where.shop_url,
    }
    if where.slack_url is not None:
        values["FAKE_SLACK_URL"] = where.slack_url
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
    write_whole(where.data / ENV, "".join(lines))


def _describe(where: Running, client: dict[str, str]) -> None:
    typer.echo(f"Interlock      {where.api_url}   (docs at {where.api_url}/docs)")
    typer.echo(f"retail shop    {where.shop_url}")
    if where.slack_url is None:
        typer.echo("Slack          the workspace of your bot token")
    else:
        typer.echo(f"Slack          a fake; its channels: curl {where.slack_url}/control/messages/{APPROVERS}")
    typer.echo(f"bot            {client['client_id']}  {client['client_secret']}")
    typer.echo(f"a person       {sys.argv[0]} token dana --data {where.data}")
    typer.echo(f"in a terminal  . {where.data / ENV}")
    typer.echo("Ctrl-C stops everything; what is held stays held until the next start.")
