"""Handles: whose they are, how long they are good, and what somebody gets with one who found it in a history."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from joserfc.jwk import OKPKey
from sqlalchemy import text
from temporalio.service import RPCError
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.activities.handing import execution_queue
from app.domain.outcome import Sent
from app.execution.temporal import Attempt, Handing, Order, workflow_id
from app.grants.keys import StandingKeys
from app.steps.fetch import fetch
from app.use_cases.views import View
from tests.handed.conftest import Handed

NOBODY = {"status": None, "body": None, "reason": "It is not known what was done: it was not handed over."}
NOT_FOUND = "urn:interlock:problem:not-found"


@pytest.fixture
def held(handed: Handed) -> Iterator[None]:
    """The customer's worker waits before it fetches anything."""
    with holding(handed):
        yield


@contextmanager
def holding(handed: Handed) -> Iterator[None]:
    handed.hands.hold()
    yield
    handed.hands.may_fetch.set()


async def taken(handed: Handed, action: str) -> tuple[View, str]:
    """A request whose activity the customer's worker has begun, and its handle."""
    shown = await handed.approved(action)
    await handed.hands.waiting.wait()
    return shown, await handed.handle(shown)


async def sql(handed: Handed, statement: str, shown: View) -> None:
    """Straight on the database."""
    async with handed.world.ctx.database.transaction() as session:
        await session.execute(text(statement), {"id": uuid.UUID(shown["id"])})


@asynccontextmanager
async def suspended(handed: Handed) -> AsyncIterator[None]:
    """The bot is stopped meanwhile."""
    await handed.world.suspend()
    try:
        yield
    finally:
        async with handed.world.ctx.database.transaction() as session:
            await session.execute(text("update bot set suspended_at = null"))


async def nothing_ran(handed: Handed, shown: View, status: str = "failed") -> None:
    """Whatever the worker does now, nothing comes of it."""
    handed.hands.may_fetch.set()
    done = await handed.world.until(shown, "failed", "unknown", "succeeded", seconds=90)
    assert (done["status"], handed.calls(shown)) == (status, [])


@pytest.mark.usefixtures("held")
async def test_the_same_bytes_again_and_one_entry(handed: Handed) -> None:
    shown, handle = await taken(handed, "do.handed-slowly")
    first, again = await handed.fetch(handle), await handed.fetch(handle)
    assert (first.status_code, again.json()) == (200, first.json())
    assert first.json()["parameters"] == shown["parameters"]
    handed.hands.may_fetch.set()
    await handed.world.until(shown, "succeeded")
    assert (await handed.world.kinds(shown)).count("grant-fetched") == 1
    assert (await handed.fetch(handle)).status_code == 404


@pytest.mark.usefixtures("held")
async def test_a_grant_is_fetched_by_the_key_that_signed_it_first(handed: Handed) -> None:
    """Keys rotate between the start and the fetch, or are put away altogether."""
    shown, handle = await taken(handed, "do.handed-slowly")
    ctx, id_ = handed.world.ctx, uuid.UUID(shown["id"])
    key = OKPKey.generate_key("Ed25519", parameters={"kid": "newer"})
    rotated = replace(ctx.grants, current="newer", keys={**ctx.grants.keys, "newer": key})
    fetched = await fetch(replace(ctx, grant_keys=StandingKeys(rotated)), id_, handle, "desk")
    assert fetched is not None
    assert (await handed.fetch(handle)).json()["grant"] == fetched.grant.token
    replaced = replace(rotated, keys={"newer": key})
    assert await fetch(replace(ctx, grant_keys=StandingKeys(replaced)), id_, handle, "desk") is None
    handed.hands.may_fetch.set()
    await handed.world.until(shown, "succeeded")


@pytest.mark.usefixtures("held")
async def test_a_stolen_handle_gives_others_nothing(handed: Handed) -> None:
    """Another target's credentials, the bot's own, one that was made up."""
    shown, handle = await taken(handed, "do.handed-slowly")
    for who, what, status in (("yard", handle, 404), ("bot", handle, 403), ("desk", handle[:-1] + "~", 404)):
        answer = await handed.fetch(what, who)
        assert answer.status_code == status
        assert "grant" not in answer.json()
    assert (await handed.world.kinds(shown)).count("grant-fetched") == 0
    handed.hands.may_fetch.set()
    await handed.world.until(shown, "succeeded")


@pytest.mark.usefixtures("held")
async def test_what_was_stopped_before_it_was_fetched_never_runs(handed: Handed) -> None:
    shown, handle = await taken(handed, "do.handed-slowly")
    async with suspended(handed):
        assert (await handed.fetch(handle)).json()["type"] == NOT_FOUND
        await nothing_ran(handed, shown)


@pytest.mark.usefixtures("held")
async def test_what_was_fetched_gives_nothing_more_once_its_bot_is_stopped(handed: Handed) -> None:
    shown, handle = await taken(handed, "do.handed-slowly")
    assert (await handed.fetch(handle)).status_code == 200
    async with suspended(handed):
        assert (await handed.fetch(handle)).status_code == 404
    handed.hands.may_fetch.set()
    await handed.world.until(shown, "succeeded", "unknown")


@pytest.mark.usefixtures("held")
async def test_a_handle_is_over_when_its_time_to_start_is(handed: Handed) -> None:
    shown, handle = await taken(handed, "do.unattended-soon")
    async for trial in AsyncRetrying(wait=wait_fixed(0.1), stop=stop_after_delay(30), reraise=True):
        with trial:
            assert await over(handed, shown)
    assert (await handed.fetch(handle)).json()["type"] == NOT_FOUND
    assert handed.calls(shown) == []
    handed.hands.may_fetch.set()
    done = await handed.world.until(shown, "failed", "unknown", "succeeded", seconds=90)
    assert done["execution"]["attempts"][0]["outcome"] == "not-sent"
    assert len(handed.calls(shown)) == (1 if done["status"] == "succeeded" else 0)  # begun anew, it may be in time


async def over(handed: Handed, shown: View) -> bool:
    """Whether its second to start in has passed, by the clock that counts."""
    async with handed.world.ctx.database.transaction() as session:
        query = "select bool_and(clock_timestamp() > started_at + interval '1 second') from execution_attempt"
        found = await session.execute(text(f"{query} where request_id = :id"), {"id": uuid.UUID(shown["id"])})
        return bool(found.scalar_one())


@pytest.mark.usefixtures("held")
async def test_a_handle_is_over_when_its_grant_is(handed: Handed) -> None:
    shown, handle = await taken(handed, "do.handed-slowly")
    assert (await handed.fetch(handle)).status_code == 200
    await sql(handed, "update execution_attempt set grant_expires_at = started_at where request_id = :id", shown)
    assert (await handed.fetch(handle)).json()["type"] == NOT_FOUND
    handed.hands.may_fetch.set()
    done = await handed.world.until(shown, "failed", "unknown", "succeeded")
    assert (done["status"], handed.calls(shown)) == ("unknown", [])  # whoever fetched it first might have acted


@pytest.mark.usefixtures("held")
async def test_a_handle_is_over_when_its_attempt_is_given_up(handed: Handed) -> None:
    """Its workflow is ended from outside: not fetched, so nothing was sent, and by that handle nothing ever will be."""
    shown, handle = await taken(handed, "do.handed-slowly")
    await handed.client.get_workflow_handle(f"execution-{shown['id']}-1").terminate()
    async for trial in AsyncRetrying(wait=wait_fixed(0.1), stop=stop_after_delay(30), reraise=True):
        with trial:
            first = (await handed.world.look(shown))["execution"]["attempts"][0]
            assert first["outcome"] == "not-sent"
    assert (await handed.fetch(handle)).json()["type"] == NOT_FOUND
    handed.hands.may_fetch.set()
    done = await handed.world.until(shown, "failed", "unknown", "succeeded")
    assert (done["status"], len(handed.calls(shown))) == ("succeeded", 1)


@pytest.mark.usefixtures("held")
async def test_a_handle_is_over_when_the_catalogue_says_otherwise(handed: Handed) -> None:
    shown, handle = await taken(handed, "do.handed-slowly")
    await sql(handed, "update request set action_version = 'sha256:other' where id = :id", shown)
    assert (await handed.fetch(handle)).json()["type"] == NOT_FOUND
    await nothing_ran(handed, shown)


async def test_what_undoes_is_handed_over_although_the_bot_is_stopped(handed: Handed) -> None:
    shown = await handed.approved("do.handed")
    await handed.world.until(shown, "succeeded")
    async with suspended(handed):
        undoing = await handed.world.roll_back("ivan", shown)
        await handed.world.say("rita", undoing)
        done = await handed.world.until(undoing, "succeeded", "failed", "unknown")
    assert done["status"] == "succeeded"


async def test_nothing_is_handed_over_too_late(handed: Handed) -> None:
    """Who was frozen after the commit hands nothing over, and finds that nobody has."""
    queue, n = execution_queue(handed.world.services.task_queue), 1
    late = Handing(handed.client, queue, clock=lambda: 106.0)
    span = timedelta(seconds=5)
    order = Order("desk-work", "do.it", span, span, handle="made-up", committed_at=100.0)
    attempt = Attempt(str(uuid.uuid4()), n, b"k" * 32, span, order)
    answer = await late.carry(attempt)
    assert (answer.sent, answer.error) == (Sent.UNCERTAIN, NOBODY)
    with pytest.raises(RPCError, match="not found"):
        await handed.client.get_workflow_handle(workflow_id(attempt.request_id, n)).describe()
