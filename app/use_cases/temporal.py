"""The only calls to the Temporal client about requests: start an admission, act on one, take over a row, nudge."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable
from datetime import timedelta
from functools import partial
from typing import TypeVar

from temporalio.client import (
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from app.domain.errors import RateLimited, Unavailable, Unconfirmed
from app.use_cases.services import Services
from workflows.contracts import Admitted, RunItems, Start, State
from workflows.incident import IncidentWorkflow
from workflows.request import RequestWorkflow

ANSWER_WITHIN = timedelta(seconds=10)
TASK_TIMEOUT = timedelta(seconds=5)
"""How soon another worker takes over a task of one that was killed."""

T = TypeVar("T")
_TOO_MANY = (RPCStatusCode.RESOURCE_EXHAUSTED, RPCStatusCode.FAILED_PRECONDITION)
"""Too many updates in flight; too many in all, which passes when the workflow continues as a new run."""
_LOST = (RPCStatusCode.CANCELLED, RPCStatusCode.DEADLINE_EXCEEDED)


class WorkflowGone(Exception):
    """No run of this request's workflow is open: its row says what stands."""


def workflow_id(request_id: uuid.UUID) -> str:
    """The id of a request's workflow; no personal data, for ids are not encrypted."""
    return f"request-{request_id}"


async def admit(services: Services, request_id: uuid.UUID, ask: str, mark: str) -> Admitted | None:
    """Start the request's workflow, or find it, and wait until it is admitted. None: it ran and has closed.

    ``mark``: of this call; the answer has that of the call whose ask was admitted.

    Raises Unconfirmed when no answer came in time, Unavailable when Temporal does not answer.
    """
    start = _start(services, Start(str(request_id), ask, mark), WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY)
    call = services.temporal.execute_update_with_start_workflow(
        RequestWorkflow.admitted, start_workflow_operation=start, id="admitted", rpc_timeout=ANSWER_WITHIN
    )
    try:
        return await _answer(call)
    except WorkflowGone:
        return None


async def act(services: Services, request_id: uuid.UUID, update: str, attempt_id: uuid.UUID) -> State:
    """Send one update, its id the attempt's, to a request's workflow.

    Raises WorkflowGone when none is open, RateLimited when too many others do, Unconfirmed and Unavailable as `admit`.
    """
    handle = services.temporal.get_workflow_handle_for(RequestWorkflow.run, workflow_id(request_id))
    call = partial(handle.execute_update, update, str(attempt_id), id=str(attempt_id), result_type=State)
    async with services.updates.of(request_id):
        return await _answer(call(rpc_timeout=ANSWER_WITHIN))


async def take_over(services: Services, request_id: uuid.UUID) -> None:
    """Start a workflow for a row that has lost its own; nothing when one is open."""
    operation = _start(services, Start(str(request_id)), WorkflowIDReusePolicy.ALLOW_DUPLICATE)
    call = services.temporal.execute_update_with_start_workflow(
        RequestWorkflow.admitted, start_workflow_operation=operation, id=str(uuid.uuid4()), rpc_timeout=ANSWER_WITHIN
    )
    await _answer(call)


async def nudge(services: Services, request_id: uuid.UUID) -> None:
    """Tell a request's workflow to look at its row again. Raises WorkflowGone when none is open."""
    handle = services.temporal.get_workflow_handle_for(RequestWorkflow.run, workflow_id(request_id))
    await _answer(handle.signal(RequestWorkflow.nudge, rpc_timeout=ANSWER_WITHIN))


async def run_items(services: Services, request_id: uuid.UUID) -> None:
    """Start the run of an incident's rollback, or tell it to look again. Raises Unconfirmed, Unavailable."""
    starting = services.temporal.start_workflow(
        IncidentWorkflow.run,
        RunItems(str(request_id)),
        id=f"incident-{request_id}",
        task_queue=services.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal="nudge",
        task_timeout=TASK_TIMEOUT,
        rpc_timeout=ANSWER_WITHIN,
    )
    await _answer(starting)


def _start(
    services: Services, start: Start, reuse: WorkflowIDReusePolicy
) -> WithStartWorkflowOperation[RequestWorkflow, None]:
    return WithStartWorkflowOperation(
        RequestWorkflow.run,
        start,
        id=workflow_id(uuid.UUID(start.request_id)),
        task_queue=services.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=reuse,
        task_timeout=TASK_TIMEOUT,
    )


async def _answer(call: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(
            ANSWER_WITHIN.total_seconds()
        ):  # the SDK makes several calls, each with its own limit
            return await call
    except WorkflowAlreadyStartedError as error:
        raise WorkflowGone from error
    except (WorkflowUpdateRPCTimeoutOrCancelledError, TimeoutError) as error:
        raise _unconfirmed() from error
    except WorkflowUpdateFailedError as error:
        raise WorkflowGone from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise WorkflowGone from error
        if error.status in _LOST:
            raise _unconfirmed() from error
        if error.status in _TOO_MANY:
            raise RateLimited("Too much at once on this request or installation.", retry_after=1) from error
        raise Unavailable("Temporal does not answer. Send it again: if it was recorded, it counts once.") from error
    except RuntimeError as error:
        raise Unavailable("Temporal cannot be reached. Send it again: if it was recorded, it counts once.") from error


def _unconfirmed() -> Unconfirmed:
    return Unconfirmed("No answer within 10 s: it may yet be recorded; sending it again counts once.")
