"""The workflow of one attempt that the owner's worker makes: one activity, once. It holds no rule; see README.md."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.exceptions import TimeoutError as TimedOut

from workflows.contracts import Errand


@workflow.defn(name="Execution")
class ExecutionWorkflow:
    """Has the owner's worker run its activity, at most once, and hands on what that has sealed."""

    @workflow.run
    async def run(self, errand: Errand) -> RawValue:
        """What the activity returned, as it came. Fails with the sealed details of its failure, and without words."""
        waited = workflow.now() - workflow.info().start_time
        left = timedelta(seconds=errand.start_within) - waited
        if left <= timedelta(0):
            raise ApplicationError("TooLate", type="TooLate", non_retryable=True)
        try:
            answer: RawValue = await workflow.execute_activity(
                errand.activity,
                errand.handed,
                task_queue=errand.task_queue,
                result_type=RawValue,
                schedule_to_start_timeout=left,
                start_to_close_timeout=timedelta(seconds=errand.timeout),
                retry_policy=RetryPolicy(maximum_attempts=1),
            )
        except ActivityError as error:
            raise _without_words(error.cause) from None
        return answer


def _without_words(cause: BaseException | None) -> ApplicationError:
    """A failure's kind, and what is sealed of it: its message may say anything, and histories are kept in clear."""
    match cause:
        case ApplicationError():
            sealed = [detail for detail in cause.details if isinstance(detail, str)]
            return ApplicationError("Failed", *sealed[:1], type="Failed", non_retryable=True)
        case TimedOut():
            kind = "TimedOut" if cause.type is None else cause.type.name
            return ApplicationError(kind, type=kind, non_retryable=True)
    return ApplicationError("Lost", type="Lost", non_retryable=True)
