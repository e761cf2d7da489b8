"""The workflow of one owner review: a clock. A bot's schedule starts it; it holds no rule; see README.md beside it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy

from workflows.activities import ReviewActivities
from workflows.contracts import OpenReview, ReviewStart, ReviewState

Given = TypeVar("Given")


@workflow.defn(name="OwnerReview")
class OwnerReviewWorkflow:
    """Has a review opened and ticks it whenever something is due, until nothing ever is."""

    @workflow.init
    def __init__(self, start: ReviewStart) -> None:  # noqa: ARG002  the same arguments as `run`
        """Nobody has said anything yet."""
        self._nudged = False

    @workflow.run
    async def run(self, start: ReviewStart) -> None:
        """From its opening until it is made or has lapsed."""
        state = await self._step(ReviewActivities.open_review, OpenReview(start.bot, workflow.info().workflow_id))
        while state.due_in is not None:
            await self._wait(timedelta(seconds=state.due_in))
            state = await self._step(ReviewActivities.tick_review, state.review_id)

    @workflow.signal
    def nudge(self) -> None:
        """Somebody has made it: look again."""
        self._nudged = True

    async def _wait(self, due: timedelta) -> None:
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._nudged, timeout=due)
        self._nudged = False

    async def _step(self, step: Callable[[Any, Given], Awaitable[ReviewState]], given: Given) -> ReviewState:
        """A regular activity: nobody waits for it, and it is tried until it succeeds, however long that takes."""
        return await workflow.execute_activity_method(
            step,
            given,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5)),
        )
