from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.devstack import Postgres, TemporalServer
from app.keys import KeyRings, create_missing
from tests.api.conftest import GO_ON
from tests.cli.command import RULES, done, settings
from tests.cli.places import Place
from tests.conftest import NewDatabase
from tests.fakes.desk import Desk
from tests.steps.words import sql
from tests.world import build_context, connect, running


@pytest.fixture(scope="session")
def key_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of key rings as development makes them."""
    folder = tmp_path_factory.mktemp("cli-keys")
    create_missing(folder)
    return folder


@pytest.fixture
async def empty(new_database: NewDatabase, key_files: Path) -> dict[str, str]:
    """An installation without rules."""
    return settings(await new_database(), key_files)


@pytest.fixture
async def bare(postgres: Postgres, key_files: Path) -> dict[str, str]:
    """An installation whose database has no schema."""
    name = f"bare_{uuid.uuid4().hex}"
    await postgres.create_database(name)
    return settings(postgres.url(name), key_files)


@pytest.fixture(scope="module")
def installed(database_url: str, key_files: Path) -> dict[str, str]:
    """The module's installation, with the rules of tests/rules in force."""
    environ = settings(database_url, key_files)
    done(environ, "init", str(RULES))
    return environ


@pytest.fixture(scope="module")
async def everything(
    database_url: str, temporal: TemporalServer, a_desk: Desk, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Place]:
    """A world whose keys lie where commands find them."""
    keys = tmp_path_factory.mktemp("keys")
    create_missing(keys)
    rings = KeyRings.load(keys)
    ctx = await build_context(database_url, rings, a_desk.url)
    async with running(ctx, await connect(temporal.address, rings), rings, a_desk) as world:
        more = {
            "INTERLOCK_TEMPORAL__ADDRESS": temporal.address,
            "INTERLOCK_TEMPORAL__TASK_QUEUE": world.services.task_queue,
            "INTERLOCK_IDENTITY__DEV_ISSUER": "true",
        }
        yield Place(world, settings(database_url, keys, **more))
    await ctx.database.close()


@pytest.fixture
async def place(everything: Place) -> AsyncIterator[Place]:
    """The same, and afterwards everybody is at work again."""
    yield everything
    for statement in GO_ON:
        await sql(everything.world, statement)
