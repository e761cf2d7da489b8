"""Real worker processes that seal and send, killed in the middle: nothing is left out, nothing changes."""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from app.devstack import TemporalServer
from app.keys import KeyRings, create_missing
from app.ledger.notes import Signer
from tests.conftest import NewDatabase
from tests.db.test_schema import connected
from tests.fakes.receiver import SECRET, Receiver, receiver
from tests.ledger.sealed import expected
from tests.ledger.test_exporting import ORIGIN, Place, as_events
from tests.ledger.test_sequencer import write
from tests.world import build_context

Environ = dict[str, str]


@pytest.fixture
async def place(new_database: NewDatabase, tmp_path: Path) -> AsyncIterator[Place]:
    create_missing(tmp_path)
    rings, url = KeyRings.load(tmp_path), await new_database()
    ctx = await build_context(url, rings, "http://127.0.0.1:9")
    yield Place(url, ctx, Signer(ORIGIN, rings.ledger))
    await ctx.database.close()


def _environ(place: Place, temporal: TemporalServer, keys: Path, siem: Receiver) -> Environ:
    return {
        **os.environ,
        "INTERLOCK_ENVIRONMENT": "development",
        "INTERLOCK_DATABASE__URL": place.url,
        "INTERLOCK_KEYS__DIR": str(keys),
        "INTERLOCK_API__BASE_URL": "http://127.0.0.1:9",
        "INTERLOCK_LEDGER__ORIGIN": ORIGIN,
        "INTERLOCK_TEMPORAL__ADDRESS": temporal.address,
        "INTERLOCK_TEMPORAL__TASK_QUEUE": f"test-{uuid.uuid4().hex}",
        "INTERLOCK_EXPORTS__SIEM__URL": siem.url,
        "INTERLOCK_EXPORTS__SIEM__SECRET": SECRET,
        "INTERLOCK_EXPORTS__SIEM__PRIVATE": "true",
    }


@asynccontextmanager
async def worker(environ: Environ, log: Path) -> AsyncIterator[None]:
    """Killed without a word when the block ends."""
    with log.open("ab") as said:
        child = await asyncio.create_subprocess_exec(sys.executable, "-m", "app.worker", env=environ, stderr=said)
    try:
        yield
    finally:
        child.kill()
        await child.wait()


async def _lease_over(place: Place) -> None:
    """As if its 30 s had passed."""
    async with connected(place.url) as connection:
        await connection.execute(text("update lease set until = now() where name = 'exports'"))
        await connection.commit()


async def test_a_worker_that_is_killed_leaves_nothing_out(
    place: Place, temporal: TemporalServer, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with receiver() as siem:
        environ = _environ(place, temporal, tmp_path, siem)
        await write(place.url, "request:1", 40)
        for killed_at in (5, 25):
            async with worker(environ, log):
                await siem.until(lambda killed_at=killed_at: len(siem.heard) >= killed_at, 120)  # type: ignore[misc]
            await _lease_over(place)
            await write(place.url, f"bot:{killed_at}", 3)
        async with worker(environ, log):
            await siem.until(lambda: _whole(siem), 120)
        once = list({event["id"]: event for event in siem.taken}.values())
        assert once == as_events(await expected(place.url))
        assert all(event in once for event in siem.taken)
        assert len(siem.taken) <= len(once) + 2, "more than what was on its way came twice"
    assert SECRET.removeprefix("whsec_") not in log.read_text()


def _whole(siem: Receiver) -> bool:
    return [event["subject"] for event in siem.taken].count("bot:25") >= 3
