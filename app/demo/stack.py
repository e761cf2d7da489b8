"""A dev stack and the retail shop as processes, for as long as they are needed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.devstack import Postgres, StackError
from app.devstack.lock import DirectoryLock
from app.devstack.ports import LOOPBACK, keep_port
from app.devstack.probes import answers, exists
from app.devstack.process import Child, Command, Probe, spawn
from app.keys import KeyRings

PROJECT = Path(__file__).parents[2]
EXAMPLE = PROJECT / "deploy" / "examples" / "retail"
SHOP = "tests.fakes.retail"
AUDIENCE = "https://orders.shop.example"
"""What the example's target is called in grants."""
FIRST_START_SECONDS = 1800.0
"""The first start on a machine may download Temporal, or build it."""
SHOP_SECONDS = 60.0
DATABASE = "shop"
LOCK = "up.lock"


@dataclass(frozen=True, slots=True)
class Running:
    """Where everything is."""

    data: Path
    api_url: str
    database_url: str
    shop_url: str
    shop_database_url: str
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
async def running(data: Path, *, port: int = 0, fresh_shop: bool) -> AsyncIterator[Running]:
    """Dev stack and shop over ``data``; both are stopped at the end.

    ``fresh_shop``: begin with the sample's orders, whatever an earlier run has done to them. Raises `StackError`, and
    its `AlreadyRunning` when another process keeps a stack there: starting would end that one's parts as leftovers.
    """
    _need_checkout()
    lock = DirectoryLock(data, LOCK)
    lock.acquire()
    try:
        async with _running(data, port=port, fresh_shop=fresh_shop) as where:
            yield where
    finally:
        lock.release()


@asynccontextmanager
async def _running(data: Path, *, port: int, fresh_shop: bool) -> AsyncIterator[Running]:
    (data / "logs").mkdir(mode=0o700, parents=True, exist_ok=True)
    shop_port = keep_port(data / "shop.port")
    shop_url = f"http://{LOOPBACK}:{shop_port}"
    stack = await _start(_dev(data, port, shop_url), exists(data / "ready.json"), FIRST_START_SECONDS)
    try:
        document = json.loads((data / "ready.json").read_text())
        where = await _where(data, document, shop_url, fresh_shop=fresh_shop)
        shop = await _start(_shop(where, shop_port), answers(f"{shop_url}/healthz"), SHOP_SECONDS)
        try:
            yield replace(where, parts=(stack, shop))
        finally:
            await asyncio.shield(shop.stop())
    finally:
        await asyncio.shield(stack.stop())


def _need_checkout() -> None:
    place = PROJECT.joinpath(*SHOP.split("."))
    if not (place / "__main__.py").exists():
        raise StackError(f"the retail shop is not at {place}: run the demo from a checkout of Interlock")


async def _where(data: Path, document: Mapping[str, Any], shop_url: str, *, fresh_shop: bool) -> Running:
    server = Postgres(data / "postgres")
    if fresh_shop:
        await server.drop_database(DATABASE)
    await server.create_database(DATABASE, exists_ok=True)
    return Running(data, document["api_url"], document["database_url"], shop_url, server.dsn(DATABASE))


async def _start(command: Command, probe: Probe, within: float) -> Child:
    child = await spawn(command)
    await child.answers(probe, within=within)
    return child


def _dev(data: Path, port: int, shop_url: str) -> Command:
    ready = data / "ready.json"
    ready.unlink(missing_ok=True)
    options = ("--data", str(data), "--governance", str(EXAMPLE), "--port", str(port), "--ready-file", str(ready))
    return Command(
        name="interlock dev",
        argv=(sys.executable, "-m", "app.cli", "dev", *options),
        record=data / "dev.process",
        log=data / "logs" / "dev.log",
        env={**os.environ, "INTERLOCK_TARGETS__ORDER_DESK__URL": shop_url},
        cwd=PROJECT,
        death_signal=signal.SIGTERM,  # it must stop its own parts
        grace=60,
    )


def _shop(where: Running, port: int) -> Command:
    issuer = ("--issuer", where.api_url, "--jwks-url", f"{where.api_url}/.well-known/jwks.json", "--audience", AUDIENCE)
    data = ("--database-url", where.shop_database_url, "--db-json", str(EXAMPLE / "sample" / "shop.json"))
    return Command(
        name="the retail shop",
        argv=(sys.executable, "-m", SHOP, "--port", str(port), *issuer, *data),
        record=where.data / "shop.process",
        log=where.data / "logs" / "shop.log",
        cwd=PROJECT,
    )


async def command_line(where: Running, *arguments: str) -> str:
    """What ``interlock ...`` prints for this stack. Raises `StackError` with its stderr if it fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.cli", *arguments, "--data", str(where.data),
        cwd=PROJECT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    if process.returncode != 0:
        raise StackError(f"interlock {' '.join(arguments)} failed: {err.decode().strip()}")
    return out.decode().strip()
