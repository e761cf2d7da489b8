"""Temporal's schedules agree with the rules in force: one for each bot opens its owner reviews. Level-triggered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleListDescription,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from app.db import owner_reviews
from app.domain.errors import InterlockError
from app.domain.owner_review import LONGEST, phase
from app.use_cases.services import Services
from app.use_cases.temporal import ANSWER_WITHIN, TASK_TIMEOUT
from workflows.contracts import ReviewStart
from workflows.review import OwnerReviewWorkflow

log = logging.getLogger(__name__)
LOOK_EVERY = 60.0
"""Seconds between looks, which cost one list of schedules."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The schedule that a bot is to have. ``last``: when its last review was opened."""

    bot: str
    every: timedelta
    last: datetime | None
    now: datetime

    @property
    def missed(self) -> bool:
        """True when one should have been opened since, and there was no schedule to open it."""
        return self.last is not None and self.last + self.every <= self.now


def schedule_id(services: Services, bot: str) -> str:
    """The id of a bot's schedule. With the task queue: of several installations in a namespace, each has its own."""
    return f"{_prefix(services)}{bot}"


def _prefix(services: Services) -> str:
    return f"{services.task_queue}-review-"


async def agree(services: Services) -> None:
    """Create, change and delete schedules until they are what the rules say; what cannot be done now is tried again."""
    wanted = await _wanted(services)
    there = await _there(services)
    tasks: list[tuple[str, Awaitable[None]]] = []
    for id_, one in wanted.items():
        if id_ not in there:
            tasks.append((id_, _create(services, id_, one)))
        elif there[id_] != one.every:
            tasks.append((id_, _change(services, id_, one)))
    tasks += [(id_, _delete(services, id_)) for id_ in sorted(there.keys() - wanted.keys())]
    for id_, task in tasks:
        try:
            await task
        except RPCError as error:
            log.warning("schedule %s: %s", id_, error)


async def _wanted(services: Services) -> dict[str, Wanted]:
    async with services.ctx.database.transaction() as session:
        policy = await services.ctx.rules.in_force(session)
        last, now = await owner_reviews.last_opened(session), await services.ctx.clock.now(session)
    return {
        schedule_id(services, bot.id): Wanted(bot.id, bot.review.every, last.get(bot.id), now)
        for bot in policy.bots.values()
    }


async def _there(services: Services) -> dict[str, timedelta | None]:
    """Those of ours, and how often each runs; the list may be a moment behind, and the next look sees the rest."""
    schedules = await services.temporal.list_schedules(rpc_timeout=ANSWER_WITHIN)
    return {one.id: _listed_every(one) async for one in schedules if one.id.startswith(_prefix(services))}


def _listed_every(listed: ScheduleListDescription) -> timedelta | None:
    intervals = [] if listed.schedule is None else listed.schedule.spec.intervals
    return intervals[0].every if len(intervals) == 1 else None


async def _create(services: Services, id_: str, one: Wanted) -> None:
    schedule = _schedule(services, id_, one, one.last or one.now)
    try:
        await services.temporal.create_schedule(
            id_, schedule, trigger_immediately=one.missed, rpc_timeout=ANSWER_WITHIN
        )
    except ScheduleAlreadyRunningError:
        await _change(services, id_, one)


async def _change(services: Services, id_: str, one: Wanted) -> None:
    """Counted from the last review or from the schedule's begin: changing it over and over puts nothing off."""

    def changed(given: ScheduleUpdateInput) -> ScheduleUpdate | None:
        known = given.description
        if [interval.every for interval in known.schedule.spec.intervals] == [one.every]:
            return None
        return ScheduleUpdate(_schedule(services, id_, one, one.last or known.info.created_at))

    await services.temporal.get_schedule_handle(id_).update(changed, rpc_timeout=ANSWER_WITHIN)


async def _delete(services: Services, id_: str) -> None:
    try:
        await services.temporal.get_schedule_handle(id_).delete(rpc_timeout=ANSWER_WITHIN)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


def _schedule(services: Services, id_: str, one: Wanted, anchor: datetime) -> Schedule:
    """What was missed while Temporal was down is opened late: nothing is left out, and one at a time is enough."""
    start = ScheduleActionStartWorkflow(
        OwnerReviewWorkflow.run,
        ReviewStart(one.bot),
        id=id_,
        task_queue=services.task_queue,
        task_timeout=TASK_TIMEOUT,
    )
    offset = timedelta(seconds=phase(anchor, one.every) // timedelta(seconds=1))
    return Schedule(
        action=start,
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=one.every, offset=offset)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=LONGEST),
    )


async def agree_forever(services: Services, *, every: float = LOOK_EVERY) -> None:
    """Of a worker process, until cancelled."""
    while True:
        try:
            await agree(services)
        except (InterlockError, RPCError, RuntimeError) as error:
            log.warning("schedules: %s", error)
        await asyncio.sleep(every)
