"""Where the shops' data lies, and databases filled with it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from app.devstack.postgres import Postgres
from tests.fakes.retail import load

PROJECT = Path(__file__).parents[3]
SAMPLE = PROJECT / "deploy/examples/retail/sample"


def tau2() -> Path:
    """Where the data of tau2-bench lies: INTERLOCK_SHARED, else ``shared`` beside the project."""
    return Path(os.environ.get("INTERLOCK_SHARED", PROJECT.parent / "shared")) / "data/tau2-retail"


def tool_calls(folder: Path) -> list[dict[str, Any]]:
    """Every tool call of every conversation in a folder, in the order of the file."""
    lines = (folder / "tool_calls.jsonl").read_text().splitlines()
    return [call for line in lines for call in json.loads(line)["tool_calls"]]


class Databases:
    """Databases in the tests' PostgreSQL."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._numbers = itertools.count()

    async def create(self, template: str | None = None) -> str:
        """A new database, a copy of `template`, which nobody may be connected to; gives its name."""
        name = f"shop_{next(self._numbers)}"
        await self._server.create_database(name, template)
        return name

    @contextlib.asynccontextmanager
    async def copy(self, template: str) -> AsyncIterator[str]:
        """A copy of `template` for as long as the block; gives its URL."""
        name = await self.create(template)
        try:
            yield self._server.url(name)
        finally:
            # what is dropped need not be flushed: with every copy kept, stopping the server takes minutes of fsync
            await self._server.drop_database(name)

    @contextlib.asynccontextmanager
    async def engine(self, template: str) -> AsyncIterator[AsyncEngine]:
        """An engine on a copy of `template`."""
        async with self.copy(template) as url:
            database = load.engine(url)
            yield database
            await database.dispose()

    async def loaded(self, db_json: Path) -> str:
        """A new database with a shop in it; gives its name."""
        name = await self.create()
        database = load.engine(self._server.url(name))
        await load.prepare(database, db_json)
        await database.dispose()
        return name
