"""A small month with known figures: an hour of a quiet world, whose clock the tests set."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import Client

from app.domain.outcome import Answer
from app.domain.oversight import Period
from app.keys import KeyRings
from app.steps.finish import finish
from app.steps.oversight import document
from app.steps.start import start
from app.steps.tick import tick
from app.use_cases import act
from app.use_cases.services import Services, Waiters
from app.use_cases.views import View
from tests.fakes.desk import Desk
from tests.properties.quiet import FAILED, SUCCEEDED, decided
from tests.steps.words import SAID_503, id_of, lost
from tests.world import World, build_context


@dataclass
class Hand:
    """A clock that stands where it was set."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3))

    async def now(self, _session: AsyncSession) -> datetime:
        """The moment."""
        return self.at

    def on(self, **span: float) -> None:
        """Some time later."""
        self.at += timedelta(**span)


@dataclass(frozen=True)
class Month:
    """A quiet world, its clock, and the period: the hour from where that stood."""

    world: World
    hand: Hand
    period: Period

    async def document(self) -> dict[str, Any]:
        """What there is to report."""
        async with self.world.ctx.database.transaction() as session:
            return await document(session, self.period)

    async def held(self, action: str = "do.moderate") -> View:
        """A bot's ask that waits."""
        return await lost(self.world, action)

    async def said(self, who: str, shown: View, say: str = "approve", after: float = 0) -> str:
        """A decision, some seconds later; its ruling."""
        self.hand.on(seconds=after)
        return await decided(self.world, who, shown, say)

    async def ran(self, shown: View, answer: Answer) -> None:
        """An approved one is started and ends so."""
        await start(self.world.ctx, id_of(shown), "one")
        await finish(self.world.ctx, id_of(shown), 1, "one", answer)

    async def settled(self, shown: View, who: str, status: str) -> None:
        """Somebody says what an unknown outcome was, a minute later."""
        self.hand.on(minutes=1)
        await act.settle(
            self.world.services, self.world.person(who), id_of(shown), status=status, reason="I have looked"
        )

    async def expired(self) -> View:
        """One whose time was over after a second."""
        shown = await self.held("do.brief")
        self.hand.on(seconds=2)
        await tick(self.world.ctx, id_of(shown))
        return shown


@asynccontextmanager
async def quiet(database_url: str, rings: KeyRings, desk: Desk) -> AsyncIterator[Month]:
    """Nothing has happened but that the rules were installed."""
    hand = Hand()
    ctx = replace(await build_context(database_url, rings, desk.url), clock=hand)
    services = Services(ctx, cast("Client", None), "nowhere", Waiters(), rings.tokens, ctx.issuer)
    yield Month(World(ctx, services, rings, desk), hand, Period(hand.at, hand.at + timedelta(hours=1)))
    await ctx.database.close()


async def known(month: Month) -> View:
    """Ten asks: who said what of them, after how long, and what came of each. The last, whose outcome is unknown.

    1 to 4 are approved after 2, 4, 6 and 100 s and succeed, succeed, fail, succeed; 5 is denied after 20 s; 6 waits; 7
    expires; 8 is read without anybody; 9 is not to be had; of 10 olivia, for whom it is, says yes in vain, marco after
    8 s.
    """
    for after, answer in ((2, SUCCEEDED), (4, SUCCEEDED), (6, FAILED), (100, SUCCEEDED)):
        shown = await month.held()
        assert await month.said("dana", shown, after=after) == "record"
        await month.ran(shown, answer)
    shown = await month.held()
    assert await month.said("marco", shown, "deny", after=20) == "record"
    await month.held("do.high")
    await month.expired()
    await lost(month.world, "look.up")
    await lost(month.world, "do.moderate", "deny")
    shown = await lost(month.world, "do.once", behalf="customer:olivia")
    assert await month.said("olivia", shown) == "refused"
    assert await month.said("marco", shown, after=8) == "record"
    await month.ran(shown, SAID_503)
    return shown
