"""Stop, in the middle of sixteen workers at hundreds of requests: at once, for good, and nobody else's.

A few rounds; fifty with ``FULL_ROUNDS=1``.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pytest

from app.db import ledger, stops
from app.db.session import Database
from app.devstack import Postgres
from app.domain.clocks import moment
from app.domain.errors import Unavailable
from app.domain.ledger import verify_stream
from app.keys import KeyRings, create_missing
from app.steps.scene import scene
from app.steps.start import start
from app.use_cases import read
from app.use_cases.upkeep import record_stops
from tests.cli.command import done, settings
from tests.conftest import FIGURE, NewDatabase
from tests.races.pressing import Press, Pressed, Presser, presser
from tests.races.racing import Figure
from tests.races.stopping import Made, Slow, Storm, beside, made, populate, rounds, without_temporal
from tests.steps.words import sql
from tests.world import World

BEFORE = AFTER = 30
"""Steps that are done before stop is pressed, and at least after it."""

AT_MOST = 2.0
"""Seconds. The answer is to come within one; a machine that runs tests may be busy with others."""

HANGS = 1.5
LOOKED_AT = 10

WAITING = """select id from request
    where kind = 'action' and (cast(:bot as text) is null or bot = :bot) and status in ('held', 'approved')"""

SINCE = """select e.body from request r join entry e on e.stream = 'request:' || r.id
    where r.kind = 'action' and (cast(:bot as text) is null or r.bot = :bot) and e.created_at > :since"""

STILL = {"revoked", "attempt-finished", "reported", "late-outcome", "refused", "succeeded", "failed", "unknown"}
"""What may be written of the runaway's requests once it is stopped; besides the refusal of new ones."""

Do = Callable[[Press], Awaitable[Pressed]]


@dataclass(slots=True)
class Figures:
    """Of several rounds: seconds that the answer took, without and with a session that hangs; attempts in flight."""

    took: list[float] = field(default_factory=list)
    hung: list[float] = field(default_factory=list)
    listed: list[int] = field(default_factory=list)
    cut: int = 0
    steps: int = 0

    def __str__(self) -> str:
        count = len(self.took) + len(self.hung)
        hung = f", with a session that hangs {spread(self.hung)}" if self.hung else ""
        return (
            f"{count} rounds amid 16 workers ({self.steps} steps, {self.cut} cut off and repeated): answer after "
            f"{spread(self.took)}{hung}; {min(self.listed)} to {max(self.listed)} in flight, all listed, none after"
        )


def spread(seconds: Sequence[float]) -> str:
    """Median and worst of some times, and how many were over a second."""
    ordered, over = sorted(seconds), sum(one > 1 for one in seconds)
    return f"{ordered[len(ordered) // 2]:.2f} s (median), {ordered[-1]:.2f} s (worst), {over} over 1 s"


@dataclass(frozen=True, slots=True)
class Ground:
    """Where rounds are played: each on a copy of the ``template``. ``world``: what their worlds share."""

    postgres: Postgres
    template: str
    world: World
    press: Presser
    keys: Path

    @asynccontextmanager
    async def storm(self, n: int) -> AsyncIterator[Storm]:
        """The storm of round ``n``, not yet raging."""
        name = f"t{uuid.uuid4().hex}"
        await self.postgres.create_database(name, template=self.template)
        url = self.postgres.url(name)
        ctx = replace(self.world.ctx, database=Database(url))
        try:
            yield Storm(beside(ctx, self.world.rings), url, random.Random(n))  # noqa: S311  not for secrets
        finally:
            await ctx.database.close()
            await self.postgres.drop_database(name)

    async def played(self, number: int, press: Do, form: str) -> Figures:
        """Rounds: sessions that hang in two ways, and the whole installation, by turns.

        No session hangs for as long as the process of a command takes to start.
        """
        figures = Figures()
        for n in range(number):
            async with self.storm(n) as storm:
                bot = None if n % 4 == 1 else "bot"
                hangs = "not" if form == "command" else ("not", "statement", "idle")[n % 3]
                thorough = form == "person" and n % 5 == 0
                await Play(storm, press, Press(storm.url, bot, form), hangs).run(figures, thorough=thorough)
        return figures

    async def command(self, press: Press) -> Pressed:
        """The real command, in an environment without Temporal and keys."""
        arguments = ("bots", "suspend", press.bot or "--all", "--reason", "It runs amok")
        environ = settings(press.url, self.keys / "none", INTERLOCK_TEMPORAL__ADDRESS="127.0.0.1:9")
        begun = time.monotonic()
        answer = json.loads(await asyncio.to_thread(done, environ, *arguments))
        return Pressed(answer, time.monotonic() - begun, [])


@pytest.fixture(scope="module")
async def ground(
    new_database: NewDatabase, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Ground]:
    """Hundreds of requests, and a process that has pressed stop before, elsewhere."""
    keys = tmp_path_factory.mktemp("keys")
    create_missing(keys)
    rings, template = KeyRings.load(keys), await new_database()
    async with without_temporal(template, rings) as world:
        await populate(world)
    elsewhere = await new_database()
    async with without_temporal(elsewhere, rings) as world, presser(keys) as press:
        await press(Press(elsewhere, "other-bot", "person"))
        yield Ground(postgres, template.partition("@/")[2].partition("?")[0], world, press, keys)


@asynccontextmanager
async def hanging(storm: Storm, how: str) -> AsyncIterator[None]:
    """A step of the runaway hangs over the block, its locks held; by the end it must have been cut off.

    ``statement``: its attempt is written, and its last statement does not end. ``idle``: its process does nothing more.
    """
    if how == "not":
        yield
        return
    job, release = storm.take("approved"), asyncio.Event()
    slow = Slow(storm.url, lasts=HANGS)
    ctx = replace(storm.world.ctx, database=slow)

    async def idle() -> None:
        async with scene(ctx, job.id):
            slow.reached.set()
            await release.wait()

    hung = asyncio.ensure_future(idle() if how == "idle" else start(ctx, job.id, "hung"))
    reached = asyncio.ensure_future(slow.reached.wait())
    await asyncio.wait({hung, reached}, return_when=asyncio.FIRST_COMPLETED)
    assert reached.done()
    try:
        yield
    finally:
        release.set()
        (ended,) = await asyncio.gather(hung, return_exceptions=True)
        await slow.close()
    assert isinstance(ended, Unavailable), ended


@dataclass(slots=True)
class Play:
    """One round. ``hangs``: see `hanging`."""

    storm: Storm
    do: Do
    press: Press
    hangs: str

    async def run(self, figures: Figures, *, thorough: bool) -> None:
        """Stop it in the middle, check everything, and keep the figures. ``thorough``: record all revocations."""
        storm = self.storm
        async with storm.raging():
            rollbacks = [storm.take("approved", "rollback") for _ in range(2)]
            await storm.until(lambda: storm.steps >= BEFORE)
            async with hanging(storm, self.hangs):
                pressed = await self.do(self.press)
                waiting = await self._waiting()
            seen, elsewhere = storm.steps, storm.elsewhere
            storm.jobs.extendleft(rollbacks)
            await storm.until(lambda: storm.steps >= seen + AFTER and storm.elsewhere > elsewhere)
        await self._nothing_started(pressed)
        await self._only_ends(moment(pressed.answer["suspended_at"]))
        await self._revoked(waiting, thorough=thorough)
        (figures.took if self.hangs == "not" else figures.hung).append(pressed.took)
        figures.listed.append(len(pressed.answer["in_flight"]))
        figures.cut += storm.cut
        figures.steps += storm.steps

    async def _waiting(self) -> set[uuid.UUID]:
        return {row[0] for row in await sql(self.storm.world, WAITING, bot=self.press.bot)}

    async def _nothing_started(self, pressed: Pressed) -> None:
        """The list is what had started and not ended; nothing was committed after it.

        Times tell the order: all of them are read under the lock that the stop excludes, from one clock.
        """
        since, answer = moment(pressed.answer["suspended_at"]), pressed.answer["in_flight"]
        async with self.storm.world.ctx.database.transaction() as session:
            found = {(one.request, one.n): one for one in await made(session, self.press.bot)}
        if pressed.at_once:
            assert found.keys() == {(request, n) for request, n in pressed.at_once}
        assert [one for one in found.values() if one.started_at > since] == []
        listed = {(one["request_id"], one["attempt"]): moment(one["started_at"]) for one in answer}
        assert listed == {key: one.started_at for key, one in found.items() if _in_flight(one, since)}
        assert len(listed) == len(answer) > 0

    async def _only_ends(self, since: datetime) -> None:
        """On the ledger: of the runaway there are ends since then, and the refusal of new asks, but nothing begins."""
        world = self.storm.world
        bodies = [json.loads(row[0]) for row in await sql(world, SINCE, bot=self.press.bot, since=since)]
        assert {one["kind"] for one in bodies} - STILL <= {"admitted", "denied"}
        assert {one["facts"]["status"] for one in bodies if one["kind"] == "admitted"} <= {"denied"}
        name = "installation" if self.press.bot is None else f"bot:{self.press.bot}"
        async with world.ctx.database.transaction() as session:
            stream = await ledger.read(session, name)
        assert verify_stream(name, stream) == []
        assert json.loads(stream[-1].body)["kind"] == "suspended"

    async def _revoked(self, waiting: set[uuid.UUID], *, thorough: bool) -> None:
        """What waited reads as revoked before anybody has recorded that, and is recorded once somebody does."""
        world, untouched = self.storm.world, await self._waiting()
        assert untouched <= waiting
        async with world.ctx.database.transaction() as session:
            assert set(await stops.stopped_requests(session, uuid.UUID(int=0), 1000)) == untouched
        for id_ in random.Random(0).sample(sorted(untouched), LOOKED_AT):  # noqa: S311  not for secrets
            shown = await read.read(world.services, world.person("anya"), id_)
            assert (shown["status"], shown["ended_why"], shown["may_decide"]) == ("revoked", "stopped", [])
        if thorough:
            assert await record_stops(world.services) == len(untouched)
            assert await self._waiting() == set()
        ended = "select status, ended_why from request where id = any(:ids)"
        rows = await sql(world, ended, ids=list(waiting if thorough else waiting - untouched))
        assert {tuple(row) for row in rows} == {("revoked", "stopped")}


def _in_flight(one: Made, since: datetime) -> bool:
    return one.finished_at is None or one.finished_at > since


@pytest.mark.parametrize(("form", "number"), [("person", rounds(3, 50)), ("emergency", rounds(1, 12))])
async def test_in_the_middle(ground: Ground, form: str, number: int, record_property: Figure) -> None:
    figures = await ground.played(number, ground.press, form)
    record_property(FIGURE, f"stop ({form}): {figures}")
    assert max(figures.took + figures.hung) < AT_MOST


async def test_in_the_middle_by_command(ground: Ground, record_property: Figure) -> None:
    figures = await ground.played(rounds(1, 4), ground.command, "command")
    record_property(FIGURE, f"stop (command, with the start of its process): {figures}")
