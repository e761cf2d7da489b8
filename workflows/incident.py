"""The run of an incident's rollback: many rollbacks, a few at a time. It holds no rule; see README.md beside it."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.workflow import ChildWorkflowHandle, ParentClosePolicy

from workflows.activities import IncidentActivities
from workflows.contracts import RunItems, Start
from workflows.request import RequestWorkflow
from workflows.steps import take

TASK_TIMEOUT = timedelta(seconds=5)
"""How soon another worker takes over a task of one that was killed; as for requests that are asked for."""


@workflow.defn(name="Incident")
class IncidentWorkflow:
    """Starts the rollbacks whose turn it is, each a request with a workflow of its own, until none is left."""

    @workflow.init
    def __init__(self, start: RunItems) -> None:
        """Nothing runs yet that this run has started."""
        self._id = start.request_id
        self._running: dict[str, ChildWorkflowHandle[RequestWorkflow, None]] = {}
        self._nudged = False

    @workflow.run
    async def run(self, start: RunItems) -> None:
        """From the signature until every item has ended."""
        while True:
            self._nudged = False
            turn = await take(IncidentActivities.advance, self._id)
            for item in turn.begin:
                await self._begin(item)
            if turn.done:
                return
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(start)
            await self._wait(turn.due_in)

    @workflow.signal
    def nudge(self) -> None:
        """It was paused, may go on, or is over: look."""
        self._nudged = True

    async def _begin(self, item: Start) -> None:
        """Have its workflow started; one that is there already is whoever's: the row says how that stands."""
        try:
            self._running[item.request_id] = await workflow.start_child_workflow(
                RequestWorkflow.run,
                item,
                id=f"request-{item.request_id}",
                parent_close_policy=ParentClosePolicy.ABANDON,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                task_timeout=TASK_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            return

    async def _wait(self, due_in: float | None) -> None:
        """Until one that this run has started ends, somebody nudges, or it is time to look at the others."""
        due = None if due_in is None else timedelta(seconds=due_in)
        try:
            await workflow.wait_condition(lambda: self._nudged or self._ended(), timeout=due)
        except TimeoutError:
            self._nudged = True
        self._running = {id_: handle for id_, handle in self._running.items() if not handle.done()}

    def _ended(self) -> bool:
        return any(handle.done() for handle in self._running.values())
