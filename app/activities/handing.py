"""The Temporal worker over the attempts that owners' workers make: it moves their workflows, and does nothing else.

It has a task queue of its own, and a client that does not encrypt: the owner's worker must read what it is handed, and
has no key of ours. Its workflows hold ids, a handle and what is sealed. What is ours alone stays on the other queue,
where plaintext is refused.
"""

from __future__ import annotations

from temporalio.client import Client
from temporalio.worker import Worker

from app.activities.worker import STICKY_FOR, WORKFLOW_TASKS
from workflows.execution import ExecutionWorkflow


def execution_queue(task_queue: str) -> str:
    """The task queue of these workflows, beside that of all others."""
    return f"{task_queue}-execution"


def build_handing_worker(client: Client, task_queue: str) -> Worker:
    """``client``: of `app.temporal.plain`; ``task_queue``: of the other worker."""
    return Worker(
        client,
        task_queue=execution_queue(task_queue),
        workflows=[ExecutionWorkflow],
        sticky_queue_schedule_to_start_timeout=STICKY_FOR,
        max_concurrent_workflow_tasks=WORKFLOW_TASKS,
    )
