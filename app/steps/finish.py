"""`finish`: the outcome of an attempt, compare-and-set on the attempt; a later one is an entry, not a transition."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from app.db import requests
from app.db.tables import ExecutionAttempt, Request
from app.domain.outcome import Answer, Sent
from app.domain.request import Mode
from app.domain.states import Status
from app.steps.context import Context
from app.steps.execution import Turn
from app.steps.handing import judged
from app.steps.scene import Scene, scene

MAX_ATTEMPTS = 3

FENCE = timedelta(seconds=7)
"""After timeout and this, a call of that attempt can no longer be on its way: its first byte leaves at most 5 s after
the commit, and the commit at most 2 s after the start that the attempt names."""

QUIET = timedelta(seconds=30)
"""An unknown outcome is not touched before timeout and this: a call may still be on its way."""

OUTCOME = {
    Sent.SUCCEEDED: "succeeded",
    Sent.FAILED: "failed",
    Sent.NOT_SENT: "not-sent",
    Sent.UNCERTAIN: "uncertain",
}


async def finish(ctx: Context, request_id: uuid.UUID, n: int, owner: str, answer: Answer) -> Turn:
    """Record what came of attempt ``n`` of this owner. ``wait``: seconds until the next try, when there may be one."""
    async with scene(ctx, request_id) as found:
        attempt = next(a for a in await requests.execution_attempts(found.session, request_id) if a.n == n)
        if attempt.owner != owner or attempt.outcome is not None or found.status is not Status.EXECUTING:
            await _too_late(found, attempt, answer)
            return Turn(found.state())
        again = await record(found, attempt, judged(attempt, answer))
        return Turn(found.state(), wait=again)


async def record(found: Scene, attempt: ExecutionAttempt, answer: Answer) -> float | None:
    """Record the outcome of an attempt that has none. Seconds until the next try, when there may be one."""
    attempt.outcome, attempt.finished_at = OUTCOME[answer.sent], found.now
    again = await _close(found, attempt, answer)
    await found.changed()
    return again


async def _too_late(found: Scene, attempt: ExecutionAttempt, answer: Answer) -> None:
    if attempt.outcome == OUTCOME[answer.sent]:
        return
    found.note("late-outcome", _personal(answer), attempt=attempt.n, outcome=OUTCOME[answer.sent])
    await found.write_entries()


def _personal(answer: Answer) -> dict[str, object]:
    return {"result": answer.result, "error": answer.error, "http_status": answer.http_status}


async def _close(found: Scene, attempt: ExecutionAttempt, answer: Answer) -> float | None:
    execution = dict(found.row.execution or {})
    more = attempt.n < MAX_ATTEMPTS
    found.note("attempt-finished", _personal(answer), attempt=attempt.n, outcome=attempt.outcome)
    if answer.sent is Sent.NOT_SENT and more:
        return float(2 ** (attempt.n - 1))
    if answer.sent is Sent.UNCERTAIN and more and execution["idempotent"]:
        timeout = timedelta(milliseconds=execution["timeout_ms"])
        return max(0.0, (retry_not_before(attempt, timeout) - found.now).total_seconds())
    status = await _meaning(found, answer)
    found.row.execution = {**execution, "status": status.value, "result": answer.result, "error": answer.error}
    await conclude(found, attempt, status, None)
    return None


async def _meaning(found: Scene, answer: Answer) -> Status:
    """What the last answer makes of the request; an earlier attempt that may have acted is not forgotten."""
    if answer.sent is Sent.SUCCEEDED:
        return Status.SUCCEEDED
    made = await requests.execution_attempts(found.session, found.row.id)
    never_sent = all(attempt.outcome == OUTCOME[Sent.NOT_SENT] for attempt in made[:-1])
    tells = answer.sent is Sent.FAILED and answer.http_status not in (401, 403)
    says_no = answer.sent is not Sent.UNCERTAIN and (tells or never_sent)
    return Status.FAILED if says_no else Status.UNKNOWN


async def conclude(found: Scene, attempt: ExecutionAttempt, status: Status, why: str | None) -> None:
    """End the execution, and free the conflict key unless nobody knows what happened.

    A rollback that failed gives the key back to what it was to undo, where that is unknown still.
    """
    found.become(status, why)
    found.note(status.value, why=why, attempt=attempt.n)
    attempt.holds_key = status is Status.UNKNOWN
    if found.original is not None and found.original.status == Status.UNKNOWN and status is Status.FAILED:
        await found.session.flush()  # two may not have the key at once, and one flush would not keep this order
        (await requests.execution_attempts(found.session, found.original.id))[-1].holds_key = True


def over_at(row: Request, attempt: ExecutionAttempt) -> datetime:
    """From when on nothing of an attempt can be on its way: it may be settled, or undone.

    A bot may call until its grant expires, whatever it has said: that alone fences it.
    """
    over = attempt.started_at + timedelta(milliseconds=(row.execution or {}).get("timeout_ms", 0))
    if row.mode == Mode.BOT and attempt.grant_expires_at is not None:
        over = max(over, attempt.grant_expires_at)
    return over + QUIET


def retry_not_before(attempt: ExecutionAttempt, timeout: timedelta) -> datetime:
    """The moment from which a call of this attempt can no longer be on its way."""
    return attempt.started_at + timeout + FENCE


async def give_up(found: Scene, last: ExecutionAttempt, why: str) -> Turn:
    """No further attempt is allowed: nothing was ever sent means `failed`, anything else `unknown`."""
    if last.outcome is None:
        last.outcome, last.finished_at = "no-outcome", found.now
    made = await requests.execution_attempts(found.session, found.row.id)
    status = Status.FAILED if all(a.outcome == "not-sent" for a in made) else Status.UNKNOWN
    error = {"status": None, "body": f"no outcome after {last.n} attempts: {why}"}
    found.row.execution = {**(found.row.execution or {}), "status": status.value, "error": error}
    await conclude(found, last, status, why)
    await found.changed()
    return Turn(found.state())
