"""Many at once, and one who never stops: no update is lost, blocked, counted twice or spent on who may not decide.

Who never stops tries 250 times; a thousand with ``FULL_ROUNDS=1``.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import httpx
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from app.api.app import create_app
from app.db import requests
from app.db.session import Database
from app.devstack import TemporalServer, temporal_binary
from app.domain.errors import Forbidden, RateLimited, Unavailable, Unconfirmed
from app.domain.request import Level
from app.execution.http import new_client
from app.identity.tokens import Authenticator
from app.keys import KeyRings
from app.main import readiness
from app.steps.context import Context
from app.use_cases import temporal as workflows
from app.use_cases.actors import Actor
from app.use_cases.governance import install
from app.use_cases.refusals import PER_MINUTE
from app.use_cases.services import Services, Waiters
from app.use_cases.views import View
from tests.api.conftest import BASE, Api, a_key
from tests.conftest import NewDatabase
from tests.fakes.desk import Desk
from tests.races.stopping import rounds
from tests.steps.words import sql
from tests.world import RULES, World, build_context, connect, executor, working

Figure = Callable[[str, object], None]

FIFTY = [f"member-{n:02}" for n in range(1, 51)]
TRIES, AT_ONCE = rounds(250, 1000), 25
IN_FLIGHT = 10
"""What Temporal allows of one workflow (`history.maxInFlightUpdates`)."""
PATIENCE = 20
"""Seconds: no answer takes longer than 10, and a busy machine some more."""
SMALL = ("history.maxTotalUpdates=20", "history.maxTotalUpdates.suggestContinueAsNewThreshold=0.5")
"""A server that allows 20 updates of a workflow in all and says so after half of them; by default 2,000, and 90 %."""
_ACCEPTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED


@dataclass(frozen=True, slots=True)
class Crowd:
    """A world whose worker comes and goes, and what the members of the crowd do in it."""

    world: World

    @asynccontextmanager
    async def at_work(self, database: Database | None = None) -> AsyncIterator[None]:
        """A worker and a reconciler; ``database``: how they reach theirs, when not as the API does."""
        ctx = replace(self.world.ctx, database=database or self.world.ctx.database)
        async with new_client() as http, working(ctx, self.world.services, executor(ctx, self.world.services, http)):
            yield

    async def insist(self, who: str, shown: View) -> int:
        """Approve, and when turned away say it again, under one key; how often turned away."""
        key = uuid.uuid4().hex
        for turned_away in range(100):
            try:
                await self.world.say(who, shown, key=key)
            except (RateLimited, Unavailable):  # the second where this machine is too busy for a step's timeouts
                continue
            return turned_away
        raise AssertionError(f"{who} was turned away a hundred times")

    async def runs(self, shown: View) -> list[list[HistoryEvent]]:
        """The history of each run of the request's workflow, first to last."""
        name, client = workflows.workflow_id(uuid.UUID(shown["id"])), self.world.services.temporal
        described = await client.get_workflow_handle(name).describe()
        run_id, found = described.raw_description.workflow_execution_info.first_run_id, []
        while run_id:
            found.append(list((await client.get_workflow_handle(name, run_id=run_id).fetch_history()).events))
            run_id = found[-1][-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
        return found

    async def updates(self, shown: View) -> int:
        """How many updates the workflow has accepted, its admission among them."""
        return sum(event.event_type == _ACCEPTED for run in await self.runs(shown) for event in run)

    async def agree_on(self, shown: View, signatures: int) -> None:
        """Row, ledger and target say the same: so many signatures, each somebody else's, and one execution."""
        seen = await self.world.until(shown, "succeeded")
        assert seen["plan"]["stages"][0]["approvals"] == signatures
        async with self.world.ctx.database.transaction() as session:
            stored = await requests.decisions(session, uuid.UUID(shown["id"]))
        assert len({decision.person_id for decision in stored if decision.standing}) == len(stored) == signatures
        entries = await self.world.entries(shown)
        signed = [entry["facts"]["person"] for entry in entries if entry["kind"] == "decided"]
        assert len(set(signed)) == len(signed) == signatures
        kinds = Counter(entry["kind"] for entry in entries)
        assert (kinds["stage-passed"], kinds["approved"], kinds["started"], kinds["succeeded"]) == (1, 1, 1, 1)
        assert len(self.world.desk.seen[shown["parameters"]["thing"]]) == 1


@pytest.fixture(scope="module")
def crowded_rules() -> Iterator[Path]:
    """tests/rules, and the crowd."""
    with tempfile.TemporaryDirectory() as place:
        for folder in (RULES, Path(__file__).parent / "rules_crowded"):
            shutil.copytree(folder, place, dirs_exist_ok=True)
        yield Path(place)


@asynccontextmanager
async def crowd_on(address: str, ctx: Context, rings: KeyRings, a_desk: Desk, rules: Path) -> AsyncIterator[Crowd]:
    """A crowd over this server, with nobody at work."""
    await install(ctx, rules, replace=True, by="ada")
    client = await connect(address, rings)
    services = Services(ctx, client, f"crowd-{uuid.uuid4().hex}", Waiters(), rings.tokens, BASE)
    yield Crowd(World(ctx, services, rings, a_desk))
    await ctx.database.close()


@pytest.fixture(scope="module")
async def crowd(
    new_database: NewDatabase, temporal: TemporalServer, rings: KeyRings, a_desk: Desk, crowded_rules: Path
) -> AsyncIterator[Crowd]:
    """A crowd over the dev server."""
    ctx = await build_context(await new_database(), rings, a_desk.url)
    async with crowd_on(temporal.address, ctx, rings, a_desk, crowded_rules) as made:
        yield made


@pytest.fixture(scope="module")
async def small_server() -> AsyncIterator[TemporalServer]:
    """A dev server that takes few updates of one workflow."""
    with tempfile.TemporaryDirectory() as place:
        limited = Path(place) / "temporal"
        limits = " ".join(f"--dynamic-config-value {limit}" for limit in SMALL)
        limited.write_text(f'#!/bin/sh\nexec "{await temporal_binary()}" "$@" {limits}\n')
        limited.chmod(0o755)
        async with TemporalServer.start(binary=limited) as server:
            yield server


@pytest.fixture
async def api(crowd: Crowd, rings: KeyRings) -> AsyncIterator[Api]:
    """The HTTP API over the crowd's world."""
    async with httpx.AsyncClient() as outside:
        authenticator = Authenticator(
            base_url=BASE, tokens=rings.tokens, issuers=(), http=outside, dev=rings.dev_issuer
        )
        app = create_app(crowd.world.services, authenticator, ready=partial(readiness, crowd.world.services))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE, timeout=60) as http:
            yield Api(app, http, crowd.world)


async def test_fifty_at_once_are_fifty_signatures(crowd: Crowd, record_property: Figure) -> None:
    since = time.monotonic()
    async with crowd.at_work():
        shown = await crowd.world.ask("do.fifty")
        async with asyncio.timeout(60):
            turned_away = await asyncio.gather(*(crowd.insist(who, shown) for who in FIFTY))
        seconds = time.monotonic() - since
        await crowd.agree_on(shown, 50)
        (events,) = await crowd.runs(shown)
    updates = sum(event.event_type == _ACCEPTED for event in events)
    figure = f"50 at once: recorded after {seconds:.1f} s, {sum(turned_away)} times turned away, {updates} updates"
    record_property("figure", f"{figure}, {len(events)} history events")
    # fewer: the server dropped tasks that had recorded decisions, and the row answered in the workflow's place
    assert updates == 1 + 50


async def insist_over_http(api: Api, shown: View, mine: dict[str, str]) -> int:
    """Approve until not turned away any more; the status then."""
    body = {"decision": "approve", "digest": shown["digest"]}
    for _ in range(100):
        answer = await api.post(shown, "decisions", body, mine)
        if answer.status_code not in (429, 503):
            return answer.status_code
        assert int(answer.headers["retry-after"]) >= 1
    raise AssertionError("turned away a hundred times")


async def test_over_http_who_comes_after_the_quorum_is_told_so(crowd: Crowd, api: Api) -> None:
    async with crowd.at_work():
        shown = await crowd.world.ask("do.forty")
        headers = [api.person(who) | a_key() for who in FIFTY]
        async with asyncio.timeout(60):
            codes = Counter(await asyncio.gather(*(insist_over_http(api, shown, mine) for mine in headers)))
        assert codes == {200: 40, 409: 10}
        await crowd.agree_on(shown, 40)


async def test_while_no_worker_is_there_most_are_shed_and_none_is_lost(
    crowd: Crowd, api: Api, record_property: Figure
) -> None:
    """What is in flight stays unconfirmed, the rest is turned away; sent again later, each counts once."""
    async with crowd.at_work():
        shown = await crowd.world.ask("do.fifty")
    body = {"decision": "approve", "digest": shown["digest"]}
    headers = [api.person(who) | a_key() for who in FIFTY]
    since = time.monotonic()
    async with asyncio.timeout(60):
        answers = await asyncio.gather(*(api.post(shown, "decisions", body, mine) for mine in headers))
    seconds, codes = time.monotonic() - since, Counter(answer.status_code for answer in answers)
    record_property("figure", f"50 at once, no worker: answered {dict(codes)} within {seconds:.1f} s")
    assert seconds < PATIENCE
    assert codes.keys() == {429, 503}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
    assert codes[503] <= IN_FLIGHT
    assert await crowd.world.kinds(shown) == ["admitted"]

    async with crowd.at_work():
        again = await asyncio.gather(*(insist_over_http(api, shown, mine) for mine in headers))
        assert Counter(again) == {200: 50}
        await crowd.agree_on(shown, 50)


async def test_a_decision_whose_worker_cannot_reach_the_database_is_unconfirmed_in_time(
    crowd: Crowd, record_property: Figure
) -> None:
    """Its update is accepted, and then waits for the step: the caller does not wait with it."""
    async with crowd.at_work():
        shown = await crowd.world.ask("do.two")
    nowhere, key, since = Database("postgresql+asyncpg://nobody@127.0.0.1:9/none"), uuid.uuid4().hex, time.monotonic()
    async with crowd.at_work(nowhere), asyncio.timeout(60):
        with pytest.raises(Unconfirmed):
            await crowd.world.say("dana", shown, key=key)
    seconds = time.monotonic() - since
    record_property("figure", f"decided while the worker's database is away: unconfirmed after {seconds:.1f} s")
    assert seconds < PATIENCE
    await nowhere.close()
    async with crowd.at_work():
        await crowd.world.say("dana", shown, key=key)
        await crowd.world.say("marco", shown)
        await crowd.agree_on(shown, 2)


async def test_the_limit_of_updates_in_total_is_never_met(
    new_database: NewDatabase, small_server: TemporalServer, rings: KeyRings, a_desk: Desk, crowded_rules: Path
) -> None:
    """Near it the workflow continues as a new run, between updates: nobody notices."""
    ctx = await build_context(await new_database(), rings, a_desk.url)
    async with crowd_on(small_server.address, ctx, rings, a_desk, crowded_rules) as crowd, crowd.at_work():
        shown = await crowd.world.ask("do.fifty")
        for n in range(0, 50, 8):
            await asyncio.gather(*(crowd.insist(who, shown) for who in FIFTY[n : n + 8]))
        await crowd.agree_on(shown, 50)
        runs = await crowd.runs(shown)
    accepted = [sum(event.event_type == _ACCEPTED for event in run) for run in runs]
    assert len(runs) >= 3
    assert max(accepted) <= 20
    assert sum(accepted) >= 1 + 50


MIA = Actor("person", "mia", "oidc:https://id.test#mia-web", Level.LOGIN)
STRANGER = Actor("unlinked", None, "oidc:https://id.test#stranger", Level.LOGIN)


async def test_hundreds_of_tries_cost_no_update(world: World, record_property: Figure) -> None:
    """Of somebody excluded, of somebody unlinked, of one whose approval stands: all three at once."""
    few = Crowd(world)
    storms = (no_right_to_decide(few, MIA), no_right_to_decide(few, STRANGER), the_same_approval(few))
    for figure in await asyncio.gather(*storms):
        record_property("figure", figure)


async def storm(attempt: Callable[[], Awaitable[object]]) -> float:
    """`TRIES` times, many at once; how many seconds it took."""
    since = time.monotonic()
    for _ in range(TRIES // AT_ONCE):
        await asyncio.gather(*(attempt() for _ in range(AT_ONCE)))
    return time.monotonic() - since


async def no_right_to_decide(crowd: Crowd, who: Actor) -> str:
    """Each try under a key of its own. They are turned away, coalesced, hardly kept, and in nobody's way."""
    said: Counter[type[Exception]] = Counter()
    shown = await crowd.world.ask("do.two", on_behalf_of="customer:mia")

    async def attempt() -> None:
        with pytest.raises((Forbidden, RateLimited, Unavailable)) as refused:
            await crowd.world.say(who, shown, key=uuid.uuid4().hex)
        said[refused.type] += 1

    seconds = await storm(attempt)
    minutes = 1 + int(seconds / 60)
    assert said[Forbidden] + said[RateLimited] >= TRIES * 0.9  # the rest: too busy for a step's timeouts
    assert PER_MINUTE <= said[Forbidden] <= PER_MINUTE * minutes
    kinds = await crowd.world.kinds(shown)
    assert 1 <= kinds.count("refused") == len(kinds) - 1 <= minutes
    ((kept,),) = await sql(crowd.world, "select count(*) from attempt where request_id = :id", id=shown["id"])
    assert kept <= PER_MINUTE * minutes
    assert await crowd.updates(shown) == 1
    for approver in ("dana", "marco"):
        await crowd.world.say(approver, shown)
    await crowd.agree_on(shown, 2)
    counts = f"{said[Forbidden]} judged, {said[RateLimited]} turned away, {kinds.count('refused')} entries, no update"
    return f"{TRIES} tries of {who.kind} without a right: {counts}, {seconds:.1f} s"


async def the_same_approval(crowd: Crowd) -> str:
    """Under keys of their own each; only what overtook the first, while nothing stood yet, may become an update."""
    shown = await crowd.world.ask("do.two")
    seconds = await storm(partial(crowd.insist, "dana", shown))
    updates = await crowd.updates(shown)
    assert updates <= 1 + AT_ONCE
    assert await crowd.world.kinds(shown) == ["admitted", "decided"]
    await crowd.world.say("marco", shown)
    await crowd.agree_on(shown, 2)
    return f"the same approval {TRIES} times: {updates - 1} updates, {seconds:.1f} s"
