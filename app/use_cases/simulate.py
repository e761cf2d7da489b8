"""`policy simulate`: a draft judged over what bots have asked for, or over tool calls of a file."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db.asked import PAGE, AskedRow, chains_at, page_of_asked
from app.db.requests import NOT_COUNTED
from app.domain.clocks import duration, rfc3339
from app.domain.errors import Malformed, RateLimited, Unavailable
from app.domain.request import Reversibility, Risk
from app.governance.calls import MAX_CALLS, Unsaid, call_of
from app.governance.catalogue import Window
from app.governance.compiling import read_document, windows_of
from app.governance.files import Governance
from app.governance.judge_apart import Rules, Task, judge, tell
from app.governance.simulate import Asked, Chain
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
"""Seconds of one simulation over the API, after which its process is ended."""

LEAVES_OFF = 25.0
"""Seconds after which it judges no further ask, and answers with what it has."""

BUSY = threading.Lock()
"""One at a time in a process: each takes a core while it lasts."""

APART = ("-m", "app.governance.judge_apart")


@dataclass(frozen=True, slots=True)
class Given:
    """What a simulation is made of, read before it. ``truncated``: there were more, older ones."""

    task: Task
    asks: Callable[[], Sequence[Asked]]
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
        rules = await loaded(files)
        if calls is None:
            return await over_requests(services.ctx, rules, span)
        return await over_calls(services.ctx, rules, _calls(calls, await unsaid_of(services.ctx)))

    return await alone(given)


def _calls(calls: Sequence[Any], unsaid: Unsaid) -> list[Asked]:
    try:
        return [call_of(value, f"calls[{number}]", unsaid) for number, value in enumerate(calls)]
    except Malformed as error:
        raise Malformed(str(error), where="calls") from error


async def alone(given: Callable[[], Awaitable[Given]]) -> dict[str, Any]:
    """Judge in a process of its own, so that this one serves others meanwhile; and no second one before that is gone.

    Raises RateLimited while another one runs; Malformed when time is over; Unavailable when that process ended early.
    """
    if not BUSY.acquire(blocking=False):
        raise RateLimited("Another simulation runs; send this one again when it is done.", retry_after=5)
    try:
        found = await given()
        judging = asyncio.ensure_future(asyncio.to_thread(judged_apart, found))
    except BaseException:
        BUSY.release()
        raise
    judging.add_done_callback(lambda _: BUSY.release())
    return await asyncio.shield(judging)


def judged_apart(given: Given) -> dict[str, Any]:
    """The counts, from a process that is gone when this returns. See `alone` for what it raises."""
    with subprocess.Popen(  # noqa: S603  this interpreter, and a module of ours
        [sys.executable, *APART],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a traceback may quote what somebody has asked for
        env=_nothing_of_ours(),
    ) as process:
        over = threading.Timer(WITHIN, process.kill)
        over.start()
        try:
            text = _answer(process, given)
        finally:
            in_time = over.is_alive()
            over.cancel()
            process.kill()
            with suppress(BrokenPipeError):
                process.communicate()  # what it did not take any more
    if not in_time:
        raise Malformed(
            f"files: judging by these rules takes more than {WITHIN:g} s and was ended: the condition of a rule, "
            "or the schema of an action, takes too long. Make it cheaper, or judge fewer or smaller calls.",
            where="files",
        )
    if not text:
        raise Unavailable("Judging ended before it was done; it may have taken too much memory. Judge fewer asks.")
    return {**given.about, **json.loads(text)}


def _answer(process: subprocess.Popen[bytes], given: Given) -> bytes:
    """What the process says when it has judged all; empty when it ended before."""
    assert process.stdin is not None  # noqa: S101  for the type checker: both are pipes
    assert process.stdout is not None  # noqa: S101
    try:
        tell(given.task, given.asks(), LEAVES_OFF, process.stdin)
    except BrokenPipeError:
        return b""
    return process.stdout.read()


def _nothing_of_ours() -> dict[str, str]:
    """The environment without Interlock's settings: who judges needs none of its secrets."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("INTERLOCK_")}
    return {**known, "PYTHONPATH": str(Path(__file__).parents[2])}


def since_of(text: str, named: str = "since") -> timedelta:
    """How far to look back. ``named``: what the caller knows it by. Raises Malformed."""
    try:
        span = duration(text)
    except ValueError as error:
        raise Malformed(f"{named}: {error}.", where="since") from error
    if not timedelta(0) < span <= LONGEST_SINCE:
        raise Malformed(f"{named}: {text} is not between 1ms and {LONGEST_SINCE.days}d.", where="since")
    return span


def judged(given: Given) -> dict[str, Any]:
    """The counts, as the API and the command line tell them."""
    return {**given.about, **judge(given.task, given.asks())}


async def unsaid_of(ctx: Context) -> Unsaid:
    """What a call that does not say otherwise is taken for."""
    async with ctx.database.transaction() as session:
        policy, now = await ctx.rules.in_force(session), await ctx.clock.now(session)
    only = next(iter(policy.bots)) if len(policy.bots) == 1 else None
    return Unsaid(only, now, ctx.environment)


async def over_calls(ctx: Context, draft: Governance, asks: Sequence[Asked]) -> Given:
    """A simulation of these calls. Raises Malformed for too many."""
    if len(asks) > MAX_CALLS:
        raise Malformed(f"calls: there are {len(asks)}, and at most {MAX_CALLS} are taken.", where="calls")
    async with ctx.database.transaction() as session:
        task = await _task(ctx, session, draft, {})
    return Given(task, lambda: asks, _about(task, "calls", since=None, truncated=False))


async def over_requests(ctx: Context, draft: Governance, span: timedelta) -> Given:
    """A simulation of what bots have asked for in this time, the newest `MOST` of it."""
    async with ctx.database.transaction() as session:
        policy, now = await ctx.rules.in_force(session), await ctx.clock.now(session)
    windows = (*policy.all_windows, *await asyncio.to_thread(_windows_of, draft))
    since = now - span
    rows, complete = await _rows(ctx, since - max((window.over for window in windows), default=timedelta(0)))
    judged_rows = sum(row.created_at >= since for row in rows)
    outside = await _outside(ctx, rows)
    known = await _windows(ctx, rows)
    truncated = not complete and judged_rows == len(rows)
    async with ctx.database.transaction() as session:
        task = await _task(ctx, session, draft, outside)
    return Given(
        task, lambda: list(_asks(rows, known, since)), _about(task, "requests", since=since, truncated=truncated)
    )


async def _task(ctx: Context, session: AsyncSession, draft: Governance, outside: Mapping[str, Chain]) -> Task:
    source = await ctx.rules.source(session)
    return Task(Rules(source["version"], source["document"]), Rules("draft", draft.document), outside)


def _windows_of(draft: Governance) -> tuple[Window, ...]:
    return windows_of(read_document(draft.document, "draft"))


def _about(task: Task, over: str, *, since: datetime | None, truncated: bool) -> dict[str, Any]:
    said = None if since is None else rfc3339(since)
    return {"policy_version": task.in_force.version, "over": over, "since": said, "truncated": truncated}


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
