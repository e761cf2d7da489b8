"""DOOR: Temporal calls us. The steps of an owner review, thin over `app.steps.owner_review`."""

from __future__ import annotations

import uuid

from temporalio import activity
from temporalio.exceptions import ApplicationError

from app.domain.errors import NotFound
from app.steps import owner_review
from app.steps.context import Context
from workflows import activities
from workflows.contracts import OpenReview, ReviewState


class ReviewActivities(activities.ReviewActivities):
    """The steps, bound to the parts of this worker."""

    def __init__(self, ctx: Context) -> None:
        """``ctx``: the parts."""
        self._ctx = ctx

    @activity.defn(name="open_review")
    async def open_review(self, given: OpenReview) -> ReviewState:
        """See the stub."""
        return await owner_review.open_review(self._ctx, given)

    @activity.defn(name="tick_review")
    async def tick_review(self, review_id: str) -> ReviewState:
        """See the stub."""
        try:
            return await owner_review.tick(self._ctx, uuid.UUID(review_id))
        except NotFound as error:
            raise ApplicationError(str(error), type=type(error).__name__, non_retryable=True) from error
