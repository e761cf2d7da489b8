"""The API process: what it starts without, how it stops, and what only a real server shows."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.db import requests
from app.db.listen import CHANNEL, notify
from app.db.session import Database
from app.devstack.ports import is_free
from app.domain.request import Level
from app.grants.rotation import PUBLISHED_FOR, advance, alone, put, ring_file, staged
from app.identity.tokens import dev_token, issue_access_token
from app.keys import KeyRings, create_missing
from tests.api.conftest import Headers, a_key, bearer
from tests.conftest import NewDatabase
from tests.world import build_context

DEAD = "127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class Process:
    """A running ``python -m app.main`` with Temporal down."""

    child: asyncio.subprocess.Process
    http: httpx.AsyncClient
    url: str
    rings: KeyRings
    database: Database

    def bot(self) -> Headers:
        now = datetime.now(UTC)
        token = issue_access_token(
            self.rings.tokens, issuer=self.url, client_id="bot-client", subject="bot:bot", now=now
        )
        return bearer(token)

    def person(self, person_id: str) -> Headers:
        assert self.rings.dev_issuer is not None
        now = datetime.now(UTC)
        return bearer(
            dev_token(self.rings.dev_issuer, base_url=self.url, person_id=person_id, level=Level.LOGIN, now=now)
        )


def environment(database_url: str, keys: Path, port: int) -> dict[str, str]:
    ours = {
        "ENVIRONMENT": "development",
        "DATABASE__URL": database_url,
        "TEMPORAL__ADDRESS": DEAD,
        "KEYS__DIR": str(keys),
        "API__PORT": str(port),
        "API__BASE_URL": f"http://127.0.0.1:{port}",
        "IDENTITY__DEV_ISSUER": "true",
    }
    return {"PATH": os.environ["PATH"], **{f"INTERLOCK_{name}": value for name, value in ours.items()}}


def free_port() -> int:
    return next(port for port in range(21000, 22000) if is_free(port))


@pytest.fixture
async def process(new_database: NewDatabase, tmp_path: Path) -> AsyncIterator[Process]:
    database_url = await new_database()
    create_missing(tmp_path / "keys")
    rings = KeyRings.load(tmp_path / "keys")
    ctx = await build_context(database_url, rings, "http://127.0.0.1:9")
    port = free_port()
    env = environment(database_url, tmp_path / "keys", port)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.main", env=env, stderr=asyncio.subprocess.PIPE
    )
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, timeout=40) as http:
        await answers(http)
        yield Process(child, http, url, rings, ctx.database)
    if child.returncode is None:
        child.kill()
    await child.communicate()
    await ctx.database.close()


async def answers(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                if (await http.get("/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.1)


async def test_without_temporal(process: Process) -> None:
    ready = (await process.http.get("/readyz")).json()
    assert (ready["status"], ready["parts"]["temporal"], ready["parts"]["database"]) == ("degraded", "down", "ok")
    look = {"action": "look.up", "parameters": {"thing": "x"}}
    asked = await process.http.post("/v1/requests", json=look, headers=process.bot() | a_key())
    assert (asked.status_code, asked.json()["status"]) == (201, "executing")
    listed = await process.http.get("/v1/requests", headers=process.person("anya"))
    assert [item["id"] for item in listed.json()["items"]] == [asked.json()["id"]]
    held = {"action": "do.moderate", "parameters": {"thing": "x"}, "on_behalf_of": "customer:carl"}
    refused = await process.http.post("/v1/requests", json=held, headers=process.bot() | a_key())
    assert refused.status_code == 503
    assert "retry-after" in refused.headers
    await stop_and_go_on(process, asked.json()["id"])

    poll = asyncio.create_task(process.http.get(f"/v1/requests/{asked.json()['id']}?wait=30s", headers=process.bot()))
    await asyncio.sleep(0.5)
    await end(process)
    assert (await poll).json()["status"] == "executing"


async def test_another_grant_key_is_noticed_and_a_broken_file_is_said_so(process: Process, tmp_path: Path) -> None:
    """Without a restart: what was signed before is still verified, and handed out again."""
    look = {"action": "look.up", "parameters": {"thing": "x"}}
    asked = (await process.http.post("/v1/requests", json=look, headers=process.bot() | a_key())).json()
    before = (await process.http.get("/.well-known/jwks.json")).json()
    with alone(tmp_path / "keys"):
        change = advance(ring_file(tmp_path / "keys"), datetime.now(UTC) + PUBLISHED_FOR)
        with staged(tmp_path / "keys", change) as written:
            put(tmp_path / "keys", written)
    assert await published(process, 3) == [change.kids["next"], change.kids["current"], *change.kids["previous"]]
    assert [key["kid"] for key in before["keys"]] == [change.kids["current"], *change.kids["previous"]]
    again = await process.http.post(f"/v1/requests/{asked['id']}/grant", headers=process.bot())
    assert again.json() == asked["grant"]
    newer = (await process.http.post("/v1/requests", json=look, headers=process.bot() | a_key())).json()
    assert header(newer["grant"]["grant"])["kid"] == change.kids["current"]
    assert header(asked["grant"]["grant"])["kid"] == change.kids["previous"][0]
    (tmp_path / "keys" / "grants.json").write_text("{")
    ready = await amiss(process)
    assert (ready["status"], ready["parts"]["database"]) == ("degraded", "ok")
    assert len(await published(process, 3)) == 3
    await end(process)


async def amiss(process: Process) -> dict[str, Any]:
    """What it says of itself, once it has found that its grant keys are not in order."""
    async with asyncio.timeout(30):
        while True:
            ready: dict[str, Any] = (await process.http.get("/readyz")).json()
            if ready["parts"]["grant_keys"] != "ok":
                return ready
            await asyncio.sleep(0.1)


def header(token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))
    return found


async def published(process: Process, many: int) -> list[str]:
    """The kids of its JWKS, once there are so many."""
    async with asyncio.timeout(30):
        while True:
            keys = (await process.http.get("/.well-known/jwks.json")).json()["keys"]
            assert not any("d" in key for key in keys)
            if len(keys) == many:
                return [key["kid"] for key in keys]
            await asyncio.sleep(0.1)


async def stop_and_go_on(process: Process, running: str) -> None:
    """To stop needs no Temporal; to go on does."""
    said = {"reason": "It runs amok"}
    stopped = await process.http.post("/v1/bots/bot/suspend", json=said, headers=process.person("ivan"))
    assert [attempt["request_id"] for attempt in stopped.json()["in_flight"]] == [running]
    look = {"action": "look.up", "parameters": {"thing": "z"}}
    asked = await process.http.post("/v1/requests", json=look, headers=process.bot() | a_key())
    assert asked.json()["verdict"]["code"] == "bot-suspended"
    resumed = await process.http.post("/v1/bots/bot/resume", json=said, headers=process.person("ada"))
    assert resumed.status_code == 503
    assert "retry-after" in resumed.headers


async def end(process: Process) -> None:
    """A long poll of 30 s does not hold it up, and it leaves in peace."""
    process.child.send_signal(signal.SIGTERM)
    async with asyncio.timeout(20):
        assert await process.child.wait() == 0


async def test_bodies_of_no_declared_length(process: Process) -> None:
    async def chunks(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b" " * 64 * 1024

    headers = process.bot() | a_key() | {"Content-Type": "application/json"}
    for count in (17, 400):
        response = await process.http.post("/v1/requests", content=chunks(count), headers=headers)
        assert response.status_code == 413
    response = await process.http.post("/v1/requests", content=chunks(16), headers=headers)
    assert response.json()["type"] == "urn:interlock:problem:malformed"


async def test_a_body_without_an_end_is_not_read_to_it(process: Process) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(process.url).port)
    head = process.bot() | a_key() | {"Host": "x", "Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    lines = [f"{name}: {value}" for name, value in head.items()]
    writer.write("\r\n".join(["POST /v1/requests HTTP/1.1", *lines, "", ""]).encode())
    for _ in range(17):
        writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
    async with asyncio.timeout(30):
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    writer.close()


async def test_waits_end_when_another_process_tells_of_a_change(process: Process) -> None:
    look = {"action": "look.up", "parameters": {"thing": "y"}}
    asked = (await process.http.post("/v1/requests", json=look, headers=process.bot() | a_key())).json()
    url = f"/v1/requests/{asked['id']}?wait=30s"
    poll = asyncio.create_task(process.http.get(url, headers=process.bot()))
    await asyncio.sleep(0.5)
    async with process.database.transaction() as session:
        row = await requests.by_id(session, uuid.UUID(asked["id"]))
        assert row is not None
        row.version += 1
        await notify(session, CHANNEL, "not an id")
        await notify(session, CHANNEL, asked["id"])
    async with asyncio.timeout(4):  # sooner than the poll looks for itself
        assert (await poll).json()["version"] == asked["version"] + 1


async def start(env: dict[str, str]) -> tuple[int | None, str]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.main", env=env, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(30):
        _, said = await child.communicate()
    return child.returncode, said.decode()


async def test_what_it_does_not_start_with(tmp_path: Path) -> None:
    create_missing(tmp_path / "keys")
    good = environment("postgresql://nobody@127.0.0.1:9/none", tmp_path / "keys", free_port())
    for change, named in (
        ({"INTERLOCK_ENVIRONMENT": "production"}, "INTERLOCK_IDENTITY__DEV_ISSUER"),
        ({"INTERLOCK_API__HOST": "0.0.0.0"}, "INTERLOCK_IDENTITY__DEV_ISSUER"),  # noqa: S104  that is the point
        ({"INTERLOCK_API__PROT": "1"}, "INTERLOCK_API__PROT"),
        ({"INTERLOCK_KEYS__DIR": str(tmp_path)}, "tokens.json"),
    ):
        code, said = await start(good | change)
        assert code == 1
        assert named in said
        assert "Traceback" not in said
