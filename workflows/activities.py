"""Activity stubs: names and types only, so that importing workflows loads no database and no network.

The bodies are in app/activities, in a subclass that repeats the decorators.
"""

from __future__ import annotations

from temporalio import activity

from workflows.contracts import Act, Admit, Admitted, Advanced, OpenReview, ReviewState, State


class RequestActivities:
    """The steps of a request. Each may run again: it reads back what stands and returns that."""

    @activity.defn(name="admit")
    async def admit(self, given: Admit) -> Admitted:
        """Write the request with its verdict and plan, or take over the row that stands."""
        raise NotImplementedError

    @activity.defn(name="decide")
    async def decide(self, given: Act) -> State:
        """Judge a stored decision again and record it."""
        raise NotImplementedError

    @activity.defn(name="cancel")
    async def cancel(self, given: Act) -> State:
        """Cancel what has not started."""
        raise NotImplementedError

    @activity.defn(name="begin")
    async def begin(self, given: Act) -> State:
        """Hand the start of an approved action to the bot that runs it."""
        raise NotImplementedError

    @activity.defn(name="report")
    async def report(self, given: Act) -> State:
        """Record the outcome that a bot reports of an action that it runs itself."""
        raise NotImplementedError

    @activity.defn(name="tick")
    async def tick(self, request_id: str) -> State:
        """Do what is due."""
        raise NotImplementedError

    @activity.defn(name="execute")
    async def execute(self, request_id: str) -> State:
        """Check everything again, run the action once, record its outcome. Heartbeats; the only regular activity."""
        raise NotImplementedError


class ReviewActivities:
    """The steps of an owner review; each may run again."""

    @activity.defn(name="open_review")
    async def open_review(self, given: OpenReview) -> ReviewState:
        """Open it, or take over the one of this bot that nobody has made yet."""
        raise NotImplementedError

    @activity.defn(name="tick_review")
    async def tick_review(self, review_id: str) -> ReviewState:
        """Do what is due."""
        raise NotImplementedError


class IncidentActivities:
    """The one step of a run; it may run again."""

    @activity.defn(name="advance")
    async def advance(self, request_id: str) -> Advanced:
        """Whose turn it is, once what cannot be undone any more is left alone."""
        raise NotImplementedError
