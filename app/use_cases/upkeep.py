"""Nothing stays stuck: nudges that were promised, and rows that are overdue."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from app.db import incidents, requests, stops
from app.domain.errors import InterlockError
from app.domain.states import OPEN, Status
from app.steps.tick import tick
from app.steps.use_cases import write_upgraded
from app.use_cases import oversight, owner_reviews, temporal
from app.use_cases.reviews import suspend_overdue
from app.use_cases.services import Services

log = logging.getLogger(__name__)
SWEEP_AT_ONCE = 200
STOPS_EVERY = 1.0
"""Seconds between looks for a stop, which costs one row and the bots' epochs."""


Look = Callable[[Services, uuid.UUID], Awaitable[None]]


async def _guarded(services: Services, request_id: uuid.UUID, look: Look) -> bool:
    """True when that worked; whatever goes wrong with one request is logged, and must not keep the others waiting."""
    try:
        await look(services, request_id)
    except InterlockError as error:
        log.warning("request %s: %s", request_id, error)
        return False
    except Exception:
        log.exception("request %s could not be looked after; tried again later", request_id)
        return False
    return True


async def look_again(services: Services, request_id: uuid.UUID) -> None:
    """Have a request's workflow look at its row; start one for an open row that has none."""
    try:
        await temporal.nudge(services, request_id)
    except temporal.WorkflowGone:
        async with services.ctx.database.transaction() as session:
            row = await requests.by_id(session, request_id)
        if row is not None and row.has_workflow and Status(row.status) in OPEN:
            with suppress(temporal.WorkflowGone):  # it was taken over, and has ended, meanwhile
                await temporal.take_over(services, request_id)


@dataclass(frozen=True, slots=True)
class Nudge:
    """A sink of the outbox: workflows that must look at their rows again. ``look``: how one is made to."""

    services: Services
    look: Look = look_again

    async def tell(self, request_ids: list[uuid.UUID]) -> list[uuid.UUID]:
        """Those that worked; one that Temporal has lost is started again when its row is open."""
        looks = (_guarded(self.services, request_id, self.look) for request_id in request_ids)
        return [id_ for id_, fine in zip(request_ids, await asyncio.gather(*looks), strict=True) if fine]


async def sweep(services: Services, overdue: timedelta) -> int:
    """Tick every open row that something was due for and nobody did; how many there were."""
    async with services.ctx.database.transaction() as session:
        now = await services.ctx.clock.now(session)
        rows = await requests.overdue(session, now - overdue, SWEEP_AT_ONCE)
    await suspend_overdue(services.ctx)
    await owner_reviews.sweep(services.ctx, now - overdue)
    await write_upgraded(services.ctx)
    await oversight.sweep(services.ctx)
    await record_stops(services)
    await run_on(services)
    for row in rows:
        await _tick(services, row.id)
    await asyncio.gather(*(_guarded(services, row.id, look_again) for row in rows if row.has_workflow))
    return len(rows)


async def run_on(services: Services) -> None:
    """Have Temporal run the rollbacks of incidents that it may have lost."""
    async with services.ctx.database.transaction() as session:
        running = await incidents.rolling_back(session)
    await asyncio.gather(*(_guarded(services, request_id, temporal.run_items) for request_id in running))


async def _tick(services: Services, request_id: uuid.UUID) -> None:
    """Do what is due, without Temporal; one row that cannot be helped must not keep the others waiting."""
    try:
        await tick(services.ctx, request_id)
    except InterlockError as error:
        log.warning("sweeper: request %s: %s", request_id, error)
    except Exception:
        log.exception("sweeper: request %s cannot be ticked", request_id)


async def record_stops(services: Services) -> int:
    """Record of every request that a stop has revoked that it is; how many there were.

    Their workflows hear of it by the outbox, as soon as Temporal can be reached.
    """
    done, last = 0, uuid.UUID(int=0)
    while True:
        async with services.ctx.database.transaction() as session:
            found = await stops.stopped_requests(session, last, SWEEP_AT_ONCE)
        for request_id in found:
            await _tick(services, request_id)
        done += len(found)
        if len(found) < SWEEP_AT_ONCE:
            return done
        last = found[-1]


async def record_stops_forever(services: Services, *, every: float = STOPS_EVERY) -> None:
    """Of a worker process, until cancelled: looks for stops, and on the first look for what was left behind."""
    recorded = -1
    while True:
        try:
            async with services.ctx.database.transaction() as session:
                thrown = await stops.epochs(session)
            if thrown != recorded:
                await record_stops(services)
                recorded = thrown
        except InterlockError as error:
            log.warning("stops: %s", error)
        await asyncio.sleep(every)


async def sweep_forever(services: Services, *, every: float, overdue: timedelta) -> None:
    """The sweeper of a worker process, until cancelled."""
    while True:
        try:
            await sweep(services, overdue)
        except InterlockError as error:
            log.warning("sweeper: %s", error)
        await asyncio.sleep(every)
