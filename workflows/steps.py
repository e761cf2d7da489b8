"""How a workflow has a step taken: as a local activity, and as a regular one when that does not succeed soon."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError, is_cancelled_exception

Given = TypeVar("Given")
Answer = TypeVar("Answer")

LOCAL_FOR, LOCAL_TRIES = timedelta(seconds=5), 6
"""A step that has not succeeded as a local activity by then goes on as a regular one: history stays small.

Tries as well as time: the SDK checks the time only while a try runs; what failed at once was tried for ever (measured).
"""


async def take(step: Callable[[Any, Given], Awaitable[Answer]], given: Given) -> Answer:
    """Have a step taken, however long the database is away. Raises what a step raises for good."""
    try:
        return await workflow.execute_local_activity_method(
            step,
            given,
            schedule_to_close_timeout=LOCAL_FOR,
            retry_policy=RetryPolicy(
                initial_interval=timedelta(milliseconds=200),
                maximum_interval=timedelta(seconds=1),
                maximum_attempts=LOCAL_TRIES,
            ),
        )
    except FailureError as error:  # a local activity raises its own failure, unwrapped
        if is_cancelled_exception(error):
            raise
        return await workflow.execute_activity_method(
            step,
            given,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(
                initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10)
            ),
        )
