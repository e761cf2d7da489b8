"""Everything at work, and the environment of commands on it."""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.db import ledger
from app.domain.request import Level
from app.identity.tokens import dev_token
from tests.cli.command import Environ, done, fails, interlock
from tests.steps.words import sql
from tests.world import World

NOBODY = "127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class Place:
    """Everything at work, and the environment of commands on it."""

    world: World
    environ: Environ

    @property
    def bare(self) -> dict[str, str]:
        """Nothing but the database: production, no key rings, no Temporal, and no word about the API."""
        kept = {name: value for name, value in self.environ.items() if not name.startswith("INTERLOCK_")}
        return {
            **kept,
            "INTERLOCK_DATABASE__URL": self.environ["INTERLOCK_DATABASE__URL"],
            "INTERLOCK_KEYS__DIR": "/nowhere",
            "INTERLOCK_TEMPORAL__ADDRESS": NOBODY,
        }

    def token(self, person: str) -> str:
        """An access token of a person."""
        ring, now = self.world.rings.dev_issuer, datetime.now(UTC)
        assert ring is not None
        base_url = self.environ["INTERLOCK_API__BASE_URL"]
        return dev_token(ring, base_url=base_url, person_id=person, level=Level.LOGIN, now=now)

    async def done(self, *arguments: str, environ: Environ | None = None) -> str:
        """As `done`, while the worker works."""
        return await asyncio.to_thread(done, environ or self.environ, *arguments)

    async def fails(self, code: int, *arguments: str, environ: Environ | None = None) -> str:
        """As `fails`, while the worker works."""
        return await asyncio.to_thread(fails, environ or self.environ, code, *arguments)

    async def ends(self, *arguments: str, environ: Environ | None = None) -> subprocess.CompletedProcess[str]:
        """As `interlock`, while the worker works."""
        return await asyncio.to_thread(interlock, environ or self.environ, *arguments)

    async def stopped(self) -> dict[str, bool]:
        """Who is suspended; the installation by the name ``all``."""
        rows = await sql(self.world, "select id, suspended_at is not null from bot")
        [(everything,)] = await sql(self.world, "select suspended_at is not null from installation")
        return {**{row[0]: row[1] for row in rows}, "all": everything}

    async def entry(self, stream: str) -> Any:
        """The last entry of a stream."""
        async with self.world.ctx.database.transaction() as session:
            return json.loads((await ledger.read(session, stream))[-1].body)
