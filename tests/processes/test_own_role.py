"""API and worker do not start outside development with a role that could alter the ledger."""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.db.roles import APP, MIGRATOR, SEQUENCER, as_role
from app.devstack import TemporalServer
from app.devstack.ports import LOOPBACK, is_free
from app.devstack.probes import exists
from app.keys import create_missing

FIX = "run `interlock db harden`, then connect as"
PROCESSES = ("app.main", "app.worker")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    create_missing(tmp_path / "keys")
    return tmp_path / "keys"


def environment(database_url: str, keys: Path, **more: str) -> dict[str, str]:
    ours = {
        "ENVIRONMENT": "production",
        "DATABASE__URL": database_url,
        "TEMPORAL__ADDRESS": "127.0.0.1:9",
        "TEMPORAL__TASK_QUEUE": f"test-{uuid.uuid4().hex}",
        "KEYS__DIR": str(keys),
        "API__PORT": str(next(port for port in range(22000, 23000) if is_free(port))),
        "API__BASE_URL": "https://interlock.example",
        **more,
    }
    return {"PATH": os.environ["PATH"], **{f"INTERLOCK_{name}": value for name, value in ours.items()}}


async def refused(module: str, env: dict[str, str]) -> str:
    """What a process says that must end by itself."""
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", module, env=env, stderr=asyncio.subprocess.PIPE)
    async with asyncio.timeout(60):
        _, said = await child.communicate()
    assert child.returncode == 1
    assert b"Traceback" not in said
    return said.decode()


@asynccontextmanager
async def started(module: str, env: dict[str, str], log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    with log.open("wb") as file:
        child = await asyncio.create_subprocess_exec(sys.executable, "-m", module, env=env, stdout=file, stderr=file)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.terminate()
        await child.wait()


@pytest.mark.parametrize("module", PROCESSES)
@pytest.mark.parametrize(
    ("role", "why"), [("postgres", "it is a superuser"), (MIGRATOR, "a member of interlock_owner")]
)
async def test_it_refuses_a_role_that_owns_the_ledger(
    database_url: str, keys: Path, module: str, role: str, why: str
) -> None:
    said = await refused(module, environment(as_role(database_url, role), keys))
    assert why in said
    assert f"{FIX} {APP}: set INTERLOCK_DATABASE__URL" in said


async def test_the_worker_refuses_a_sequencer_that_owns_the_ledger(database_url: str, app_url: str, keys: Path) -> None:
    said = await refused("app.worker", environment(app_url, keys, DATABASE__SEQUENCER_URL=database_url))
    assert f"{FIX} {SEQUENCER}: set INTERLOCK_DATABASE__SEQUENCER_URL" in said


async def answers(child: asyncio.subprocess.Process, url: str) -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        async for attempt in AsyncRetrying(wait=wait_fixed(0.1), stop=stop_after_delay(60), reraise=True):
            with attempt:
                assert child.returncode is None
                assert (await http.get("/healthz")).status_code == 200


async def test_the_api_starts_with_the_apps_role(app_url: str, keys: Path, tmp_path: Path) -> None:
    env = environment(app_url, keys)
    async with started("app.main", env, tmp_path / "log") as child:
        await answers(child, f"http://{LOOPBACK}:{env['INTERLOCK_API__PORT']}")


async def test_the_worker_starts_with_the_two_roles(
    app_url: str, temporal: TemporalServer, keys: Path, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    env = environment(
        app_url,
        keys,
        DATABASE__SEQUENCER_URL=as_role(app_url, SEQUENCER),
        TEMPORAL__ADDRESS=temporal.address,
        WORKER__READY_FILE=str(ready),
    )
    async with started("app.worker", env, tmp_path / "log") as child:
        async for attempt in AsyncRetrying(wait=wait_fixed(0.1), stop=stop_after_delay(60), reraise=True):
            with attempt:
                assert child.returncode is None
                assert await exists(ready)()


async def logged(log: Path, words: str) -> None:
    async for attempt in AsyncRetrying(wait=wait_fixed(0.1), stop=stop_after_delay(60), reraise=True):
        with attempt:
            assert words in await asyncio.to_thread(log.read_text)


async def test_it_does_nothing_before_it_knows(keys: Path, tmp_path: Path) -> None:
    """A database that does not answer may be one in which this role owns everything."""
    env = environment("postgresql://nobody@127.0.0.1:9/none", keys)
    async with started("app.main", env, tmp_path / "log") as child:
        await logged(tmp_path / "log", "the database does not answer")
        assert child.returncode is None
        assert is_free(int(env["INTERLOCK_API__PORT"]))


async def test_in_development_it_is_a_warning(database_url: str, keys: Path, tmp_path: Path) -> None:
    env = environment(database_url, keys, ENVIRONMENT="development")
    async with started("app.main", env, tmp_path / "log") as child:
        await answers(child, f"http://{LOOPBACK}:{env['INTERLOCK_API__PORT']}")
        await logged(tmp_path / "log", "The ledger is not safe from the database role postgres")
