"""A bot that runs amok: hundreds of its requests in all states, sixteen workers at their steps, and somebody's stop.

Nothing here needs Temporal: whoever runs a step, the row decides.
"""

from __future__ import annotations

import asyncio
import os
import random
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import text
from temporalio.client import Client

from app.db import requests
from app.db.session import Database
from app.domain.ask import Ask
from app.domain.errors import Unavailable
from app.domain.outcome import Answer, Sent
from app.domain.request import Kind, Level
from app.governance.built_in import RESUME_BOT, RESUME_INSTALLATION
from app.keys import KeyRings
from app.steps import act, judge
from app.steps.admit import admit
from app.steps.context import Context
from app.steps.finish import finish
from app.steps.scene import scene
from app.steps.start import start
from app.steps.tick import tick
from app.use_cases import attempts
from app.use_cases.actors import Actor
from app.use_cases.services import Services, Waiters
from tests.fakes.desk import Desk
from tests.steps.words import NOT_SENT, SAID_503, sql
from tests.world import World, build_context
from workflows.contracts import State

WORKERS = 16
LASTS = 0.02
"""Seconds that every step of theirs goes on before its commit, with all that it wrote and all its locks."""

OPEN = ("held", "approved", "executing")
DONE = Answer(Sent.SUCCEEDED, 200, {"done": "it"}, None)
SAID_409 = Answer(Sent.FAILED, 409, None, {"status": 409, "body": None})


def rounds(few: int, full: int) -> int:
    """How many rounds to play: few, unless the environment has ``FULL_ROUNDS``."""
    return full if "FULL_ROUNDS" in os.environ else few


class Slow(Database):
    """Connections whose transactions last: what they write is written, and the commit not sent yet.

    ``reached`` is set when one has come so far.
    """

    def __init__(self, url: str, *, lasts: float = LASTS, pool_size: int = WORKERS) -> None:
        super().__init__(url, pool_size=pool_size)
        self.lasts = lasts
        self.reached = asyncio.Event()

    async def _commit(self, session: AsyncSession) -> None:
        await session.flush()
        self.reached.set()
        await session.execute(text("select pg_sleep(:lasts)"), {"lasts": self.lasts})
        await super()._commit(session)


@asynccontextmanager
async def without_temporal(database_url: str, rings: KeyRings) -> AsyncIterator[World]:
    """A world without Temporal, worker and target: steps are run by the test."""
    ctx = await build_context(database_url, rings, "http://127.0.0.1:9")
    try:
        yield beside(ctx, rings)
    finally:
        await ctx.database.close()


def beside(ctx: Context, rings: KeyRings) -> World:
    """A world of these parts."""
    services = Services(ctx, cast("Client", None), "none", Waiters(), rings.tokens, ctx.issuer)
    return World(ctx, services, rings, cast("Desk", None))


async def admitted(
    ctx: Context, action: str, mode: str | None = None, *, bot: str = "bot", fast: bool = False
) -> tuple[uuid.UUID, State]:
    """Id and state of a new request of a bot. ``mode``: what the rules of tests/rules make of it."""
    id_, about = uuid.uuid4(), {"thing": uuid.uuid4().hex} | ({} if mode is None else {"mode": mode})
    ask = Ask("action", "bot", bot, f"{bot}-client", action, about, on_behalf_of="customer:carl")
    return id_, (await admit(ctx, id_, ask, waited=timedelta(0), fast=fast)).state


async def rollback_of(ctx: Context, id_: uuid.UUID) -> uuid.UUID:
    """A rollback that ivan has asked for."""
    made = uuid.uuid4()
    ask = Ask("rollback", "person", "ivan", None, "undo.well", {}, reason="It was wrong", reverses=str(id_))
    await admit(ctx, made, ask, waited=timedelta(0))
    return made


async def signed_way_back(ctx: Context, bot: str | None) -> uuid.UUID:
    """A resumption that has been signed, and is to run."""
    id_, about = uuid.uuid4(), {} if bot is None else {"bot": bot}
    action = RESUME_INSTALLATION if bot is None else RESUME_BOT
    ask = Ask("governance", "person", "ivan", None, action, about, reason="It is mended")
    await admit(ctx, id_, ask, waited=timedelta(0))
    await voted(ctx, id_, "ada")
    return id_


def person(id_: str) -> Actor:
    """A person who has signed in."""
    return Actor("person", id_, f"oidc:https://id.test#{id_}", Level.LOGIN)


async def stored(ctx: Context, id_: uuid.UUID, who: Actor, op: str, **body: Any) -> uuid.UUID:
    """What somebody wants to do, kept for the step that does it; a decision is to approve what stands there."""
    async with scene(ctx, id_) as found:
        if op == "decide":
            body = {"decision": "approve", "reason": "because", "digest": found.row.digest}
        attempt = attempts.build(found, who, op, None, body)
        return (await requests.store_attempt(found.session, attempt)).id


BOT = Actor("bot", "bot", "client:bot-client", Level.CLICK, client_id="bot-client")
FOUND = {"status": "succeeded", "detail": None, "result": {"seen": 1}}


async def voted(ctx: Context, id_: uuid.UUID, *who: str) -> None:
    """Approvals of these people, recorded."""
    for name in who:
        await judge.decide(ctx, id_, await stored(ctx, id_, person(name), "decide"))


async def populate(world: World) -> None:
    """More than two hundred requests: of the runaway in all states, of another bot, and rollbacks."""
    ctx = world.ctx
    for _ in range(60):
        await admitted(ctx, "do.moderate")
        await admitted(ctx, "do.moderate", "allow")
    for _ in range(6):
        await voted(ctx, (await admitted(ctx, "do.two"))[0], "dana")
        await voted(ctx, (await admitted(ctx, "do.stages"))[0], "marco")
        await voted(ctx, (await admitted(ctx, "do.once"))[0], "dana")
        await voted(ctx, (await admitted(ctx, "look.up", "hold"))[0], "dana")
        made = await rollback_of(ctx, await started(ctx, DONE, "do.high"))
        await voted(ctx, made, "rita")
    for _ in range(10):
        await admitted(ctx, "look.up", fast=True)
        for answer in (None, NOT_SENT):
            await started(ctx, answer)
        await admitted(ctx, "do.moderate", "allow", bot="other-bot")
        await admitted(ctx, "do.moderate", bot="other-bot")
    await _ended(world)


async def started(ctx: Context, answer: Answer | None, action: str = "do.moderate") -> uuid.UUID:
    """A request of which an attempt was made, and what came of that, if anything has."""
    id_, _ = await admitted(ctx, action, "allow")
    assert (await start(ctx, id_, "seed")).go is not None
    if answer is not None:
        await finish(ctx, id_, 1, "seed", answer)
    return id_


async def _ended(world: World) -> None:
    """Some that are over, each in its own way; and calls that may be made again, for their worker is long dead."""
    ctx = world.ctx
    over = "update request set expires_at = clock_timestamp() where id = :id"
    for _ in range(2):
        await admitted(ctx, "do.moderate", "deny")
        for answer in (SAID_409, DONE):
            await started(ctx, answer)
        unknown = (await admitted(ctx, "do.once"))[0]
        await voted(ctx, unknown, "dana")
        await start(ctx, unknown, "seed")
        await finish(ctx, unknown, 1, "seed", SAID_503)
        for mode in (None, "allow"):
            expired = (await admitted(ctx, "do.moderate", mode))[0]
            await sql(world, over, id=expired)
            await tick(ctx, expired)
        cancelled = (await admitted(ctx, "do.moderate"))[0]
        await act.cancel(ctx, cancelled, await stored(ctx, cancelled, BOT, "cancel", reason=None))
        changed = (await admitted(ctx, "do.moderate", "allow"))[0]
        await sql(world, "update request set nonce = 'another' where id = :id", id=changed)
        await start(ctx, changed, "seed")
    await sql(
        world,
        """update execution_attempt a set started_at = started_at - interval '1 minute' from request r
           where r.id = a.request_id and r.action = 'do.moderate' and a.outcome is null""",
    )


@dataclass(slots=True)
class Job:
    """A request as the worker that has it knows it. ``under_way``: number and owner of the attempt that it makes."""

    id: uuid.UUID
    kind: str
    bot: str
    mode: str
    status: str
    under_way: tuple[int, str] | None = None

    @property
    def runaway(self) -> bool:
        """True when the runaway has asked for it."""
        return self.kind == Kind.ACTION and self.bot == "bot"

    async def go_on(self, ctx: Context, chance: random.Random) -> None:
        """The next step of it."""
        if self.status == "held" or chance.random() < 0.15:
            await self._wait(ctx, chance)
        elif self.mode == "bot" and self.status == "approved":
            state = await act.begin(ctx, self.id, await stored(ctx, self.id, BOT, "begin"))
            self.status = state.status
        elif self.mode == "bot":
            self.status = (await act.report(ctx, self.id, await stored(ctx, self.id, BOT, "report", **FOUND))).status
        elif self.under_way is not None:
            n, owner = self.under_way
            answer = chance.choices((DONE, SAID_409, SAID_503, NOT_SENT), (6, 1, 1, 2))[0]
            self.status = (await finish(ctx, self.id, n, owner, answer)).state.status
            self.under_way = None
        else:
            turn = await start(ctx, self.id, owner := uuid.uuid4().hex)
            self.status = turn.state.status
            self.under_way = None if turn.go is None else (turn.go.n, owner)

    async def _wait(self, ctx: Context, chance: random.Random) -> None:
        """What may come to any open request: mostly a decision, if it is held."""
        what = chance.random()
        if self.status == "held" and what < 0.8:
            who = "rita" if self.kind == Kind.ROLLBACK else chance.choice(("dana", "marco", "priya", "fiona"))
            self.status = (await judge.decide(ctx, self.id, await stored(ctx, self.id, person(who), "decide"))).status
        elif what < 0.9:
            self.status = (await tick(ctx, self.id)).status
        else:
            cancelling = await stored(ctx, self.id, person("ivan"), "cancel", reason=None)
            self.status = (await act.cancel(ctx, self.id, cancelling)).status


JOBS = "select id, kind, bot, mode, status from request where status = any(:open) order by id"


@dataclass(slots=True)
class Storm:
    """Sixteen workers at all open requests of a database. ``steps``: done so far; ``cut``: cut off, to be repeated.

    ``elsewhere``: starts of what is none of the runaway's own.
    """

    world: World
    url: str
    chance: random.Random
    jobs: deque[Job] = field(default_factory=deque)
    steps: int = 0
    cut: int = 0
    elsewhere: int = 0
    _moved: asyncio.Condition = field(default_factory=asyncio.Condition)
    _over: bool = False

    @asynccontextmanager
    async def raging(self) -> AsyncIterator[Storm]:
        """All workers at work; at the end of the block each ends its step, and all have."""
        rows = await sql(self.world, JOBS, open=list(OPEN))
        jobs = [Job(*row) for row in rows]
        self.chance.shuffle(jobs)
        self.jobs.extend(jobs)
        database = Slow(self.url)
        ctx = replace(self.world.ctx, database=database)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(WORKERS):
                    group.create_task(self._work(ctx))
                try:
                    yield self
                finally:
                    self._over = True
        finally:
            await database.close()

    async def until(self, come: Callable[[], bool]) -> None:
        """Wait for something that a step brings about."""
        async with asyncio.timeout(60), self._moved:
            await self._moved.wait_for(come)

    def take(self, status: str, kind: str = "action") -> Job:
        """One of the runaway's that Interlock runs, or a rollback of one, for the test alone."""
        wanted = (kind, "bot", status, "http")
        found = next(job for job in self.jobs if (job.kind, job.bot, job.status, job.mode) == wanted)
        self.jobs.remove(found)
        return found

    async def _work(self, ctx: Context) -> None:
        chance = random.Random(self.chance.random())  # noqa: S311  not for secrets
        while not self._over:
            job = None if chance.random() < 0.2 else self.jobs.popleft()
            try:
                await (self._ask(ctx, chance) if job is None else job.go_on(ctx, chance))
            except Unavailable:
                self.cut += 1
            if job is not None and job.status in OPEN:
                self.jobs.append(job)
            await self._count(job)

    async def _ask(self, ctx: Context, chance: random.Random) -> None:
        """The runaway wants ever more."""
        action, mode, fast = chance.choice(
            (("do.moderate", None, False), ("do.moderate", "allow", False), ("look.up", None, True))
        )
        id_, state = await admitted(ctx, action, mode, fast=fast)
        if state.status in OPEN:
            self.jobs.append(Job(id_, "action", "bot", "bot" if fast else "http", state.status))

    async def _count(self, job: Job | None) -> None:
        async with self._moved:
            self.steps += 1
            self.elsewhere += job is not None and not job.runaway and job.under_way is not None
            self._moved.notify_all()


@dataclass(frozen=True, slots=True)
class Made:
    """An attempt as its row has it."""

    request: str
    n: int
    started_at: datetime
    finished_at: datetime | None


MADE = text(
    """select a.request_id::text, a.n, a.started_at, a.finished_at
    from execution_attempt a join request r on r.id = a.request_id
    where r.kind = 'action' and (cast(:bot as text) is null or r.bot = :bot)"""
)


async def made(session: AsyncSession, bot: str | None) -> list[Made]:
    """All attempts at actions of a bot (None: of all)."""
    return [Made(*row) for row in await session.execute(MADE, {"bot": bot})]
