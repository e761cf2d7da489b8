"""The Temporal worker over these activities."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Worker

from app.activities.incident import IncidentActivities
from app.activities.request import RequestActivities
from app.activities.review import ReviewActivities
from workflows.incident import IncidentWorkflow
from workflows.request import RequestWorkflow
from workflows.review import OwnerReviewWorkflow

STICKY_FOR = timedelta(seconds=5)
"""How long a task waits for the worker that has its workflow in memory; after that any other takes it, by replay.

The SDK's 10 s would be the longest part of recovering from a worker's death (measured).
"""

WORKFLOW_TASKS = 20
"""How many workflows a worker moves at once.

One that is not in memory costs 20 ms of CPU, and Python runs one at a time. With the SDK's 100, a worker that came
back to 100 pending requests and 100 decisions on a busy machine had its tasks run out of their 5 s over and over, and
was not done after 68 s. With 16 to 24 it took 21 to 25 s, and hardly a task ran out (measured).
"""


def build_worker(
    client: Client,
    task_queue: str,
    activities: RequestActivities,
    reviews: ReviewActivities,
    incidents: IncidentActivities,
) -> Worker:
    """The Temporal worker: the workflows of requests, of owner reviews and of incidents, each with its steps."""
    return Worker(
        client,
        task_queue=task_queue,
        workflows=[RequestWorkflow, OwnerReviewWorkflow, IncidentWorkflow],
        activities=[
            activities.admit,
            activities.decide,
            activities.cancel,
            activities.begin,
            activities.report,
            activities.tick,
            activities.execute,
            reviews.open_review,
            reviews.tick_review,
            incidents.advance,
        ],
        graceful_shutdown_timeout=timedelta(seconds=5),
        sticky_queue_schedule_to_start_timeout=STICKY_FOR,
        max_concurrent_workflow_tasks=WORKFLOW_TASKS,
    )
