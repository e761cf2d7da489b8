"""DOOR: Temporal calls us about incidents. The body of the stub in workflows/activities.py, thin over the step."""

from __future__ import annotations

import uuid

from temporalio import activity

from app.activities.request import final
from app.steps.context import Context
from app.steps.incident_run import advance
from workflows import activities
from workflows.contracts import Advanced


class IncidentActivities(activities.IncidentActivities):
    """The step, bound to the parts of this worker."""

    def __init__(self, ctx: Context) -> None:
        """``ctx``: this worker's."""
        self._ctx = ctx

    @activity.defn(name="advance")
    @final
    async def advance(self, request_id: str) -> Advanced:
        """See the stub."""
        return await advance(self._ctx, uuid.UUID(request_id))
