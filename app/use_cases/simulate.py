"""`policy simulate`: a draft judged over what bots have asked for, or over tool calls of a file."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.db.asked import PAGE, AskedRow, chains_at, page_of_asked
from app.db.requests import NOT_COUNTED
from app.domain.clocks import duration, rfc3339
from app.domain.errors import Malformed, RateLimited
from app.domain.request import Reversibility, Risk
from app.governance.calls import MAX_CALLS, Unsaid, call_of
from app.governance.catalogue import Window
from app.governance.files import Governance
from app.governance.policy import Policy, compile_policy
from app.governance.simulate import Asked, Chain, Tally, simulate
from app.steps.context import Context
from app.use_cases.access import require_to
from app.use_cases.actors import Actor
from app.use_cases.policy_work import loaded
from app.use_cases.services import Services

MOST = 50_000
"""Asks that are judged, the newest."""

MOST_TEXT = 64 << 20
"""And the bytes of their parameters and contexts together: each may have a quarter of a megabyte."""

LONGEST_SINCE = timedelta(days=366)
DEFAULT_SINCE = "30d"
WITHIN = 30.0
"""Seconds of one simulation over the API; what is not judged then is not, and the answer says so."""

BUSY = threading.Lock()
"""One at a time in a process: each takes a core while it lasts."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a simulation is made of, read before it. ``truncated``: there were more, older ones."""

    in_force: Policy
    draft: Policy
    asks: Callable[[], Sequence[Asked]]
    outside: Mapping[str, Chain]
    about: Mapping[str, Any]


async def simulate_for(
    services: Services, who: Actor, files: Mapping[str, str], calls: Sequence[Any] | None, since: str | None
) -> dict[str, Any]:
    """The draft of these files, for who may administer or audit: counts tell of requests that others may not see.

    Raises Forbidden; Malformed for files or calls that are not in order; RateLimited while another one runs.
    """
    await require_to(services, who, "simulate")
    span = since_of(DEFAULT_SINCE if since is None else since)

    async def given() -> Given:
        draft = await asyncio.to_thread(lambda: compiled(loaded(files)))
        if calls is None:
            return await over_requests(services.ctx, draft, span)
        return await over_calls(services.ctx, draft, _calls(calls, await unsaid_of(services.ctx)))

    return await alone(given)


def _calls(calls: Sequence[Any], unsaid: Unsaid) -> list[Asked]:
    try:
        return [call_of(value, f"calls[{number}]", unsaid) for number, value in enumerate(calls)]
    except Malformed as error:
        raise Malformed(str(error), where="calls") from error


async def alone(given: Callable[[], Awaitable[Given]]) -> dict[str, Any]:
    """Judge in a thread, so that the process serves others meanwhile; and no second one before that thread is done."""
    if not BUSY.acquire(blocking=False):
        raise RateLimited("Another simulation runs; send this one again when it is done.", retry_after=5)
    try:
        found, until = await given(), time.monotonic() + WITHIN
        judging = asyncio.ensure_future(asyncio.to_thread(judged, found, lambda: time.monotonic() < until))
    except BaseException:
        BUSY.release()
        raise
    judging.add_done_callback(lambda _: BUSY.release())
    return await asyncio.shield(judging)


def compiled(draft: Governance) -> Policy:
    """The draft's policy. Raises GovernanceInvalid."""
    return compile_policy(draft.document, "draft")


def since_of(text: str) -> timedelta:
    """How far to look back. Raises Malformed."""
    try:
        span = duration(text)
    except ValueError as error:
        raise Malformed(f"since: {error}.", where="since") from error
    if not timedelta(0) < span <= LONGEST_SINCE:
        raise Malformed(f"since: {text} is not between 1ms and {LONGEST_SINCE.days}d.", where="since")
    return span


def judged(given: Given, go_on: Callable[[], bool] = lambda: True) -> dict[str, Any]:
    """The counts, as the API and the command line tell them."""
    tally: Tally = simulate(given.in_force, given.draft, given.asks(), outside=given.outside, go_on=go_on)
    return {**given.about, **tally.as_json()}


async def unsaid_of(ctx: Context) -> Unsaid:
    """What a call that does not say otherwise is taken for."""
    async with ctx.database.transaction() as session:
        policy, now = await ctx.rules.in_force(session), await ctx.clock.now(session)
    only = next(iter(policy.bots)) if len(policy.bots) == 1 else None
    return Unsaid(only, now, ctx.environment)


async def over_calls(ctx: Context, draft: Policy, asks: Sequence[Asked]) -> Given:
    """A simulation of these calls. Raises Malformed for too many."""
    if len(asks) > MAX_CALLS:
        raise Malformed(f"calls: there are {len(asks)}, and at most {MAX_CALLS} are taken.", where="calls")
    async with ctx.database.transaction() as session:
        policy = await ctx.rules.in_force(session)
    return Given(policy, draft, lambda: asks, {}, _about(policy, "calls", since=None, truncated=False))


async def over_requests(ctx: Context, draft: Policy, span: timedelta) -> Given:
    """A simulation of what bots have asked for in this time, the newest `MOST` of it."""
    async with ctx.database.transaction() as session:
        policy, now = await ctx.rules.in_force(session), await ctx.clock.now(session)
    longest = max((window.over for window in (*policy.all_windows, *draft.all_windows)), default=timedelta(0))
    since = now - span
    rows, complete = await _rows(ctx, since - longest)
    judged_rows = sum(row.created_at >= since for row in rows)
    outside = await _outside(ctx, rows)
    windows = await _windows(ctx, rows)
    truncated = not complete and judged_rows == len(rows)
    about = _about(policy, "requests", since=since, truncated=truncated)
    return Given(policy, draft, lambda: list(_asks(rows, windows, since)), outside, about)


def _about(policy: Policy, over: str, *, since: datetime | None, truncated: bool) -> dict[str, Any]:
    said = None if since is None else rfc3339(since)
    return {"policy_version": policy.version, "over": over, "since": said, "truncated": truncated}


async def _rows(ctx: Context, since: datetime) -> tuple[list[AskedRow], bool]:
    """Newest first, page by page, each in a transaction of its own; and whether that is all."""
    rows: list[AskedRow] = []
    size = 0
    while len(rows) < MOST and size < MOST_TEXT:
        before = (rows[-1].created_at, rows[-1].id) if rows else None
        async with ctx.database.transaction() as session:
            page = await page_of_asked(session, since, before)
        rows += page
        size += sum(row.size for row in page)
        if len(page) < PAGE:
            return rows, True
    return rows, False


async def _outside(ctx: Context, rows: Sequence[AskedRow]) -> dict[str, Chain]:
    known = {row.id for row in rows}
    wanted = sorted({row.parent for row in rows if row.parent is not None} - known)
    found: dict[str, Chain] = {}
    for start in range(0, len(wanted), PAGE):
        async with ctx.database.transaction() as session:
            for one in await chains_at(session, wanted[start : start + PAGE]):
                classes = Risk[one.risk.upper()], Reversibility[one.reversibility.upper()]
                found[str(one.id)] = (*classes, one.chain_length)
    return found


async def _windows(ctx: Context, rows: Sequence[AskedRow]) -> dict[str, dict[str, Window]]:
    """The windows of each version under which one of these was admitted with a figure, by name."""
    found: dict[str, dict[str, Window]] = {}
    for version in sorted({row.policy_version for row in rows if row.windows}):
        async with ctx.database.transaction() as session:
            policy = await ctx.rules.version(session, version)
        found[version] = {window.name: window for window in policy.all_windows}
    return found


def _asks(rows: Sequence[AskedRow], windows: Mapping[str, Mapping[str, Window]], since: datetime) -> Iterator[Asked]:
    """Oldest first."""
    for row in reversed(rows):
        known = windows.get(row.policy_version, {})
        yield Asked(
            ref=str(row.id),
            action=row.action,
            parameters=json.loads(row.parameters),
            bot=row.asker_id,
            at=row.created_at,
            environment=row.environment,
            on_behalf_of=row.on_behalf_of,
            triggered_by=row.triggered_by,
            context=json.loads(row.context or "{}") or {},
            parent=_text(row.parent),
            recorded={known[name]: figure for name, figure in row.windows.items() if name in known},
            counts=row.status not in NOT_COUNTED,
            judged=row.created_at >= since,
        )


def _text(id_: uuid.UUID | None) -> str | None:
    return None if id_ is None else str(id_)
