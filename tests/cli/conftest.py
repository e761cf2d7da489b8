from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from app.devstack import Postgres
from app.keys import create_missing
from tests.cli.command import RULES, done, settings
from tests.conftest import NewDatabase


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
