"""The Temporal executor: one attempt that the owner's worker makes, and what came of it.

That worker's word counts only as far as it is sealed under the attempt's answer key, which nobody has who did not fetch
the grant as a client of the target: whoever else may write to Temporal cannot make up an outcome.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import RawValue, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode
from tenacity import AsyncRetrying, retry_if_exception, wait_fixed

from app.domain.outcome import Answer, Sent
from app.execution.answers import MAX_BODY, Body, as_error, as_result
from app.execution.http import boottime
from workflows.contracts import Errand, Handed
from workflows.execution import ExecutionWorkflow


class _Sizes(jwe.JWERegistry):
    """As much as Temporal takes in one payload: what is too large to be kept has happened all the same."""

    max_ciphertext_length = 2 << 20


READING = _Sizes(algorithms=["dir", "A256GCM"])

START_WITHIN = timedelta(seconds=5)
"""How long the call that starts the workflow may take."""

TASK_TIMEOUT = timedelta(seconds=5)
"""How soon another worker of ours takes over from one that was killed."""

LAST_LOOK = timedelta(seconds=2)
"""A process that was frozen for longer than it would wait looks once more before it gives up."""

ENDS_LATER = timedelta(seconds=5)
"""What Temporal may take on top of the activity's own times."""

SAID = {"succeeded": Sent.SUCCEEDED, "failed": Sent.FAILED, "not_sent": Sent.NOT_SENT}


@dataclass(frozen=True, slots=True)
class Order:
    """What is handed over, by the ``handle``. ``committed_at``: CLOCK_BOOTTIME seconds of the attempt's commit."""

    task_queue: str
    activity: str
    timeout: timedelta
    start_within: timedelta
    handle: str = field(repr=False)
    committed_at: float


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt. ``order``: None when somebody else has handed it over, or never will."""

    request_id: str
    n: int
    answer_key: bytes = field(repr=False)
    patience: timedelta
    order: Order | None


def workflow_id(request_id: str, n: int) -> str:
    """The id of an attempt's workflow: a second start finds the first."""
    return f"execution-{request_id}-{n}"


class Handing:
    """Hands attempts to the workers of their owners."""

    def __init__(self, client: Client, task_queue: str, *, clock: Callable[[], float] = boottime) -> None:
        """``client``: one that does not encrypt, for owners have no key of ours; ``task_queue``: of our own worker."""
        self._client = client
        self._task_queue = task_queue
        self._clock = clock

    async def carry(self, attempt: Attempt) -> Answer:
        """Hand an attempt over, unless somebody has, and wait for what comes of it. Temporal makes it raise nothing.

        Nothing is handed over later than ``start_within`` after the commit; nor can a grant be fetched after that.
        """
        if attempt.order is not None:
            await self._hand_over(attempt, attempt.order)
        for patience in (attempt.patience, LAST_LOOK):
            with suppress(TimeoutError):
                async with asyncio.timeout(patience.total_seconds()):
                    return await self._outcome(attempt)
        return _uncertain("there was no answer in time")

    async def _hand_over(self, attempt: Attempt, order: Order) -> None:
        if self._clock() - order.committed_at > order.start_within.total_seconds():
            return
        try:
            await self._client.start_workflow(
                ExecutionWorkflow.run,
                _errand(attempt, order),
                id=workflow_id(attempt.request_id, attempt.n),
                task_queue=self._task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                execution_timeout=order.start_within + order.timeout + ENDS_LATER,
                task_timeout=TASK_TIMEOUT,
                rpc_timeout=START_WITHIN,
            )
        except (WorkflowAlreadyStartedError, RPCError):
            return  # whether it has started is found out by waiting for it

    async def _outcome(self, attempt: Attempt) -> Answer:
        handle = self._client.get_workflow_handle(workflow_id(attempt.request_id, attempt.n), result_type=RawValue)
        async for trial in AsyncRetrying(retry=retry_if_exception(_passes), wait=wait_fixed(1), reraise=True):
            with trial:
                return await _ended(handle, attempt.answer_key)
        raise AssertionError("it is tried until it answers")


def _passes(error: BaseException) -> bool:
    return isinstance(error, RPCError)


async def _ended(handle: WorkflowHandle[Any, RawValue], key: bytes) -> Answer:
    try:
        raw = await handle.result()
    except WorkflowFailureError as failure:
        return _failed(failure.cause, key)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return _uncertain("it was not handed over")
        raise
    return opened(_text(raw.payload), key)


def _failed(cause: BaseException, key: bytes) -> Answer:
    if not isinstance(cause, ApplicationError):
        return _uncertain("its workflow was ended from outside, or by its timeout")
    if cause.details and isinstance(cause.details[0], str):
        return opened(cause.details[0], key)
    return _uncertain(WHY.get(cause.type or "", "its worker failed without saying what it has done"))


WHY = {
    "TooLate": "it was not started in time",
    "SCHEDULE_TO_START": "no worker of the task queue took it in time",
    "START_TO_CLOSE": "the time for it was over",
}


def _errand(attempt: Attempt, order: Order) -> Errand:
    return Errand(
        handed=Handed(attempt.request_id, attempt.n, order.handle),
        task_queue=order.task_queue,
        activity=order.activity,
        start_within=order.start_within.total_seconds(),
        timeout=order.timeout.total_seconds(),
    )


def _text(payload: Payload) -> str | None:
    try:
        value = json.loads(payload.data) if payload.metadata.get("encoding") == b"json/plain" else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, str) else None


def opened(sealed: str | None, key: bytes) -> Answer:
    """What a worker says: a compact JWE (``dir``, A256GCM) of ``{"outcome": ..., "value": ...}``, else uncertain."""
    try:
        said = json.loads(jwe.decrypt_compact(sealed or "", OctKey.import_key(key), registry=READING).plaintext or b"")
        return _said(SAID[said["outcome"]], said.get("value"))
    except (JoseError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return _uncertain("its worker's answer is not sealed as it must be")


def _said(sent: Sent, value: Any) -> Answer:
    data = json.dumps(value).encode()
    body = Body(data[:MAX_BODY], whole=len(data) <= MAX_BODY)
    if sent is Sent.SUCCEEDED:
        result, note = as_result(body)
        return Answer(sent, None, result, None, note)
    return Answer(sent, None, None, {**as_error(0, body), "status": None})


def _uncertain(why: str) -> Answer:
    return Answer(
        Sent.UNCERTAIN, None, None, {"status": None, "body": None, "reason": f"It is not known what was done: {why}."}
    )
