"""Letting time pass, and asking a workflow what that has cost."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.db import governance
from app.domain.clocks import moment
from app.use_cases import temporal
from app.use_cases.views import View
from tests.world import World

SLACK = timedelta(seconds=15)
"""How late something may come: a timer is whole seconds and at most one late; the rest is a busy machine."""


@dataclass(frozen=True, slots=True)
class ServerClock:
    """The port of time (`app.steps.context.Clock`) over the test server's clock."""

    server: WorkflowEnvironment

    async def now(self, session: AsyncSession) -> datetime:  # noqa: ARG002  the port's signature
        """The server's time: it runs as ours does, and ahead while somebody sleeps on the server."""
        return await self.server.get_current_time()


@dataclass(frozen=True, slots=True)
class StandingClock:
    """The same port, always at one moment."""

    at: datetime

    async def now(self, session: AsyncSession) -> datetime:  # noqa: ARG002  the port's signature
        """That moment."""
        return self.at


@dataclass(frozen=True, slots=True)
class Ahead:
    """The world, and the server whose time can be let pass."""

    world: World
    server: WorkflowEnvironment

    async def until(self, when: datetime) -> None:
        """Let time pass until then, with all that happens meanwhile."""
        await self.server.sleep(max(timedelta(0), when - await self.server.get_current_time()))

    def workflow(self, shown: View) -> WorkflowHandle[Any, Any]:
        """The request's workflow."""
        return self.world.services.temporal.get_workflow_handle(temporal.workflow_id(uuid.UUID(shown["id"])))

    async def events(self, shown: View) -> int:
        """How many events its history has."""
        return len((await self.workflow(shown).fetch_history()).events)

    async def started(self, shown: View, activity: str) -> list[datetime]:
        """When each run of this regular activity was scheduled."""
        history = await self.workflow(shown).fetch_history()
        return [
            event.event_time.ToDatetime(UTC)
            for event in history.events
            if event.activity_task_scheduled_event_attributes.activity_type.name == activity
        ]

    async def completed(self, shown: View) -> datetime:
        """When its workflow has completed, by the server's time."""
        async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(30), reraise=True):
            with attempt:
                described = await self.workflow(shown).describe()
                assert described.status is WorkflowExecutionStatus.COMPLETED
        assert described.close_time is not None
        return described.close_time

    async def pids(self) -> dict[str, str]:
        """Who is meant in entries: pid to person."""
        async with self.world.ctx.database.transaction() as session:
            return {pid: person for person, pid in (await governance.pids(session)).items()}

    async def entry(self, shown: View, kind: str) -> dict[str, Any]:
        """The request's one entry of this kind."""
        (found,) = [entry for entry in await self.world.entries(shown) if entry["kind"] == kind]
        return found


def within(text: str | datetime, due: datetime, slack: timedelta = SLACK) -> bool:
    """Whether something happened when it was due: not a moment before, and hardly later."""
    at = moment(text) if isinstance(text, str) else text
    return due <= at <= due + slack
