"""Brings the messages in Slack up to what they must show: one leader among all workers, a queue for each channel."""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import dataclass, field

from app.domain.errors import InterlockError
from app.slack.delivery import METHOD, deliver, method_of
from app.slack.pace import Pace
from app.slack.team import Team
from app.slack.web import Slack
from app.use_cases.leases import Leadership
from app.use_cases.messages import Due, Messages, Result, Step

log = logging.getLogger(__name__)

IDLE = 0.2
"""Seconds between two looks while nothing is due."""

ANNOUNCED_FOR = 1.0
"""Seconds after which what is about to be posted is announced anew: from then on it is looked for."""

STANDING_BY = 2.0
"""Seconds between two looks whether the leader has gone."""

OF_EACH = 20
"""Messages of a place that wait for their turn here, new ones and standing ones; the others wait in the database."""

ADVANCING = 4
"""Transactions that are open at once."""


@dataclass(slots=True)
class Courier:
    """One in each worker process; the one that leads sends. ``call_timeout``: seconds that a call to Slack may take.

    Each message that is due has a task of its own; the queues are those of ``pace``, one for each channel and method.
    So neither a slow answer nor a row of new cards keeps a button standing that must go.
    """

    slack: Slack
    team: Team
    messages: Messages
    lead: Leadership
    pace: Pace
    call_timeout: float
    _tasks: dict[uuid.UUID, asyncio.Task[None]] = field(default_factory=dict)
    _advancing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(ADVANCING))

    async def run(self) -> None:
        """Until cancelled. An outage of the database or of Slack costs lateness only."""
        try:
            while True:  # noqa: ASYNC110  no event tells what other processes mark
                await asyncio.sleep(await self._round())
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            await self.lead.give_back()

    async def _round(self) -> float:
        """Keep the lease, begin what is due; seconds until the next look."""
        try:
            if self.lead.due and not await self.lead.take():
                return STANDING_BY
            due = await self.messages.due(OF_EACH)
        except InterlockError as error:
            log.warning("slack: %s", error)
            return 1.0
        for one in due:
            if one.message_id not in self._tasks:
                self._tasks[one.message_id] = asyncio.create_task(self._guarded(one))
        return IDLE

    async def _guarded(self, due: Due) -> None:
        """Whatever goes wrong with one message is logged, and must not keep the others waiting."""
        try:
            await self._bring_up(due)
        except InterlockError as error:
            log.warning("slack: message %s: %s", due.message_id, error)
            await asyncio.sleep(1.0)
        except Exception:
            log.exception("slack: message %s cannot be brought up to date", due.message_id)
            await self._put_off(due.message_id)
        finally:
            del self._tasks[due.message_id]

    async def _put_off(self, message: uuid.UUID) -> None:
        try:
            await self.messages.put_off(message)
        except InterlockError as error:
            log.warning("slack: message %s: %s", message, error)
            await asyncio.sleep(1.0)

    async def _bring_up(self, due: Due) -> None:
        """Wait for the turn first, and see then what is to be shown: it is the latest."""
        expected = METHOD["update" if due.stands else "post"]
        await self.pace.turn(expected, due.place)
        step = await self._advance(due.message_id, None, None)
        while step is not None:
            if method_of(step) != expected and await self.pace.turn(method_of(step), due.place) > ANNOUNCED_FOR:
                await self.messages.announce(step)
            expected = ""
            if self.lead.left < self.call_timeout:
                return  # somebody else may lead before an answer came: they begin with what is recorded
            result = await deliver(self.slack, self.pace, step, self.team.bot_user)
            step = await self._advance(due.message_id, step, result)

    async def _advance(self, message: uuid.UUID, last: Step | None, result: Result | None) -> Step | None:
        async with self._advancing:
            return await self.messages.advance(self.lead, last, result, message)
