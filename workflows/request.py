"""The one workflow of every request: a clock and a queue. It holds no rule; see README.md beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from workflows.activities import RequestActivities
from workflows.contracts import Act, Admit, Admitted, Start, State
from workflows.steps import take

EXECUTE_AGAIN_AT_MOST = timedelta(seconds=5)
"""Between two tries of the execution: a frozen worker's open polls may swallow several before another gets one."""


@workflow.defn(name="Request")
class RequestWorkflow:
    """Puts what happens to a request in order and keeps its time; what to do is decided in the steps."""

    @workflow.init
    def __init__(self, start: Start) -> None:
        """A run knows nothing but its request's id until `admit` has answered."""
        self._id = start.request_id
        self._admitted: Admitted | None = None
        self._state: State | None = None
        self._lock = asyncio.Lock()
        self._changes = 0
        self._nudged = False

    @workflow.run
    async def run(self, start: Start) -> None:
        """From admission (or takeover of a standing row) until the request is no longer open."""
        state = await self._admit(start)
        while state.is_open:
            if workflow.info().is_continue_as_new_suggested():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(Start(self._id))
            await (self._execute() if state.runs else self._wait(state))
            state = self._state or state
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.update
    async def admitted(self) -> Admitted:
        """How the request was admitted, once it is."""
        await workflow.wait_condition(lambda: self._admitted is not None)
        assert self._admitted is not None  # noqa: S101  for the type checker: the line above waited for it
        return self._admitted

    @workflow.update
    async def decide(self, attempt_id: str) -> State:
        """Record a decision."""
        return await self._act(RequestActivities.decide, attempt_id)

    @workflow.update
    async def cancel(self, attempt_id: str) -> State:
        """Cancel the request."""
        return await self._act(RequestActivities.cancel, attempt_id)

    @workflow.update
    async def begin(self, attempt_id: str) -> State:
        """Start an action that the bot runs."""
        return await self._act(RequestActivities.begin, attempt_id)

    @workflow.update
    async def report(self, attempt_id: str) -> State:
        """Record an outcome that the bot reports."""
        return await self._act(RequestActivities.report, attempt_id)

    @workflow.signal
    def nudge(self) -> None:
        """Something outside has changed the row, or freed what it waits for: look again."""
        self._nudged = True

    async def _admit(self, start: Start) -> State:
        given = Admit(start.request_id, start.ask, workflow.info().start_time, workflow.now())
        self._admitted = replace(await take(RequestActivities.admit, given), mark=start.mark)
        return self._take(self._admitted.state)

    async def _act(self, step: Callable[[RequestActivities, Act], Awaitable[State]], attempt_id: str) -> State:
        await workflow.wait_condition(lambda: self._admitted is not None)
        async with self._lock:
            return self._take(await take(step, Act(self._id, attempt_id)))

    async def _wait(self, state: State) -> None:
        """Until an update has changed the state, somebody nudges, or the next thing is due."""
        seen = self._changes
        due = None if state.due_in is None else timedelta(seconds=state.due_in)
        try:
            await workflow.wait_condition(lambda: self._nudged or self._changes != seen, timeout=due)
        except TimeoutError:
            self._nudged = True
        if self._nudged:
            async with self._lock:
                self._nudged = False
                self._take(await take(RequestActivities.tick, self._id))

    async def _execute(self) -> None:
        """Without the lock: a withdrawal, a cancel or a stop must get through until the start is committed."""
        answer = await workflow.execute_activity_method(
            RequestActivities.execute,
            self._id,
            start_to_close_timeout=timedelta(hours=2),
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=EXECUTE_AGAIN_AT_MOST),
        )
        self._take(answer)

    def _take(self, state: State) -> State:
        """The newer of what was known and what came: a slow answer never overrules a later one."""
        if self._state is None or state.version >= self._state.version:
            self._state = state
        self._changes += 1
        return self._state
