"""The stream of sealed entries to endpoints: in order of leaves, at least once, each endpoint at its own pace."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import httpx

from app.db import export, leases
from app.domain.errors import InterlockError
from app.domain.webhooks import Event, event
from app.execution.posting import WITHIN, Endpoint, post
from app.telemetry import sent_webhook
from app.use_cases.export import lines
from app.use_cases.leases import Leadership

log = logging.getLogger(__name__)

LEASE = "exports"
SPAN = timedelta(seconds=3 * WITHIN)
"""For how long a leader leads without a word."""
STANDING_BY = 2.0
IDLE = 0.5
"""Seconds between two looks while nothing is due."""
PAGE = 100
LONGEST = timedelta(minutes=5)
"""Between two tries at an endpoint that does not take what it is sent."""
ALERT = timedelta(hours=1)
"""Between two lines of log that say so."""


@dataclass(frozen=True, slots=True)
class Export:
    """An endpoint, and the leaf that it begins with if it has not begun."""

    endpoint: Endpoint
    start: int = 0


class Deposed(Exception):
    """Another process leads, or soon may."""


@dataclass(frozen=True, slots=True)
class Exporter:
    """One in each worker process; the one that leads sends. ``http``: of `new_client`; ``origin``: of the log."""

    lead: Leadership
    http: httpx.AsyncClient
    origin: str
    exports: Sequence[Export]
    idle: float = IDLE

    async def run(self) -> None:
        """Until cancelled. Whatever goes wrong costs lateness only."""
        if not self.exports:
            await asyncio.Event().wait()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._lead())
                for one in self.exports:
                    tasks.create_task(self._serve(one))
        finally:
            await self.lead.give_back()

    async def _lead(self) -> None:
        while True:
            try:
                leads = not self.lead.due or await self.lead.take()
            except InterlockError as error:
                log.warning("exports: %s", error)
                leads = False
            await asyncio.sleep(self.idle if leads else STANDING_BY)

    async def _serve(self, one: Export) -> None:
        while True:
            try:
                busy = self.lead.left > WITHIN and await self.round(one)
            except Deposed:
                busy = False
            except InterlockError as error:
                log.warning("export %s: %s", one.endpoint.name, error)
                busy = False
                await asyncio.sleep(1.0)
            except Exception:
                log.exception("export %s: tried again later", one.endpoint.name)
                busy = False
                await asyncio.sleep(1.0)
            if not busy:
                await asyncio.sleep(self.idle)

    async def round(self, one: Export) -> bool:
        """Send a page, as far as it is taken. True when there may be more. Raises Deposed, Unavailable."""
        ctx, name = self.lead.ctx, one.endpoint.name
        async with ctx.database.transaction() as session:
            await export.begin(session, name, one.start)
            first = await export.due(session, name)
        if first is None:
            return False
        page = await lines(ctx, first, most=PAGE)
        for leaf, line in enumerate(page.lines, start=first):
            if self.lead.left <= WITHIN:
                raise Deposed  # somebody else may lead before an answer came
            error = await post(self.http, one.endpoint, self.event_of(line))
            await self._record(name, leaf, error)
            if error is not None:
                return False
        return bool(page.lines)

    def event_of(self, line: bytes) -> Event:
        """The event of an exported line."""
        item = json.loads(line)
        return event(
            id_=f"{self.origin}/{item['leaf']}",
            source=self.origin,
            type_=f"dev.interlock.entry.{item['kind']}.v1",
            subject=item["stream"],
            time=item["at"],
            data=line,
        )

    async def _record(self, name: str, leaf: int, error: str | None) -> None:
        sent_webhook("export", name, "taken" if error is None else "refused")
        async with self.lead.ctx.database.transaction() as session:
            if self.lead.epoch is None or not await leases.stands(session, LEASE, self.lead.epoch):
                raise Deposed
            row = await export.cursor(session, name)
            since = row.failing_since
            if error is None:
                export.took(row, leaf)
                aloud = since is not None
            else:
                aloud = await export.failed(session, row, error, LONGEST, ALERT)
        if aloud and error is None:
            log.info("export %s: works again, leaf %d is taken", name, leaf)
        elif aloud:
            log.error(
                "export %s: leaf %d is not taken: %s; it is tried again, and nothing is left out", name, leaf, error
            )
