"""Retention: once a day what was kept for long enough goes, class by class, but for what a legal hold stands on."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from app.db import retention
from app.db.erasures import patiently
from app.db.retention import CODES, OUTBOX, REQUESTS
from app.domain.errors import InterlockError
from app.steps.erasing import erase_request, prune
from app.use_cases.services import Services

log = logging.getLogger(__name__)

AT_ONCE = 200
EVERY = timedelta(days=1)
AGAIN = timedelta(minutes=10)
"""After a round that failed."""


async def retain(services: Services, kept: Mapping[str, timedelta]) -> Mapping[str, int]:
    """Erase what has been kept for long enough; how much of each class. Raises Unavailable."""
    async with services.ctx.database.transaction() as session:
        now = await services.ctx.clock.now(session)
    return {what: await _of(services, what, now - span) for what, span in kept.items()}


async def _of(services: Services, what: str, before: datetime) -> int:
    if what in (OUTBOX, CODES):
        async with services.ctx.database.transaction() as session:
            return await (retention.told if what == OUTBOX else retention.codes)(session, before)
    done, last = 0, uuid.UUID(int=0)
    while True:
        async with services.ctx.database.transaction() as session:
            await patiently(session, 60)
            found = await retention.over(session, what, before, last, AT_ONCE)
        for request_id in found:
            done += await _one(services, what, request_id)
        if len(found) < AT_ONCE:
            return done
        last = found[-1]


async def _one(services: Services, what: str, request_id: uuid.UUID) -> bool:
    """One that cannot be helped must not keep the others waiting."""
    try:
        if what == REQUESTS:
            return await erase_request(services.ctx, request_id, None, None)
        return await prune(services.ctx, request_id, what)
    except InterlockError as error:
        log.warning("retention: request %s: %s", request_id, error)
        return False


async def retain_forever(services: Services, kept: Mapping[str, timedelta]) -> None:
    """Of a worker process, until cancelled."""
    while True:
        pause = EVERY
        try:
            await retain(services, kept)
        except InterlockError as error:
            log.warning("retention: %s", error)
            pause = AGAIN
        await asyncio.sleep(pause.total_seconds())
