"""The real API process over real HTTP, with a real database, Temporal and worker behind it."""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from app.devstack.ports import free_port
from app.domain.request import Level
from app.identity.tokens import dev_token, issue_access_token
from app.keys import KeyRings, create_missing
from tests.api.conftest import Headers, a_key, bearer
from tests.fakes.desk import Desk
from tests.world import World, build_context, connect, running

STARTS_WITHIN = 30


@dataclass(frozen=True, slots=True)
class Live:
    """A running ``python -m app.main``, a client of it, and tokens for whoever a test wants to be."""

    url: str
    http: httpx.AsyncClient
    world: World
    child: asyncio.subprocess.Process
    log: Path
    """What the process says on stderr."""

    @property
    def port(self) -> int:
        """Where the process listens, on loopback."""
        port = httpx.URL(self.url).port
        assert port is not None
        return port

    def person(self, person_id: str, level: Level = Level.LOGIN) -> Headers:
        """A person, by the development issuer."""
        ring = self.world.rings.dev_issuer
        assert ring is not None
        now = datetime.now(UTC)
        return bearer(dev_token(ring, base_url=self.url, person_id=person_id, level=level, now=now))

    def client(self, name: str = "bot", kind: str = "bot", client_id: str | None = None) -> Headers:
        """A bot or target that came with its credential, one of the world's unless it is named."""
        ring, now = self.world.rings.tokens, datetime.now(UTC)
        subject, client_id = f"{kind}:{name}", client_id or f"{name}-client"
        return bearer(issue_access_token(ring, issuer=self.url, client_id=client_id, subject=subject, now=now))

    async def ask(self, action: str = "do.moderate", *, bot: str = "bot", **fields: Any) -> dict[str, Any]:
        """What stands of a new ask, about a thing of its own unless the test names parameters."""
        body = {"action": action, "parameters": {"thing": uuid.uuid4().hex}, "on_behalf_of": "customer:carl", **fields}
        answer = await self.http.post("/v1/requests", json=body, headers=self.client(bot) | a_key())
        assert answer.status_code == 201, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def say(self, who: str, shown: dict[str, Any], what: str = "decisions", **body: Any) -> dict[str, Any]:
        """Do something to a request as a person; by default, approve it. What stands then."""
        said = {"decision": "approve", "digest": shown["digest"], **body} if what == "decisions" else body
        answer = await self.http.post(f"/v1/requests/{shown['id']}/{what}", json=said, headers=self.person(who))
        assert answer.is_success, answer.text
        then: dict[str, Any] = answer.json()
        return then


@asynccontextmanager
async def live(database_url: str, temporal_address: str, desk: Desk, keys: Path) -> AsyncIterator[Live]:
    """Everything at work; the API in a process of its own, as ``interlock api`` runs it."""
    create_missing(keys)
    log = keys / "api.log"
    rings, url = KeyRings.load(keys), f"http://127.0.0.1:{free_port()}"
    ctx = replace(await build_context(database_url, rings, desk.url), issuer=url)
    async with (
        running(ctx, await connect(temporal_address, rings), rings, desk) as world,
        _process(_environment(database_url, temporal_address, keys, url, world.services.task_queue), log) as child,
        httpx.AsyncClient(base_url=url, timeout=60) as http,
    ):
        await _ready(http)
        yield Live(url, http, world, child, log)
    await ctx.database.close()


def _environment(database_url: str, temporal_address: str, keys: Path, url: str, queue: str) -> dict[str, str]:
    ours = {
        "ENVIRONMENT": "development",
        "DATABASE__URL": database_url,
        "TEMPORAL__ADDRESS": temporal_address,
        "TEMPORAL__TASK_QUEUE": queue,
        "KEYS__DIR": str(keys),
        "API__PORT": str(httpx.URL(url).port),
        "API__BASE_URL": url,
        "IDENTITY__DEV_ISSUER": "true",
    }
    return {"PATH": os.environ["PATH"], **{f"INTERLOCK_{name}": value for name, value in ours.items()}}


@asynccontextmanager
async def _process(env: dict[str, str], log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    with log.open("wb") as file:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app.main", env=env, stdout=asyncio.subprocess.DEVNULL, stderr=file
        )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def _ready(http: httpx.AsyncClient) -> None:
    not_yet = retry_if_exception_type((httpx.TransportError, AssertionError))
    deadline = stop_after_delay(STARTS_WITHIN)
    async for attempt in AsyncRetrying(wait=wait_fixed(0.1), stop=deadline, retry=not_yet, reraise=True):
        with attempt:
            assert (await http.get("/readyz")).json()["status"] == "ready"
