"""Brings the messages in Slack up to what they must show: one leader among all workers, a lane for each place."""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import dataclass, field

from app.domain.errors import InterlockError
from app.slack.delivery import deliver, method_of
from app.slack.pace import Pace
from app.slack.team import Team
from app.slack.web import Slack
from app.use_cases.leases import SPAN, Leadership
from app.use_cases.messages import Messages, Result, Step

log = logging.getLogger(__name__)

IDLE = 0.1
"""Seconds between two looks while nothing is due."""

STANDING_BY = 2.0
"""Seconds between two looks whether the leader has gone."""

AT_ONCE = 500
FRESH = 0.5
"""Seconds for which a rendered message is taken for the latest state."""

ADVANCING = 4
"""Transactions of the lanes that are open at once."""


@dataclass(slots=True)
class Courier:
    """One in each worker process; the one that leads sends. ``call_timeout``: seconds that a call to Slack may take."""

    slack: Slack
    team: Team
    messages: Messages
    lead: Leadership
    pace: Pace
    call_timeout: float
    _lanes: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _advancing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(ADVANCING))

    async def run(self) -> None:
        """Until cancelled. An outage of the database or of Slack costs lateness only."""
        try:
            while True:  # noqa: ASYNC110  no event tells what other processes mark
                await asyncio.sleep(await self._round())
        finally:
            for lane in self._lanes.values():
                lane.cancel()
            await asyncio.gather(*self._lanes.values(), return_exceptions=True)
            await self.lead.give_back()

    async def _round(self) -> float:
        """Keep the lease, start lanes for what is due; seconds until the next look."""
        try:
            if self.lead.left < SPAN.total_seconds() / 2 and not await self.lead.take():
                return STANDING_BY
            waiting: dict[str, list[uuid.UUID]] = {}
            for message, place in await self.messages.due(AT_ONCE):
                waiting.setdefault(place, []).append(message)
        except InterlockError as error:
            log.warning("slack: %s", error)
            return 1.0
        for place, messages in waiting.items():
            if place not in self._lanes:
                self._lanes[place] = asyncio.create_task(self._lane(place, messages))
        return IDLE

    async def _lane(self, place: str, messages: list[uuid.UUID]) -> None:
        """One message after the other; what fails comes again when it is due."""
        try:
            for message in messages:
                await self._guarded(message)
        finally:
            del self._lanes[place]

    async def _guarded(self, message: uuid.UUID) -> None:
        """Whatever goes wrong with one message is logged, and must not keep the others waiting."""
        try:
            await self._bring_up(message)
        except InterlockError as error:
            log.warning("slack: message %s: %s", message, error)
        except Exception:
            log.exception("slack: message %s cannot be brought up to date", message)
            await self.messages.put_off(message)

    async def _bring_up(self, message: uuid.UUID) -> None:
        step = await self._advance(message, None, None)
        while step is not None:
            waited = await self.pace.turn(method_of(step), step.channel or step.place)
            if waited > FRESH and step.op == "update":
                step = await self._advance(message, None, None)  # what it was to show may be old by now
                if step is None or step.op != "update":
                    continue
            if self.lead.left < self.call_timeout:
                return  # somebody else may lead before an answer came: they begin with what is recorded
            step = await self._advance(message, step, await deliver(self.slack, self.pace, step, self.team.bot_user))

    async def _advance(self, message: uuid.UUID, last: Step | None, result: Result | None) -> Step | None:
        async with self._advancing:
            return await self.messages.advance(self.lead, last, result, message)
