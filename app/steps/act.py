"""What else is done to a request by an attempt: cancel, the start and the outcome of an action that the bot runs."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from app.db import requests
from app.db.tables import Attempt, Request
from app.domain.clocks import rfc3339
from app.domain.errors import Closed, InterlockError, NotFound, NotOpenToThis
from app.domain.request import Mode
from app.domain.states import Status
from app.grants.grants import Grant
from app.steps.access import MAY, roles
from app.steps.context import Context
from app.steps.finish import QUIET, conclude
from app.steps.scene import Scene, scene
from app.steps.start import add_attempt, grant_for, may_start, same_grant
from workflows.contracts import State

GRANT_FOR = timedelta(seconds=120)
"""How long a grant of an action that the bot runs lives."""

REPORT_WITHIN = timedelta(minutes=10)
"""How long a bot may take to report what it started, where its action does not say how long things may take."""

REPORT_AT_LEAST = GRANT_FOR + QUIET
"""However short its action says: until its grant has expired the bot may still act, and then it has to say so."""

_TAKEN = "What it touches is taken: another request is under way. Ask for the grant again in a few seconds"
_UNKNOWN = (
    "What it touches is taken: nobody knows what came of another request. Ask for the grant again when people have "
    "settled that"
)
_AGAIN = "It could not start just now. Ask for the grant again."

LATE_REPORTS = 5
"""How many outcomes that came too late are kept for one request."""


@asynccontextmanager
async def _acting(
    ctx: Context, request_id: uuid.UUID, attempt_id: uuid.UUID, op: str
) -> AsyncIterator[tuple[Scene, Attempt]]:
    async with scene(ctx, request_id) as found:
        attempt = await found.session.get(Attempt, attempt_id)
        if attempt is None or attempt.request_id != request_id or attempt.op != op:
            raise NotFound(f"attempt {attempt_id} is not a {op} of request {request_id}")
        yield found, attempt


def cancel_error(row_status: str) -> InterlockError | None:
    """Why this cannot be cancelled; None when it can, or is cancelled already."""
    if row_status in (Status.HELD, Status.APPROVED, Status.CANCELLED):
        return None
    return Closed(f"The request is {row_status}: it cannot be cancelled any more.", status=row_status)


async def cancel(ctx: Context, request_id: uuid.UUID, attempt_id: uuid.UUID) -> State:
    """Cancel what has not started; anything else stays as it is."""
    async with _acting(ctx, request_id, attempt_id, "cancel") as (found, attempt):
        if attempt.ruling is None:
            may = bool(roles(found.policy, attempt.actor_kind, attempt.actor_id, found.row) & MAY["cancel"])
            done = may and found.status in (Status.HELD, Status.APPROVED)
            attempt.ruling = {"word": "record" if done else "closed" if may else "refused"}
            if not may:
                found.note("refused", _personal(attempt), **_who(found, attempt), violations=[], op="cancel")
                await found.write_entries()
            if done:
                found.become(Status.CANCELLED, "cancelled")
                found.note("cancelled", _personal(attempt), **_who(found, attempt))
                await found.changed()
        return found.state()


def _who(found: Scene, attempt: Attempt) -> dict[str, Any]:
    person = found.pid(attempt.actor_id) if attempt.actor_kind == "person" else None
    return {"person": person, "bot": attempt.actor_id if attempt.actor_kind == "bot" else None, "via": attempt.via}


def _personal(attempt: Attempt) -> dict[str, Any]:
    return {"identity": attempt.identity, **attempt.body}


def begin_error(mode: str, status: str) -> InterlockError | None:
    """Why the bot cannot start this now; None when it can."""
    if mode == Mode.BOT and status in (Status.APPROVED, Status.EXECUTING):
        return None
    why = f"it is {status}" if mode == Mode.BOT else "Interlock runs this action itself"
    return NotOpenToThis(f"There is no grant for this request: {why}.", status=status)


async def begin_blocked(found: Scene) -> InterlockError | None:
    """Why an approved action that the bot runs must wait: what it touches is taken; None when it is free."""
    key = found.row.conflict_key
    if found.status is not Status.APPROVED or key is None or found.now > found.row.expires_at:
        return None
    if not await requests.key_is_taken(found.session, key, [found.row.id]):
        return None
    why = _UNKNOWN if await requests.unknown_with_key(found.session, key) else _TAKEN
    return NotOpenToThis(f"{why}; it can start until {rfc3339(found.row.expires_at)}.", status=found.row.status)


async def begin(ctx: Context, request_id: uuid.UUID, attempt_id: uuid.UUID) -> State:
    """Check everything again and start an approved action that the bot runs; started already: nothing new."""
    async with _acting(ctx, request_id, attempt_id, "begin") as (found, attempt):
        if attempt.ruling is None:
            may = found.row.mode == Mode.BOT and found.status is Status.APPROVED and await may_start(found)
            attempt.ruling = {"word": "record" if may else "closed"}
            if may:
                await begin_for_bot(found, attempt.body.get("jkt"))
        return found.state()


async def begin_for_bot(found: Scene, jkt: str | None) -> None:
    """Hand the start to the bot: the attempt, under a grant that it is given and that is never stored.

    ``jkt``: the thumbprint of the key that the bot has proven, to which the grant is bound.
    """
    action = found.policy.actions[found.row.action]
    grant = grant_for(found, action, 1, found.now, GRANT_FOR, jkt=jkt)
    window = max(action.start_within or REPORT_WITHIN, REPORT_AT_LEAST)
    await add_attempt(found, f"bot:{found.row.asker_id}", 1, grant, window=window, action=action)


async def bound_to_another(found: Scene, jkt: str | None) -> bool:
    """True when the grant of the last attempt is bound to a key, and not to the one that was proven (None: none)."""
    made = await requests.execution_attempts(found.session, found.row.id)
    return bool(made) and made[-1].grant_jkt not in (None, jkt)


async def grant_again(found: Scene, jkt: str | None = None) -> Grant | None:
    """The grant of a started action that the bot runs: the same bytes until it expires, or its key is gone.

    Bound to a key, it is given to nobody who has not proven that. ``jkt``: the thumbprint of what was proven.
    """
    made = await requests.execution_attempts(found.session, found.row.id)
    if found.row.mode != Mode.BOT or not made or found.status is not Status.EXECUTING:
        return None
    last, action = made[-1], found.policy.actions.get(found.row.action)
    if action is None or last.grant_expires_at is None or found.now >= last.grant_expires_at or found.stopped:
        return None
    if await bound_to_another(found, jkt):
        return None
    return same_grant(found, action, last, GRANT_FOR)


async def no_grant(found: Scene) -> InterlockError:
    """Why there is none, when `grant_again` has said so, and what to do."""
    blocked = await begin_blocked(found)
    if blocked is not None:
        return blocked
    if found.status is not Status.EXECUTING:
        lost = f"There is no grant any more: it is {found.row.status}."
        return NotOpenToThis(_AGAIN if found.status is Status.APPROVED else lost, status=found.row.status)
    last = (await requests.execution_attempts(found.session, found.row.id))[-1]
    over = last.grant_expires_at is not None and found.now >= last.grant_expires_at
    why = "it has expired" if over else "its bot was stopped" if found.stopped else "the key that signed it was removed"
    ends = rfc3339(found.window_ends)
    return NotOpenToThis(
        f"There is no grant any more: {why}. Say what came of it by {ends}, if it has run.", status=found.row.status
    )


def report_error(row: Request, said: dict[str, Any]) -> InterlockError | None:
    """Why this outcome (``{status, detail, result}``) cannot be taken; None when it can, or is what stands."""
    mode, status = row.mode, row.status
    if mode == Mode.BOT and (status == Status.EXECUTING or _stands(row.execution or {}, said)):
        return None
    why = f"it is {status}" if mode == Mode.BOT else "Interlock runs this action itself"
    return NotOpenToThis(f"No outcome can be reported: {why}.", status=status)


def _stands(execution: dict[str, Any], said: dict[str, Any]) -> bool:
    standing = (execution.get("status"), execution.get("result"), execution.get("error"))
    return standing == (said["status"], said["result"], _error(said))


def _error(said: dict[str, Any]) -> dict[str, Any] | None:
    return {"status": None, "body": said["detail"]} if said["status"] == Status.FAILED else None


async def report(ctx: Context, request_id: uuid.UUID, attempt_id: uuid.UUID) -> State:
    """Record what the bot says came of an action that it ran."""
    async with _acting(ctx, request_id, attempt_id, "report") as (found, attempt):
        if attempt.ruling is None:
            may = found.row.mode == Mode.BOT and found.status is Status.EXECUTING
            attempt.ruling = {"word": "record" if may else "closed"}
            if may:
                await _report(found, attempt)
        return found.state()


async def note_late_report(found: Scene, identity: str, said: dict[str, Any]) -> None:
    """The entry of an outcome that a bot reports after Interlock gave it up; once each, and not without an end.

    Nothing for an action that Interlock runs itself: there the bot has nothing to report.
    """
    if found.row.mode != Mode.BOT:
        return
    execution = found.row.execution or {}
    noted, this = execution.get("late", []), found.secret.commit(said)
    if this in noted or len(noted) >= LATE_REPORTS:
        return
    found.row.execution = {**execution, "late": [*noted, this]}
    found.note("late-outcome", {"identity": identity, **said}, outcome=said["status"])
    await found.write_entries()


async def _report(found: Scene, attempt: Attempt) -> None:
    last = (await requests.execution_attempts(found.session, found.row.id))[-1]
    status = Status(attempt.body["status"])
    last.outcome, last.finished_at = status.value, found.now
    found.row.execution = {
        **(found.row.execution or {}),
        "status": status.value,
        "result": attempt.body["result"],
        "error": _error(attempt.body),
    }
    found.note("reported", _personal(attempt), attempt=last.n, outcome=status.value)
    await conclude(found, last, status, None)
    await found.changed()
