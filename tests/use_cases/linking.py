"""Words of the tests about Slack accounts: a world whose time can be moved, codes, who sends them, whose it is then."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import Client

from app.domain.errors import InterlockError
from app.domain.request import Level
from app.keys import KeyRings
from app.steps.context import DatabaseClock
from app.use_cases.actors import SlackAccount, slack_actor
from app.use_cases.links import ask_code, link
from app.use_cases.services import Services, Waiters
from app.use_cases.turns import Turns
from tests.fakes.desk import Desk
from tests.world import World, build_context

HERS = SlackAccount("T0", "U0DANA")
"""Dana's by the files."""

FRESH = SlackAccount("T0WORKSPACE", "U0SOMEBODY")
DOMAINS = frozenset({"shop.example"})
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass(slots=True)
class MovableClock:
    """The database's clock, and what a test adds to it."""

    ahead: timedelta = field(default_factory=timedelta)

    async def now(self, session: AsyncSession) -> datetime:
        """The present moment, moved."""
        return await DatabaseClock().now(session) + self.ahead


@asynccontextmanager
async def small_world(database_url: str, rings: KeyRings) -> AsyncIterator[World]:
    """A world without Temporal, worker and target, whose time can be moved."""
    ctx = replace(await build_context(database_url, rings, "http://127.0.0.1:9"), clock=MovableClock())
    services = Services(ctx, cast("Client", None), "none", Waiters(), rings.tokens, ctx.issuer, email_domains=DOMAINS)
    yield World(ctx, services, rings, cast("Desk", None))
    await ctx.database.close()


def move(world: World, by: timedelta) -> None:
    """Let time pass."""
    cast("MovableClock", world.ctx.clock).ahead += by


def elsewhere(world: World) -> Services:
    """Another process: it knows nothing of who has a turn here."""
    return replace(world.services, own=Turns(1))


async def code(world: World, account: SlackAccount = FRESH) -> str:
    """A new code."""
    return (await ask_code(world.services, account)).code


async def sent(world: World, who: str, code: str) -> dict[str, str] | InterlockError:
    """What this person is told who sends a code, by a process of its own."""
    try:
        return await link(elsewhere(world), world.person(who), code)
    except InterlockError as error:
        return error


async def by_slack(world: World, account: SlackAccount) -> str | None:
    """Whose account it is now."""
    found = await slack_actor(world.services, account)
    assert (found.identity, found.level, found.via) == (f"slack:{account.team}/{account.user}", Level.CLICK, "slack")
    assert (found.kind == "person") == (found.id is not None)
    assert found.kind in ("person", "unlinked")
    return found.id
