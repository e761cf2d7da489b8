"""Owner reviews at their real length: a quarter, fourteen days, seven more. Nobody looks: high-risk entitlements lapse.

The test server has no schedules: the workflow is started as a bot's schedule would have it; that there is such a
schedule, and that it opens a review, is shown on a real server (tests/workflows/test_owner_review.py).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.domain.clocks import moment
from tests.conftest import FIGURE
from tests.steps.owner_reviewing import entries, made
from tests.steps.words import sql
from tests.time_skipping.skipping import Ahead, within
from tests.world import World
from workflows.contracts import ReviewStart
from workflows.review import OwnerReviewWorkflow

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
QUARTER = 90 * DAY
Review = dict[str, Any]


@pytest.fixture(autouse=True)
async def as_before(ahead: Ahead) -> AsyncIterator[None]:
    """Nothing is under review."""
    yield
    await sql(ahead.world, "delete from owner_review")


async def started(ahead: Ahead, bot: str = "bot") -> WorkflowHandle[Any, Any]:
    """As the schedule does: under an id with the moment that it was due at."""
    services, at = ahead.world.services, await ahead.server.get_current_time()
    id_ = f"{services.task_queue}-review-{bot}-{at:%Y-%m-%dT%H:%M:%SZ}"
    return await services.temporal.start_workflow(
        OwnerReviewWorkflow.run, ReviewStart(bot), id=id_, task_queue=services.task_queue
    )


async def opened(ahead: Ahead, handle: WorkflowHandle[Any, Any]) -> Review:
    """The review, once this workflow has opened it."""
    query = "select id, opened_at, due_at, lapse_at, escalated_at, lapsed_at from owner_review where workflow = :of"
    async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(30), reraise=True):
        with attempt:
            [row] = await sql(ahead.world, query, of=handle.id)
    return dict(row._mapping)  # noqa: SLF001  as SQLAlchemy documents it


async def ended(handle: WorkflowHandle[Any, Any]) -> None:
    """Its workflow has nothing more to wait for."""
    async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(30), reraise=True):
        with attempt:
            assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED


async def asked(world: World) -> str:
    """What comes of an ask of high risk."""
    return str((await world.ask("do.high"))["status"])


async def test_a_quarter_that_nobody_looks_at(ahead: Ahead, record_property: Callable[[str, object], None]) -> None:
    """Ninety days between the two; each is due after fourteen, and lapses after seven more."""
    world, since = ahead.world, time.monotonic()
    first = await opened(ahead, handle := await started(ahead))
    assert first["due_at"] - first["opened_at"] == 14 * DAY
    await made(world, first["id"])
    await ended(handle)

    await ahead.until(first["opened_at"] + QUARTER)
    handle = await started(ahead)
    second = await opened(ahead, handle)
    scope = (await sql(world, "select scope ->> 'since' from owner_review where id = :id", id=second["id"]))[0][0]
    assert moment(scope) == first["opened_at"]
    await ahead.until(second["due_at"] - MINUTE)
    assert (await opened(ahead, handle))["escalated_at"] is None
    await ahead.until(second["due_at"] + MINUTE)
    second = await opened(ahead, handle)
    assert within(second["escalated_at"], second["due_at"])
    assert second["lapse_at"] - second["escalated_at"] == 7 * DAY

    await ahead.until(second["lapse_at"] - MINUTE)
    assert await asked(world) == "held"
    held = await world.ask("do.high")
    await ahead.until(second["lapse_at"] + MINUTE)
    assert within((await opened(ahead, handle))["lapsed_at"], second["lapse_at"])
    await ended(handle)
    assert await asked(world) == "denied"
    await world.say("dana", held)
    assert (await world.until(held, "revoked"))["ended_why"] == "entitlements-lapsed"

    await ahead.server.sleep(QUARTER)
    handle = await started(ahead)
    await ended(handle)
    assert (await opened(ahead, handle))["id"] == second["id"]
    assert await asked(world) == "denied"
    await made(world, second["id"])
    assert await asked(world) == "held"
    told = [entry["kind"] for entry in await entries(world, second["id"])]
    assert told == ["review-opened", "review-escalated", "entitlements-lapsed", "reviewed"]
    record_property(FIGURE, f"two quarters of owner reviews at their real length: {time.monotonic() - since:.1f} s")


async def test_attested_in_time_nothing_lapses(ahead: Ahead) -> None:
    handle = await started(ahead)
    review = await opened(ahead, handle)
    await ahead.until(review["due_at"] - HOUR)
    await made(ahead.world, review["id"])
    await ended(handle)
    await ahead.server.sleep(30 * DAY)
    stands = await opened(ahead, handle)
    assert (stands["escalated_at"], stands["lapsed_at"]) == (None, None)
    assert await asked(ahead.world) == "held"


async def test_whom_it_was_escalated_to_makes_it_in_time(ahead: Ahead) -> None:
    handle = await started(ahead)
    review = await opened(ahead, handle)
    await ahead.until(review["due_at"] + 6 * DAY)
    await made(ahead.world, review["id"], "sam", "changed")
    await ended(handle)
    assert len((await handle.fetch_history()).events) <= 40
    await ahead.server.sleep(30 * DAY)
    assert (await opened(ahead, handle))["lapsed_at"] is None


async def test_its_bot_is_gone_by_then(ahead: Ahead) -> None:
    handle = await started(ahead, f"never-{uuid.uuid4().hex[:8]}")
    await ended(handle)
    assert await sql(ahead.world, "select id from owner_review") == []
