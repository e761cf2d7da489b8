"""A process that presses stop, as an API process or the command would: nothing else keeps it busy.

Argument: the folder of the keys. Each line that it is given is a `Press`, each line that it says a `Pressed`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from temporalio.client import Client

from app.db.session import Database
from app.domain.request import Level
from app.execution.http import boottime
from app.grants.keys import StandingKeys
from app.keys import KeyRings
from app.ledger.vault import Vault
from app.steps.context import Context, DatabaseClock
from app.steps.rules import Rules
from app.use_cases.actors import Actor
from app.use_cases.services import Services, Waiters
from app.use_cases.stop import suspend, suspend_in_emergency
from tests.races.stopping import made

IVAN = Actor("person", "ivan", "oidc:https://id.test#ivan", Level.LOGIN)


@dataclass(frozen=True, slots=True)
class Press:
    """Whom to stop (None: all) in which database; ``form``: person or emergency."""

    url: str
    bot: str | None
    form: str


@dataclass(frozen=True, slots=True)
class Pressed:
    """The answer, the seconds that it took, and all attempts that there were right after it: request and number."""

    answer: dict[str, Any]
    took: float
    at_once: list[list[Any]]


@dataclass(frozen=True, slots=True)
class Presser:
    """The process, from the test's side."""

    process: asyncio.subprocess.Process

    async def __call__(self, press: Press) -> Pressed:
        """Press, and wait for the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asdict(press)).encode() + b"\n")
        async with asyncio.timeout(30):
            line = await self.process.stdout.readline()
        return Pressed(**json.loads(line))


@asynccontextmanager
async def presser(keys: Path) -> AsyncIterator[Presser]:
    """The process, until the block ends."""
    pipe = asyncio.subprocess.PIPE
    arguments = (sys.executable, "-m", __name__, str(keys))
    project = Path(__file__).parents[2]
    process = await asyncio.create_subprocess_exec(*arguments, stdin=pipe, stdout=pipe, cwd=project, limit=2**24)
    assert process.stdin is not None
    try:
        yield Presser(process)
    finally:
        process.stdin.close()
        assert await process.wait() == 0


async def _press(rings: KeyRings, rules: Rules, press: Press) -> Pressed:
    database = Database(press.url)
    ctx = Context(
        database,
        DatabaseClock(),
        rules,
        Vault(rings.wrapping),
        StandingKeys(rings.grants),
        boottime,
        "none",
        "development",
    )
    services = Services(ctx, cast("Client", None), "none", Waiters(), rings.tokens, ctx.issuer)
    begun = time.monotonic()
    if press.form == "emergency":
        answer = await suspend_in_emergency(database, press.bot, "It runs amok", "os:root@here")
    else:
        answer = await suspend(services, IVAN, press.bot, "It runs amok")
    took = time.monotonic() - begun
    async with database.transaction() as session:
        at_once = [[one.request, one.n] for one in await made(session, press.bot)]
    await database.close()
    return Pressed(answer, took, at_once)


async def _main(keys: Path) -> None:
    rings, rules = KeyRings.load(keys), Rules()
    while line := await asyncio.to_thread(sys.stdin.readline):
        pressed = await _press(rings, rules, Press(**json.loads(line)))
        sys.stdout.write(json.dumps(asdict(pressed)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
