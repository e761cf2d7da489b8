"""A dev stack, the retail shop and a Slack that is nobody's, as processes, for as long as they are needed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.demo.slack import CHANNELS, PEOPLE, account, introduce
from app.devstack import Postgres, StackError
from app.devstack.lock import DirectoryLock
from app.devstack.ports import LOOPBACK, keep_port
from app.devstack.probes import answers, exists
from app.devstack.process import Child, Command, Probe, spawn
from app.keys import KeyRings

PROJECT = Path(__file__).parents[2]
EXAMPLE = PROJECT / "deploy" / "examples" / "retail"
SHOP, SLACK = "tests.fakes.retail", "tests.fakes.slack"
TARGET = "order-desk"
"""As which client of the example's target the shop redeems grants."""
AUDIENCE = "https://orders.shop.example"
"""What the example's target is called in grants."""
FIRST_START_SECONDS = 1800.0
"""The first start on a machine may download Temporal, or build it."""
FAKE_SECONDS = 60.0
SLACK_RATE = 20
"""How many times Slack's own rates the fake takes: nobody has to wait for a card."""
DATABASE = "shop"
LOCK = "up.lock"


@dataclass(frozen=True, slots=True)
class Running:
    """Where everything is. ``slack_url``: of the fake Slack; None where it is a real one."""

    data: Path
    api_url: str
    database_url: str
    shop_url: str
    shop_database_url: str
    slack_url: str | None = None
    parts: tuple[Child, ...] = ()

    async def until_one_ends(self) -> None:
        """Wait until a part has ended by itself. Raises `StackError` that names it."""
        waiting = {asyncio.ensure_future(part.exited()): part for part in self.parts}
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
        names = " and ".join(waiting[task].name for task in done)
        raise StackError(f"{names} has ended by itself; see {self.data / 'logs'}, then start again")

    def rings(self) -> KeyRings:
        """The stack's keys, as development keeps them."""
        return KeyRings.load(self.data / "keys")


@asynccontextmanager
async def running(data: Path, *, port: int = 0, fresh_shop: bool, fake_slack: bool = True) -> AsyncIterator[Running]:
    """Dev stack, shop and Slack over ``data``; all are stopped at the end.

    ``fresh_shop``: begin with the sample's orders, whatever an earlier run has done to them. ``fake_slack``: never
    touch a real workspace; without it, the one that our environment names. Raises `StackError`, and its
    `AlreadyRunning` when another process keeps a stack there: starting would end that one's parts as leftovers.
    """
    _need_checkout()
    lock = DirectoryLock(data, LOCK)
    lock.acquire()
    try:
        async with AsyncExitStack() as parts:
            yield await _running(data, parts, port=port, fresh_shop=fresh_shop, fake_slack=fake_slack)
    finally:
        lock.release()


async def _running(data: Path, parts: AsyncExitStack, *, port: int, fresh_shop: bool, fake_slack: bool) -> Running:
    (data / "logs").mkdir(mode=0o700, parents=True, exist_ok=True)
    shop_port, slack_port = keep_port(data / "shop.port"), keep_port(data / "slack.port")
    shop_url = f"http://{LOOPBACK}:{shop_port}"
    slack_url = f"http://{LOOPBACK}:{slack_port}" if fake_slack else None
    started = []
    if slack_url is not None:  # before the stack, which asks Slack at once who it is
        probe = answers(f"{slack_url}/control/calls")
        started.append(await _start(parts, _slack(data, slack_port), probe, FAKE_SECONDS))
    dev = _dev(data, port, shop_url, slack_url)
    started.append(await _start(parts, dev, exists(data / "ready.json"), FIRST_START_SECONDS))
    document = json.loads((data / "ready.json").read_text())
    if slack_url is not None:
        await introduce(slack_url, document["slack"])
    where = replace(await _where(data, document, shop_url, fresh_shop=fresh_shop), slack_url=slack_url)
    account = json.loads(await command_line(where, "targets", "credentials", TARGET))
    started.append(await _start(parts, _shop(where, shop_port, account), answers(f"{shop_url}/healthz"), FAKE_SECONDS))
    return replace(where, parts=tuple(started))


def _need_checkout() -> None:
    for fake in (SHOP, SLACK):
        place = PROJECT.joinpath(*fake.split("."))
        if not (place / "__main__.py").exists():
            raise StackError(f"{fake} is not at {place}: run the demo from a checkout of Interlock")


async def _where(data: Path, document: Mapping[str, Any], shop_url: str, *, fresh_shop: bool) -> Running:
    server = Postgres(data / "postgres")
    if fresh_shop:
        await server.drop_database(DATABASE)
    await server.create_database(DATABASE, exists_ok=True)
    return Running(data, document["api_url"], document["database_url"], shop_url, server.dsn(DATABASE))


async def _start(parts: AsyncExitStack, command: Command, probe: Probe, within: float) -> Child:
    """A part that answers; it is stopped with the ``parts``, the last one first."""
    child = await spawn(command)
    await child.answers(probe, within=within)
    parts.push_async_callback(_stop, child)
    return child


async def _stop(child: Child) -> None:
    await asyncio.shield(child.stop())


def _dev(data: Path, port: int, shop_url: str, slack_url: str | None) -> Command:
    """``slack_url``: of a fake; None: Slack is as our environment says."""
    ready = data / "ready.json"
    ready.unlink(missing_ok=True)
    options = ["--data", str(data), "--governance", str(EXAMPLE), "--port", str(port), "--ready-file", str(ready)]
    environ = dict(os.environ)
    if slack_url is not None:
        options += ["--slack-api-url", f"{slack_url}/api/"]
        environ = without_slack(environ) | {"INTERLOCK_SLACK__RATE": str(SLACK_RATE)}
    return Command(
        name="interlock dev",
        argv=(sys.executable, "-m", "app.cli", "dev", *options),
        record=data / "dev.process",
        log=data / "logs" / "dev.log",
        env={**environ, "INTERLOCK_TARGETS__ORDER_DESK__URL": shop_url},
        cwd=PROJECT,
        death_signal=signal.SIGTERM,  # it must stop its own parts
        grace=60,
    )


def _shop(where: Running, port: int, account: Mapping[str, str]) -> Command:
    """``account``: its client id and secret, which no list of processes shows."""
    client = {f"RETAIL_{name.upper()}": account[name] for name in ("client_id", "client_secret")}
    issuer = ("--issuer", where.api_url, "--jwks-url", f"{where.api_url}/.well-known/jwks.json", "--audience", AUDIENCE)
    data = ("--database-url", where.shop_database_url, "--db-json", str(EXAMPLE / "sample" / "shop.json"))
    return Command(
        name="the retail shop",
        argv=(sys.executable, "-m", SHOP, "--port", str(port), *issuer, *data),
        record=where.data / "shop.process",
        log=where.data / "logs" / "shop.log",
        env={**os.environ, **client},
        cwd=PROJECT,
    )


def _slack(data: Path, port: int) -> Command:
    people = [f"--user={account(name)}={name}@shop.example" for name in PEOPLE]
    channels = [f"--channel={channel}={name}" for channel, name in CHANNELS.items()]
    return Command(
        name="the fake Slack",
        argv=(sys.executable, "-m", SLACK, "--port", str(port), "--rate", str(SLACK_RATE), *people, *channels),
        record=data / "slack.process",
        log=data / "logs" / "slack.log",
        env=without_slack(os.environ),
        cwd=PROJECT,
    )


def without_slack(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment that names no workspace: a demonstration never posts to that of whoever gives it."""
    return {name: value for name, value in environ.items() if not name.startswith(("SLACK_", "INTERLOCK_SLACK__"))}


def names_a_workspace(environ: Mapping[str, str]) -> bool:
    """Whether an environment has a bot token."""
    return any(environ.get(name, "").strip() for name in ("SLACK_BOT_TOKEN", "INTERLOCK_SLACK__BOT_TOKEN"))


async def command_line(where: Running, *arguments: str) -> str:
    """What ``interlock ...`` prints for this stack. Raises `StackError` with its stderr if it fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.cli", *arguments, "--data", str(where.data),
        cwd=PROJECT, env=without_slack(os.environ), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    if process.returncode != 0:
        raise StackError(f"interlock {' '.join(arguments)} failed: {err.decode().strip()}")
    return out.decode().strip()
