"""Erasures at work: what an ask must be, and the orders carried out, request by request; histories at Temporal too."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable

from app.db import erasures, requests
from app.db.erasure_tables import Erasure
from app.domain.ask import Ask
from app.domain.errors import InterlockError
from app.steps.context import Context
from app.steps.crowd import crowd
from app.steps.erasing import NAMING, conclude_erasure, erase_request, fault
from app.use_cases import histories
from app.use_cases.services import Services

log = logging.getLogger(__name__)

AT_ONCE = 200
LISTS_FOR = 300
"""Seconds that it may take to read all requests for those that concern a subject."""


async def check_erasing(ctx: Context, ask: Ask) -> None:
    """Raises Forbidden for who does not administer, or is the subject; OffSchema for what is none.

    NotOpenToThis: a legal hold stands, requests of theirs are not over, or there is nothing to release.
    """
    async with ctx.database.transaction() as session:
        policy, people = await ctx.rules.in_force(session), await crowd(session, await ctx.clock.now(session))
        wrong = await fault(ctx, session, policy, people, (uuid.UUID(int=0), ask.asker_id, ask.action, ask.parameters))
    if wrong is not None:
        raise wrong


async def carry_out(services: Services) -> int:
    """Carry out every order as far as it can be; how many requests were erased. Raises Unavailable."""
    async with services.ctx.database.transaction() as session:
        orders = await erasures.undone(session)
    done = 0
    for order in orders:
        done += await _carry_out(services, order)
    return done


async def _carry_out(services: Services, order: Erasure) -> int:
    """List what it is about, erase that, and list once more: what was being admitted just then is seen by now."""
    ctx, done, left = services.ctx, 0, 0
    async with ctx.database.transaction() as session:
        row = await requests.by_id(session, order.id)
        if row is None or row.status in erasures.NOT_OVER or row.erased_at is not None:
            return 0  # the last: another worker has carried it out meanwhile
        await erasures.patiently(session, LISTS_FOR)
        await erasures.list_up(session, order, row.parameters["subject"], NAMING)
    last = uuid.UUID(int=0)
    while True:
        async with ctx.database.transaction() as session:
            found = await erasures.waiting(session, order.id, last, AT_ONCE)
        for one in found:
            erased = await _guarded(one, lambda one=one: erase_request(ctx, one, order.id, order.pid))  # type: ignore[misc]
            done, left = done + erased, left + (not erased)
        if len(found) < AT_ONCE:
            break
        last = found[-1]
    if not left and not done:
        await conclude_erasure(ctx, order.id)
        return 1
    return done


async def _guarded(request: uuid.UUID, work: Callable[[], Awaitable[bool]]) -> bool:
    """Whatever goes wrong with one request is logged, and must not keep the others waiting."""
    try:
        return await work()
    except InterlockError as error:
        log.warning("erasure: request %s: %s", request, error)
    except Exception:
        log.exception("erasure: request %s cannot be erased; tried again later", request)
    return False


async def forget_histories(services: Services) -> int:
    """Have Temporal delete what it has of erased requests; of how many it has nothing any more."""
    async with services.ctx.database.transaction() as session:
        found = await erasures.with_history(session, AT_ONCE)
    return sum([await _guarded(one, lambda one=one: _forget(services, one)) for one in found])  # type: ignore[misc]


async def _forget(services: Services, request: uuid.UUID) -> bool:
    """True once Temporal was asked and had nothing."""
    if not await histories.gone(services, request):
        return False
    async with services.ctx.database.transaction() as session:
        await erasures.history_gone(session, request, await services.ctx.clock.now(session))
    return True


async def carry_out_forever(services: Services, *, every: float = 2.0) -> None:
    """Of a worker process, until cancelled."""
    while True:
        try:
            while await carry_out(services):
                pass
            await forget_histories(services)
        except InterlockError as error:
            log.warning("erasures: %s", error)
        await asyncio.sleep(every)
