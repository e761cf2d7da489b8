"""A sink of the outbox: bots with a webhook are told what they would read, when a request is over or waits for them."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Self

import httpx

from app.db import outbox, requests
from app.db.outbox import Mark
from app.db.tables import Request
from app.domain.errors import InterlockError
from app.domain.request import Level, Mode
from app.domain.states import OPEN, Status
from app.domain.webhooks import Event, event
from app.execution.posting import Endpoint, post
from app.governance.policy import Policy
from app.steps.context import Context
from app.steps.scene import WEBHOOK
from app.telemetry import sent_webhook
from app.use_cases.actors import Actor
from app.use_cases.views import View, view

log = logging.getLogger(__name__)

AT_ONCE = 10
"""Calls to one bot's webhook."""
TURN_WITHIN = 4.0
"""Seconds to wait for one of them; what gets none comes again with the outbox."""
GIVEN_UP_AFTER = timedelta(hours=24)

Keys = Callable[[str], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Telling:
    """One event that is due. ``version``: of the row; ``late``: due for so long that this is the last try."""

    bot: str
    version: int
    endpoint: Endpoint
    event: Event
    late: bool


@dataclass(slots=True)
class Webhooks:
    """``http``: of `new_client`; ``keys``: what a bot's events are signed with, none where no secret is set.

    Every call is a task of its own, so that a webhook which hangs keeps no other bot waiting.
    """

    ctx: Context
    http: httpx.AsyncClient
    keys: Keys
    _tasks: dict[uuid.UUID, asyncio.Task[None]] = field(default_factory=dict)
    _turns: dict[str, asyncio.Semaphore] = field(
        default_factory=lambda: defaultdict(lambda: asyncio.Semaphore(AT_ONCE))
    )

    async def __aenter__(self) -> Self:
        """At work until the block ends."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Whoever was not told is told by the next process."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def tell(self, request_ids: list[uuid.UUID]) -> list[uuid.UUID]:
        """Begin to; none is told yet: that is recorded when it was taken."""
        for request_id in request_ids:
            if request_id not in self._tasks:
                self._tasks[request_id] = asyncio.create_task(self._guarded(request_id))
        return []

    async def _guarded(self, request_id: uuid.UUID) -> None:
        try:
            await self._tell(request_id)
        except InterlockError as error:
            log.warning("webhook of request %s: %s", request_id, error)
        except Exception:
            log.exception("webhook of request %s: told again later", request_id)
        finally:
            del self._tasks[request_id]

    async def _tell(self, request_id: uuid.UUID) -> None:
        found = await self._found(request_id)
        if isinstance(found, int):
            await self._told(request_id, found)
            return
        turn = self._turns[found.bot]
        try:
            await asyncio.wait_for(turn.acquire(), TURN_WITHIN)
        except TimeoutError:
            return
        try:
            error = await self._post(found)
        finally:
            turn.release()
        await self._record(request_id, found, error)

    async def _post(self, found: Telling) -> str | None:
        if not found.endpoint.keys:
            return f"no secret is set: INTERLOCK_BOTS__{found.bot.upper()}__WEBHOOK_SECRET"
        if self.ctx.environment != "development" and not found.endpoint.url.startswith("https://"):
            return "it is not https, and this is not development"
        return await post(self.http, found.endpoint, found.event)

    async def _record(self, request_id: uuid.UUID, found: Telling, error: str | None) -> None:
        if error is None:
            sent_webhook("bot", found.bot, "taken")
            await self._told(request_id, found.version)
        elif found.late:
            sent_webhook("bot", found.bot, "given-up")
            log.error(
                "webhook of bot %s: request %s was not taken for a day, given up: %s", found.bot, request_id, error
            )
            await self._told(request_id, found.version)
        else:
            sent_webhook("bot", found.bot, "refused")
            log.warning("webhook of bot %s: request %s is not taken: %s", found.bot, request_id, error)

    async def _told(self, request_id: uuid.UUID, version: int) -> None:
        async with self.ctx.database.transaction() as session:
            await outbox.told(session, WEBHOOK, [Mark(request_id, version)])

    async def _found(self, request_id: uuid.UUID) -> Telling | int:
        """What to tell; the row's version where there is nothing to."""
        async with self.ctx.database.transaction() as session:
            row = await requests.by_id(session, request_id)
            if row is None:
                return 0
            policy = await self.ctx.rules.in_force(session)
            endpoint = self._endpoint(policy, row)
            shown = await view(self.ctx, session, policy, _as_bot(row), row)
            late = await self.ctx.clock.now(session) > row.updated_at + GIVEN_UP_AFTER
            if endpoint is None or not _to_be_told(shown, row):
                return row.version
            return Telling(endpoint.name, row.version, endpoint, self._event(shown), late)

    def _endpoint(self, policy: Policy, row: Request) -> Endpoint | None:
        bot = policy.bots.get(row.asker_id) if row.asker_kind == "bot" else None
        if bot is None or bot.webhook is None:
            return None
        return Endpoint(bot.id, bot.webhook.url, self.keys(bot.id), bot.webhook.private)

    def _event(self, shown: View) -> Event:
        return event(
            id_=f"{shown['id']}/{shown['version']}",
            source=self.ctx.issuer,
            type_=f"dev.interlock.request.{shown['status']}.v1",
            subject=shown["id"],
            time=shown["updated_at"],
            data=json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode(),
        )


def _as_bot(row: Request) -> Actor:
    """Whoever asked: the event holds what they would read, and no more."""
    return Actor(row.asker_kind, row.asker_id, "webhook", Level.CLICK)


def _to_be_told(shown: View, row: Request) -> bool:
    """By what the view says: a stop may have ended it already, which the row does not say yet."""
    status = Status(shown["status"])
    return status not in OPEN or (status is Status.APPROVED and row.mode == Mode.BOT)
