"""DOOR: Temporal calls us. The bodies of the stubs in workflows/activities.py, thin over the steps."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError

from app.activities.execution import Executor
from app.domain import ask
from app.domain.errors import NotFound
from app.steps import act, judge, tick
from app.steps.admit import admit
from app.steps.context import Context
from workflows import activities
from workflows.contracts import Act, Admit, Admitted, State

P = ParamSpec("P")
A = TypeVar("A")


def final(body: Callable[P, Coroutine[Any, Any, A]]) -> Callable[P, Coroutine[Any, Any, A]]:
    """What names a request or an attempt that is not there fails for good: no later try would find it."""

    @wraps(body)
    async def step(*args: P.args, **kwargs: P.kwargs) -> A:
        try:
            return await body(*args, **kwargs)
        except NotFound as error:
            raise ApplicationError(str(error), type=type(error).__name__, non_retryable=True) from error

    return step


class RequestActivities(activities.RequestActivities):
    """The steps, bound to the parts of this worker."""

    def __init__(self, ctx: Context, executor: Executor) -> None:
        """``executor``: runs the one step that calls the outside."""
        self._ctx = ctx
        self._executor = executor

    @activity.defn(name="admit")
    @final
    async def admit(self, given: Admit) -> Admitted:
        """See the stub."""
        asked = None if given.ask is None else ask.loads(given.ask)
        waited = max(given.seen_at, _now(given.seen_at)) - given.started_at
        return await admit(self._ctx, uuid.UUID(given.request_id), asked, waited=waited)

    @activity.defn(name="decide")
    @final
    async def decide(self, given: Act) -> State:
        """See the stub."""
        return await judge.decide(self._ctx, uuid.UUID(given.request_id), uuid.UUID(given.attempt_id))

    @activity.defn(name="cancel")
    @final
    async def cancel(self, given: Act) -> State:
        """See the stub."""
        return await act.cancel(self._ctx, uuid.UUID(given.request_id), uuid.UUID(given.attempt_id))

    @activity.defn(name="begin")
    @final
    async def begin(self, given: Act) -> State:
        """See the stub."""
        return await act.begin(self._ctx, uuid.UUID(given.request_id), uuid.UUID(given.attempt_id))

    @activity.defn(name="report")
    @final
    async def report(self, given: Act) -> State:
        """See the stub."""
        return await act.report(self._ctx, uuid.UUID(given.request_id), uuid.UUID(given.attempt_id))

    @activity.defn(name="tick")
    @final
    async def tick(self, request_id: str) -> State:
        """See the stub."""
        return await tick.tick(self._ctx, uuid.UUID(request_id))

    @activity.defn(name="execute")
    @final
    async def execute(self, request_id: str) -> State:
        """See the stub."""
        return await self._executor.execute(uuid.UUID(request_id))


def _now(at_least: datetime) -> datetime:
    """Temporal's time of this try, where it is the server's: a local activity has only the workflow task's."""
    info = activity.info()
    return at_least if info.is_local else info.started_time
