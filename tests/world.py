"""Interlock in one process for tests: real PostgreSQL, real Temporal, a real worker, a target over real HTTP."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
from temporalio.client import Client
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.activities.execution import Executor
from app.activities.handing import build_handing_worker, execution_queue
from app.activities.incident import IncidentActivities
from app.activities.request import RequestActivities
from app.activities.review import ReviewActivities
from app.activities.worker import build_worker
from app.codec import data_converter
from app.db import ledger, requests
from app.db.session import Database
from app.db.tables import ClientCredential
from app.domain.ledger import verify_stream
from app.domain.request import Level
from app.execution.http import boottime, new_client
from app.execution.temporal import Handing
from app.governance.built_in import APPROVE
from app.grants.keys import StandingKeys
from app.keys import KeyRings
from app.ledger.vault import Vault
from app.outbox.reconciler import Reconciler, Sink
from app.steps.context import Context, DatabaseClock
from app.steps.incident_run import SINK
from app.steps.rules import Rules
from app.temporal import plain
from app.use_cases import changes, decide, read, rollback, stop, submit
from app.use_cases.actors import Actor
from app.use_cases.governance import install
from app.use_cases.services import Services, Waiters
from app.use_cases.temporal import run_items
from app.use_cases.upkeep import Nudge
from app.use_cases.views import View
from tests.fakes.desk import Desk

RULES = Path(__file__).parent / "rules"


class WakeHere:
    """The long-poll sink of a test: worker and waiters are in one process."""

    def __init__(self, waiters: Waiters) -> None:
        self._waiters = waiters

    async def tell(self, request_ids: list[uuid.UUID]) -> list[uuid.UUID]:
        for request_id in request_ids:
            self._waiters.wake(request_id)
        return request_ids


@dataclass(frozen=True, slots=True)
class World:
    """The running whole, and short words for what tests do with it."""

    ctx: Context
    services: Services
    rings: KeyRings
    desk: Desk

    def person(self, person_id: str, level: Level = Level.LOGIN, account: str = "web") -> Actor:
        """A person, by one of their accounts."""
        return Actor("person", person_id, f"oidc:https://id.test#{person_id}-{account}", level)

    def bot(self, bot_id: str = "bot") -> Actor:
        """A bot that came with its client credential."""
        return Actor("bot", bot_id, f"client:{bot_id}-client", Level.CLICK, client_id=f"{bot_id}-client")

    async def ask(self, action: str, key: str | None = None, *, bot: str = "bot", **fields: Any) -> View:
        """Submit an ask about a thing of its own, unless the test names one; the bot's view."""
        thing = fields.pop("thing", None) or uuid.uuid4().hex
        parameters = {"thing": thing, **fields.pop("parameters", {})}
        body = {"action": action, "parameters": parameters, "on_behalf_of": "customer:carl", "context": {}, **fields}
        return (await submit.submit(self.services, self.bot(bot), key or uuid.uuid4().hex, body)).view

    async def say(self, who: str | Actor, shown: View, decision: str = "approve", **more: Any) -> View:
        """Decide as a person."""
        actor = self.person(who) if isinstance(who, str) else who
        words = {"reason": "because", "digest": shown["digest"], "key": None, **more}
        return await decide.decide(self.services, actor, uuid.UUID(shown["id"]), decision=decision, **words)

    async def roll_back(self, who: str, shown: View, key: str | None = None, reason: str = "It was wrong") -> View:
        """Ask to undo a request, as a person; the rollback as they see it."""
        request_id, key = uuid.UUID(shown["id"]), key or uuid.uuid4().hex
        return (await rollback.roll_back(self.services, self.person(who), request_id, key, reason)).view

    async def suspend(self, who: str = "ivan", bot: str | None = "bot", reason: str = "It runs amok") -> View:
        """Stop a bot, or all of them, as a person; the answer."""
        return await stop.suspend(self.services, self.person(who), bot, reason)

    async def resume(self, who: str, bot: str | None = "bot", reason: str = "It is mended") -> View:
        """Ask to let a bot, or all of them, go on; the request as its asker sees it."""
        return (await changes.resume(self.services, self.person(who), bot, None, reason)).view

    async def change(self, who: str, action: str, parameters: dict[str, Any], key: str | None = None) -> View:
        """Ask for a change of Interlock itself, as a person; the request as its asker sees it."""
        key = key or uuid.uuid4().hex
        asked = await changes.ask_change(
            self.services, self.person(who), key, action=action, parameters=parameters, reason="It is time"
        )
        return asked.view

    async def publish(self, files: Mapping[str, str], who: str = "ada", by: str | None = "ben") -> View:
        """Have rules put in force, asked for by one administrator and (unless ``by`` is None) approved by another."""
        asked = await self.change(who, "interlock.policy.publish", {"files": dict(files)})
        if by is None:
            return asked
        await self.say(by, asked)
        return await self.until(asked, "succeeded")

    async def approve_use_case(self, bot: str, who: str = "petra", by: tuple[str, ...] = ("olivia", "sam")) -> View:
        """Have what a bot is for approved for 300 days, by these one after another; the request."""
        day = (datetime.now(UTC) + timedelta(days=300)).date().isoformat()
        asked = await self.change(who, APPROVE, {"bot": bot, "review_by": day})
        for one in by:
            await self.say(one, asked)
        return await self.until(asked, "succeeded", "revoked") if len(by) > 1 else asked

    async def until(self, shown: View, *statuses: str, seconds: float = 60) -> View:
        """The request, as the auditor sees it, once it has one of these statuses."""
        seen = await self.look(shown)
        async with asyncio.timeout(seconds):
            while seen["status"] not in statuses:
                seen = await read.wait(
                    self.services, self.person("anya"), uuid.UUID(shown["id"]), seconds=5, since=seen["version"]
                )
        return seen

    async def occupied(self, thing: str, action: str = "do.once") -> View:
        """A request that executes and hangs, its conflict key taken, until `desk.release(thing)`."""
        shown = await self.ask(action, thing=thing)
        self.desk.script(thing, 0)
        await self.say("dana", shown)
        await self.desk.called(thing)
        return shown

    async def blocked(self, shown: View) -> None:
        """Wait until an approved request was found to wait for its conflict key: only then is it due in the future."""
        async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(30), reraise=True):
            with attempt:
                row = await self.row(shown)
                assert row.due_at > row.updated_at

    async def look(self, shown: View) -> View:
        """The request as the auditor sees it."""
        return await read.read(self.services, self.person("anya"), uuid.UUID(shown["id"]))

    async def entries(self, shown: View) -> list[dict[str, Any]]:
        """The bodies of the request's ledger stream, after checking that it is whole."""
        stream = f"request:{shown['id']}"
        async with self.ctx.database.transaction() as session:
            stored = await ledger.read(session, stream)
        assert verify_stream(stream, stored) == []
        return [json.loads(entry.body) for entry in stored]

    async def kinds(self, shown: View) -> list[str]:
        """The kinds of the request's entries, in order."""
        return [entry["kind"] for entry in await self.entries(shown)]

    async def row(self, shown: View) -> Any:
        """The request's row."""
        async with self.ctx.database.transaction() as session:
            return await requests.by_id(session, uuid.UUID(shown["id"]))


async def build_context(database_url: str, rings: KeyRings, desk_url: str) -> Context:
    """The parts, with the rules of tests/rules in force and a live credential for each bot."""
    ctx = Context(
        database=Database(database_url),
        clock=DatabaseClock(),
        rules=Rules(),
        vault=Vault(rings.wrapping),
        grant_keys=StandingKeys(rings.grants),
        boottime=boottime,
        issuer="http://interlock.test",
        environment="development",
        target_urls={"desk": desk_url},
    )
    await install(ctx, RULES, replace=False, by="ada")
    async with ctx.database.transaction() as session:
        now = await ctx.clock.now(session)
        for bot in ("bot", "other-bot"):
            session.add(
                ClientCredential(
                    client_id=f"{bot}-client",
                    holder_kind="bot",
                    holder_id=bot,
                    secret_hash="",
                    made_by="zoe",
                    created_at=now,
                    revoked_at=None,
                )
            )
    return ctx


async def connect(address: str, rings: KeyRings) -> Client:
    """A Temporal client whose payloads are encrypted."""
    return await Client.connect(address, data_converter=data_converter(rings.codec))


@asynccontextmanager
async def running(
    ctx: Context, client: Client, rings: KeyRings, desk: Desk, sinks: Mapping[str, Sink] = MappingProxyType({})
) -> AsyncIterator[World]:
    """A world with its worker and reconciler at work on a task queue of its own. ``sinks``: more who are told."""
    services = Services(ctx, client, f"test-{uuid.uuid4().hex}", Waiters(), rings.tokens, ctx.issuer)
    async with new_client() as http, working(ctx, services, executor(ctx, services, http), sinks):
        yield World(ctx, services, rings, desk)


def executor(ctx: Context, services: Services, http: httpx.AsyncClient) -> Executor:
    """What runs actions, as the worker does. ``http``: of `new_client`."""
    handing = Handing(plain(services.temporal), execution_queue(services.task_queue))
    return Executor(ctx, http, handing, at_once=20)


@asynccontextmanager
async def working(
    ctx: Context, services: Services, executing: Executor, more: Mapping[str, Sink] = MappingProxyType({})
) -> AsyncIterator[None]:
    """A worker and a reconciler."""
    activities = RequestActivities(ctx, executing)
    sinks: dict[str, Sink] = {"wake": WakeHere(services.waiters), "nudge": Nudge(services)}
    sinks |= {SINK: Nudge(services, run_items), **more}
    reviews, undoing = ReviewActivities(ctx), IncidentActivities(ctx)
    ours = build_worker(services.temporal, services.task_queue, activities, reviews, undoing)
    async with build_handing_worker(plain(services.temporal), services.task_queue), ours:
        reconciling = asyncio.create_task(Reconciler(ctx.database, sinks).run())
        try:
            yield
        finally:
            if reconciling.done():
                reconciling.result()  # why it has ended, which it never should
            reconciling.cancel()
