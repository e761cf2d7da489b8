"""A world whose time is the time-skipping test server's: real steps, real PostgreSQL, real worker, days in seconds."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.codec import data_converter
from app.devstack.time_skipping import time_skipping_server
from app.keys import KeyRings
from app.use_cases.governance import install
from tests.fakes.desk import Desk
from tests.time_skipping.skipping import Ahead, ServerClock
from tests.world import RULES, build_context, running

LONG = Path(__file__).parent / "rules"


@pytest.fixture(scope="module")
def long_rules() -> Iterator[Path]:
    """tests/rules, and the long plans of this folder."""
    with tempfile.TemporaryDirectory() as place:
        for folder in (RULES, LONG):
            shutil.copytree(folder, place, dirs_exist_ok=True)
        yield Path(place)


@pytest.fixture(scope="module")
async def ahead(database_url: str, rings: KeyRings, a_desk: Desk, long_rules: Path) -> AsyncIterator[Ahead]:
    """Everything at work on the test server, whose clock is the steps' clock too."""
    async with time_skipping_server(data_converter=data_converter(rings.codec)) as server:
        ctx = replace(await build_context(database_url, rings, a_desk.url), clock=ServerClock(server))
        await install(ctx, long_rules, replace=True, by="ada")
        client = await server.connect_client(data_converter=data_converter(rings.codec))
        async with running(ctx, client, rings, a_desk) as world:
            yield Ahead(world, server)
        await ctx.database.close()
