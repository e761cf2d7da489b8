"""The Temporal worker over these activities."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Worker

from app.activities.request import RequestActivities
from workflows.request import RequestWorkflow


def build_worker(client: Client, task_queue: str, activities: RequestActivities) -> Worker:
    """The Temporal worker: one workflow, its steps, one regular activity."""
    return Worker(
        client,
        task_queue=task_queue,
        workflows=[RequestWorkflow],
        activities=[
            activities.admit,
            activities.decide,
            activities.cancel,
            activities.begin,
            activities.report,
            activities.tick,
            activities.execute,
        ],
        graceful_shutdown_timeout=timedelta(seconds=5),
    )
