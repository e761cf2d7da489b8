"""Stop against one start, and against the signed way back: which came first is told the same way everywhere.

A few rounds; two hundred with ``FULL_ROUNDS=1``.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.ask import Ask
from app.domain.errors import Unavailable
from app.keys import KeyRings
from app.steps import act
from app.steps.admit import admit
from app.steps.context import Context
from app.steps.start import start
from app.steps.tick import tick
from app.use_cases import read, stop
from tests.conftest import FIGURE
from tests.races.racing import Figure, instant
from tests.races.stopping import (
    BOT,
    Slow,
    admitted,
    made,
    person,
    rounds,
    signed_way_back,
    started,
    stored,
    voted,
    without_temporal,
)
from tests.steps.words import NOT_SENT, sql
from tests.world import World

SKEW = 0.01
"""Seconds over which the two are spread at random, around where either has come first so far."""

NUDGE = 0.004
"""Seconds by which whoever came first sets out later in the next round: so both do about as often, on any machine."""

LASTS = 0.03
"""Seconds that a start goes on, at most, with its attempt written and its commit not sent."""

HANGS = 1.5
GOES_ON = ("update bot set suspended_at = null", "update installation set suspended_at = null")

STOPPED = {
    "bot": "select 1 from bot where id = 'bot' and suspended_at is not null",
    None: "select 1 from installation where suspended_at is not null",
}

Begin = Callable[[Context, uuid.UUID], Awaitable[Any]]


@pytest.fixture(scope="module")
async def slow(database_url: str) -> AsyncIterator[Slow]:
    """The connections of whoever starts."""
    made = Slow(database_url, pool_size=2)
    yield made
    await made.close()


@pytest.fixture(scope="module")
async def world(database_url: str, rings: KeyRings) -> AsyncIterator[World]:
    """Parts, without Temporal."""
    async with without_temporal(database_url, rings) as made:
        yield made


async def approved(ctx: Context) -> tuple[uuid.UUID, Begin]:
    """A request that Interlock is to run."""
    id_, _ = await admitted(ctx, "do.moderate", "allow")
    return id_, lambda there, which: start(there, which, "one")


async def of_the_bot(ctx: Context) -> tuple[uuid.UUID, Begin]:
    """A request that its bot is to run, and asks the grant of."""
    id_, _ = await admitted(ctx, "look.up", "hold")
    await voted(ctx, id_, "dana")
    attempt = await stored(ctx, id_, BOT, "begin")
    return id_, lambda there, which: act.begin(there, which, attempt)


async def by_the_fast_path(_: Context) -> tuple[uuid.UUID, Begin]:
    """A request that is admitted and started at once."""
    ask = Ask("action", "bot", "bot", "bot-client", "look.up", {"thing": uuid.uuid4().hex})
    return uuid.uuid4(), lambda there, which: admit(there, which, ask, waited=timedelta(0), fast=True)


async def once_more(ctx: Context) -> tuple[uuid.UUID, Begin]:
    """A request whose first call was never sent."""
    return await started(ctx, NOT_SENT), lambda there, which: start(there, which, "one")


WAYS = {
    approved: (rounds(40, 200), ("revoked",)),
    of_the_bot: (rounds(10, 100), ("revoked",)),
    by_the_fast_path: (rounds(10, 100), ("denied",)),
    once_more: (rounds(10, 100), ("failed",)),
}
"""What is started, in how many rounds, and what becomes of it when the stop came first."""


def whom(n: int) -> str | None:
    """Whom to stop in round ``n``: the bot, now and then all."""
    return None if n % 5 == 4 else "bot"


@dataclass(slots=True)
class Race:
    """Rounds against the stop. ``ways``: what a round is called in which the start came first, or the stop.

    ``behind``: seconds that the start sets out later, or the stop, if it is negative; ``took``: seconds of each answer.
    """

    world: World
    slow: Slow
    ways: tuple[str, str]
    behind: float = 0.03
    nudge: float = NUDGE
    last: str = ""
    took: list[float] = field(default_factory=list)
    ended: Counter[str] = field(default_factory=Counter)

    async def run(self, n: int, id_: uuid.UUID, begin: Begin) -> tuple[dict[str, Any], bool]:
        """Both at once; the answer of the stop, and whether the start was cut off, as one that hangs must be."""
        chance, hangs = random.Random(n), n % 20 == 9  # noqa: S311  not for secrets
        self.slow.lasts = HANGS if hangs else chance.uniform(0, LASTS)
        self.slow.reached.clear()
        starting = asyncio.ensure_future(self._start(max(self.behind, 0) + chance.uniform(0, SKEW), id_, begin))
        if hangs:
            await self.slow.reached.wait()
        answer = await self._stop(max(-self.behind, 0) + chance.uniform(0, SKEW), whom(n))
        cut = await starting
        assert cut or not hangs
        return answer, cut

    def count(self, first: str, *, cut: bool) -> None:
        """How a round ended: the next is to end the other way. The longer one does not, the more that takes."""
        self.ended[f"{first}, and cut off" if cut else first] += 1
        if not cut:
            self.nudge = self.nudge * 2 if first == self.last else NUDGE
            self.behind += self.nudge if first == self.ways[0] else -self.nudge
            self.last = first

    def __str__(self) -> str:
        number, median = self.ended.total(), sorted(self.took)[len(self.took) // 2]
        ways = ", ".join(f"{count} {way}" for way, count in sorted(self.ended.items()))
        return f"{number} rounds: {ways}; stopped in {median:.2f} s (median), {max(self.took):.2f} s (worst)"

    def check(self) -> None:
        """It was a race."""
        assert min(self.ended[way] for way in self.ways) >= self.ended.total() // 10, str(self)

    async def _start(self, after: float, id_: uuid.UUID, begin: Begin) -> bool:
        await instant(after)
        try:
            await begin(replace(self.world.ctx, database=self.slow), id_)
        except Unavailable:
            return True
        return False

    async def _stop(self, after: float, bot: str | None) -> dict[str, Any]:
        await instant(after)
        begun = time.monotonic()
        answer = await stop.suspend(self.world.services, person("ivan"), bot, "It runs amok")
        self.took.append(time.monotonic() - begun)
        return answer


async def attempts_of(world: World, id_: uuid.UUID) -> list[int]:
    """The numbers of its attempts that have no outcome."""
    async with world.ctx.database.transaction() as session:
        found = await made(session, None)
    return [one.n for one in found if one.request == str(id_) and one.finished_at is None]


async def go_on(world: World) -> None:
    """As if nobody had pressed stop; epochs stay."""
    for statement in GOES_ON:
        await sql(world, statement)
    await sql(world, "update execution_attempt set outcome = 'failed', finished_at = started_at where outcome is null")


@pytest.mark.parametrize("way", WAYS)
async def test_a_start_against_stop(world: World, slow: Slow, way: Any, record_property: Figure) -> None:
    """Listed and committed, or never committed and over: never both, never neither; and so it stays."""
    number, over = WAYS[way]
    race = Race(world, slow, ("started before", "stopped before"))
    for n in range(number):
        id_, begin = await way(world.ctx)
        answer, cut = await race.run(n, id_, begin)
        listed = [one["attempt"] for one in answer["in_flight"] if one["request_id"] == str(id_)]
        assert listed == await attempts_of(world, id_)
        if cut and not listed:  # as Temporal would, or the bot
            await begin(world.ctx, id_)
        if way is approved:
            shown = await read.read(world.services, person("anya"), id_)
            assert shown["status"] == ("executing" if listed else "revoked")
        await (tick(world.ctx, id_) if way is not once_more else start(world.ctx, id_, "another"))
        [(status,)] = await sql(world, "select status from request where id = :id", id=id_)
        assert status in (("executing",) if listed else over), (status, listed)
        assert listed == await attempts_of(world, id_)
        race.count(race.ways[0 if listed else 1], cut=cut)
        await go_on(world)
    record_property(FIGURE, f"start ({way.__name__.replace('_', ' ')}) against stop: {race}")
    race.check()


async def test_stop_against_the_signed_way_back(world: World, slow: Slow, record_property: Figure) -> None:
    """It was pressed again while what would undo it was about to run: the answer given, it is stopped, either way."""
    race = Race(world, slow, ("succeeded", "revoked"))
    for n in range(rounds(10, 100)):
        bot = whom(n)
        await stop.suspend(world.services, person("ivan"), bot, "It runs amok")
        id_ = await signed_way_back(world.ctx, bot)
        answer, cut = await race.run(n, id_, lambda there, which: start(there, which, "one"))
        assert str(id_) not in {one["request_id"] for one in answer["in_flight"]}
        assert await sql(world, STOPPED[bot])
        await start(world.ctx, id_, "another")
        [(status, why)] = await sql(world, "select status, ended_why from request where id = :id", id=id_)
        assert (status, why) in (("succeeded", None), ("revoked", "stopped-again"))
        assert await sql(world, STOPPED[bot])
        race.count(status, cut=cut)
        await go_on(world)
    record_property(FIGURE, f"the signed way back against stop pressed again: {race}")
    race.check()
