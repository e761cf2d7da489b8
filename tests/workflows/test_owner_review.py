"""Owner reviews on a real server: each bot has a schedule that agrees with the rules, and it opens its review."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import (
    ScheduleActionExecutionStartWorkflow,
    ScheduleDescription,
    ScheduleOverlapPolicy,
    WorkflowExecutionStatus,
)
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer
from tenacity import AsyncRetrying, stop_after_attempt, stop_after_delay, wait_fixed

from app.codec import data_converter
from app.devstack import TemporalServer
from app.domain.owner_review import EPOCH
from app.keys import create_missing
from app.use_cases.governance import install
from app.use_cases.schedules import agree, schedule_id
from app.use_cases.upkeep import sweep
from tests.steps.owner_reviewing import entries, kinds, made, opened, opened_by, shown
from tests.steps.words import change, sql
from tests.world import RULES, World
from workflows.review import OwnerReviewWorkflow

DAY = timedelta(days=1)


@pytest.fixture
async def rules(world: World) -> AsyncIterator[Path]:
    """A copy of the rules to change; the usual ones are in force again afterwards."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(shutil.copytree(RULES, place, dirs_exist_ok=True))
        yield copy
    await install(world.ctx, RULES, replace=True, by="ada")


@pytest.fixture(autouse=True)
async def as_before(world: World) -> AsyncIterator[None]:
    """Nothing is under review, and no schedule is left behind."""
    yield
    await sql(world, "delete from owner_review")
    for bot in ("bot", "other-bot"):
        if await described(world, bot) is not None:
            await world.services.temporal.get_schedule_handle(schedule_id(world.services, bot)).delete()
    await agreed(world, [])


async def described(world: World, bot: str) -> ScheduleDescription | None:
    """A bot's schedule, if it has one."""
    try:
        return await world.services.temporal.get_schedule_handle(schedule_id(world.services, bot)).describe()
    except RPCError as error:
        assert error.status is RPCStatusCode.NOT_FOUND  # noqa: PT017  its fields matter, not that it was raised
        return None


async def every(world: World, bot: str) -> timedelta | None:
    """How often a bot's schedule runs."""
    found = await described(world, bot)
    return None if found is None else found.schedule.spec.intervals[0].every


async def agreed(world: World, ids: list[str]) -> None:
    """Wait until the server lists these schedules of ours: its list is a moment behind."""
    prefix = schedule_id(world.services, "")
    async for attempt in AsyncRetrying(wait=wait_fixed(0.05), stop=stop_after_delay(30), reraise=True):
        with attempt:
            listed = [one.id async for one in await world.services.temporal.list_schedules()]
            assert sorted(id_ for id_ in listed if id_.startswith(prefix)) == ids


async def agree_until(world: World, bot: str, want: timedelta | None) -> None:
    """The worker looks again and again: what it has not seen yet it sees the next time."""
    async for attempt in AsyncRetrying(wait=wait_fixed(0.1), stop=stop_after_delay(30), reraise=True):
        with attempt:
            await agree(world.services)
            assert await every(world, bot) == want


async def test_each_bot_has_a_schedule_that_counts_from_now(world: World) -> None:
    await agree(world.services)
    await agree(world.services)
    for bot in ("bot", "other-bot"):
        found = await described(world, bot)
        assert found is not None
        [interval] = found.schedule.spec.intervals
        assert interval.every == 90 * DAY
        next_ = found.info.next_action_times[0]
        assert timedelta(0) <= found.info.created_at + 90 * DAY - next_ < timedelta(seconds=5)
        assert (next_ - EPOCH - (interval.offset or timedelta())) % interval.every == timedelta(0)
        policy = found.schedule.policy
        assert (policy.overlap, policy.catchup_window) == (ScheduleOverlapPolicy.SKIP, 366 * DAY)
    assert await every(world, "nobody") is None


async def test_schedules_follow_the_rules(world: World, rules: Path) -> None:
    await agree_until(world, "bot", 90 * DAY)
    await agreed(world, [schedule_id(world.services, bot) for bot in ("bot", "other-bot")])
    created = await described(world, "bot")
    entitled = 'entitlements: ["do.*", "look.*"]'
    await change(world, rules, entitled, f"review: {{every: 30d}}\n    {entitled}")
    await agree_until(world, "bot", 30 * DAY)
    assert await every(world, "other-bot") == 90 * DAY
    found = await described(world, "bot")
    assert created is not None
    assert found is not None
    assert found.info.created_at == created.info.created_at
    assert timedelta(0) <= created.info.created_at + 30 * DAY - found.info.next_action_times[0] < timedelta(seconds=5)
    files = (rules / "desk.yaml").read_text()
    await change(world, rules, files[files.index("  - id: other-bot") : files.index("actions:\n")], "")
    await agree_until(world, "other-bot", None)
    assert await every(world, "bot") == 30 * DAY


async def test_a_schedule_opens_a_review_and_its_owner_ends_it(world: World) -> None:
    await agree(world.services)
    workflow = await _triggered(world)
    review = await opened_by(world, workflow)
    assert (await shown(world, review, "olivia"))["status"] == "open"
    assert [entry["facts"]["owners"] for entry in await entries(world, review)] == [
        [str((await sql(world, "select pid from person where id = 'olivia'"))[0][0])]
    ]
    await made(world, review)
    running = world.services.temporal.get_workflow_handle(workflow)
    await running.result()
    taken = await running.fetch_history()
    assert "looked at it" not in taken.to_json()
    converter = data_converter(world.rings.codec)
    await Replayer(workflows=[OwnerReviewWorkflow], data_converter=converter).replay_workflow(taken)


async def _triggered(world: World) -> str:
    """The workflow that the schedule starts when it is triggered, again where a busy server has not heard it.

    While that runs, further triggers are skipped.
    """
    handle = world.services.temporal.get_schedule_handle(schedule_id(world.services, "bot"))
    async for attempt in AsyncRetrying(stop=stop_after_attempt(6), reraise=True):
        with attempt:
            await handle.trigger()
            return await _started_by(world, seconds=10)
    raise AssertionError


async def _started_by(world: World, *, seconds: float = 30) -> str:
    """The workflow that the schedule has started."""
    async for attempt in AsyncRetrying(wait=wait_fixed(0.05), stop=stop_after_delay(seconds), reraise=True):
        with attempt:
            found = await described(world, "bot")
            assert found is not None
            [action] = found.info.recent_actions
    assert isinstance(action.action, ScheduleActionExecutionStartWorkflow)
    assert action.action.workflow_id.startswith(schedule_id(world.services, "bot"))
    return action.action.workflow_id


async def test_what_was_missed_while_there_was_no_schedule_is_opened_late(world: World) -> None:
    """Temporal has lost its data, and the last review was longer ago than it should be."""
    review = await opened(world)
    await made(world, review)
    await sql(world, "update owner_review set opened_at = opened_at - interval '91 days'")
    await agree(world.services)
    second = await opened_by(world, await _started_by(world))
    assert second != review
    assert (await described(world, "other-bot")).info.recent_actions == []  # type: ignore[union-attr]


async def test_one_whose_workflow_was_lost_is_escalated_by_the_sweeper(world: World) -> None:
    review = await opened(world)
    await sql(world, "update owner_review set due_at = opened_at - interval '2 minutes' where id = :id", id=review)
    await sweep(world.services, timedelta(minutes=1))
    assert await kinds(world, review) == ["review-opened", "review-escalated"]


async def test_a_review_is_made_while_temporal_knows_nothing_of_it(world: World) -> None:
    review = await opened(world, workflow=f"lost-{uuid.uuid4()}")
    assert (await made(world, review))["status"] == "done"


async def test_a_workflow_that_was_not_told_ends_when_its_time_comes(world: World) -> None:
    await agree(world.services)
    workflow = await _triggered(world)
    review = await opened_by(world, workflow)
    await sql(world, "update owner_review set done_at = clock_timestamp() where id = :id", id=review)
    running = world.services.temporal.get_workflow_handle_for(OwnerReviewWorkflow.run, workflow)
    assert (await running.describe()).status is WorkflowExecutionStatus.RUNNING
    await running.signal(OwnerReviewWorkflow.nudge)
    await running.result()


async def test_the_worker_process_does_all_of_it(
    world: World, database_url: str, temporal: TemporalServer, tmp_path: Path
) -> None:
    """Its schedules appear, and what they start is opened by it; the test's own worker is on another queue."""
    create_missing(tmp_path)
    queue = f"test-{uuid.uuid4().hex}"
    given = {
        "INTERLOCK_ENVIRONMENT": "development",
        "INTERLOCK_DATABASE__URL": database_url,
        "INTERLOCK_KEYS__DIR": str(tmp_path),
        "INTERLOCK_API__BASE_URL": "http://127.0.0.1:9",
        "INTERLOCK_TEMPORAL__ADDRESS": temporal.address,
        "INTERLOCK_TEMPORAL__TASK_QUEUE": queue,
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "app.worker", env={**os.environ, **given})
    try:
        handle = world.services.temporal.get_schedule_handle(f"{queue}-review-bot")
        async for attempt in AsyncRetrying(wait=wait_fixed(0.2), stop=stop_after_delay(60), reraise=True):
            with attempt:
                await handle.trigger()
        async for attempt in AsyncRetrying(wait=wait_fixed(0.2), stop=stop_after_delay(60), reraise=True):
            with attempt:
                [[workflow]] = await sql(world, "select workflow from owner_review where bot = 'bot'")
        assert workflow.startswith(f"{queue}-review-bot-")
    finally:
        process.terminate()
        assert await process.wait() == 0
        for bot in ("bot", "other-bot"):
            await world.services.temporal.get_schedule_handle(f"{queue}-review-{bot}").delete()
