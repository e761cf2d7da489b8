"""Running an approved action: start, call, finish, as often as the action allows. Heartbeats all the while."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx
from temporalio import activity
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_exponential

from app.domain.errors import Unavailable
from app.domain.outcome import Answer
from app.execution.http import Call, send
from app.execution.temporal import Attempt, Handing, Order
from app.steps.context import Context
from app.steps.execution import Go, Handover, Turn
from app.steps.finish import finish
from app.steps.start import start
from workflows.contracts import State

BEAT = 2.0
"""Seconds between heartbeats; the workflow gives the worker up after ten without."""


class Executor:
    """Executes requests, at most ``at_once`` calls at a time in this process."""

    def __init__(self, ctx: Context, http: httpx.AsyncClient, handing: Handing, *, at_once: int) -> None:
        """``http``: a client of `app.execution.http.new_client`."""
        self._ctx = ctx
        self._http = http
        self._handing = handing
        self._slots = asyncio.Semaphore(at_once)

    async def execute(self, request_id: uuid.UUID) -> State:
        """Run the action of an approved request, or find out about a run that somebody left; how it then stands."""
        owner = uuid.uuid4().hex
        async with _heartbeat():
            while True:
                step = await self._once(request_id, owner)
                if step.wait is None:
                    return step.state
                await asyncio.sleep(step.wait)

    async def _once(self, request_id: uuid.UUID, owner: str) -> Turn:
        async with self._slots:
            started = await start(self._ctx, request_id, owner)
            if started.go is None:
                return started
            if isinstance(started.go, Handover):
                return await self._hand_over(request_id, started.go, owner)
            return await _to_its_end(self._attempt(request_id, started.go, owner))

    async def _attempt(self, request_id: uuid.UUID, go: Go, owner: str) -> Turn:
        answer = await send(self._http, _call(request_id, go))
        return await self._finish(request_id, go.n, owner, answer)

    async def _hand_over(self, request_id: uuid.UUID, go: Handover, owner: str) -> Turn:
        """Not kept up when Temporal gives the activity up: the next one finds the attempt's workflow where it is."""
        answer = await self._handing.carry(_handed_over(request_id, go))
        return await self._finish(request_id, go.n, owner, answer)

    @retry(
        retry=retry_if_exception_type(Unavailable),
        wait=wait_exponential(multiplier=0.2, max=5),
        stop=stop_after_delay(600),
        reraise=True,
    )
    async def _finish(self, request_id: uuid.UUID, n: int, owner: str, answer: Answer) -> Turn:
        """An answer is worth waiting for the database: without it, what is not idempotent would be unknown."""
        return await finish(self._ctx, request_id, n, owner, answer)


async def _to_its_end(attempt: Coroutine[Any, Any, Turn]) -> Turn:
    """What came of a call is recorded, also when Temporal gives the activity up meanwhile.

    It does that to a worker that was frozen for too long, whose workflow is gone, or that stops. The wait is bounded by
    the call's timeout and the patience of `Executor._finish`.
    """
    going = asyncio.ensure_future(attempt)
    try:
        return await asyncio.shield(going)
    except asyncio.CancelledError:
        await asyncio.wait({going})
        if going.exception() is None and going.result().wait is None:
            return going.result()
        raise


def _call(request_id: uuid.UUID, go: Go) -> Call:
    return Call(
        request_id=str(request_id),
        attempt=go.n,
        url=go.url,
        parameters=go.parameters,
        timeout=go.timeout,
        bearer=go.grant.token,
        hosts=go.hosts,
        private=go.private,
        committed_at=go.committed_at,
    )


def _handed_over(request_id: uuid.UUID, go: Handover) -> Attempt:
    order = None
    if go.parcel is not None:
        order = Order(
            task_queue=go.parcel.task_queue,
            activity=go.parcel.activity,
            timeout=go.parcel.timeout,
            start_within=go.parcel.start_within,
            handle=go.parcel.handle,
            committed_at=go.parcel.committed_at,
        )
    return Attempt(str(request_id), go.n, go.answer_key, go.patience, order)


@asynccontextmanager
async def _heartbeat() -> AsyncIterator[None]:
    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(BEAT)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
