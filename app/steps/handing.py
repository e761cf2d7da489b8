"""An action that the owner's worker runs: what it is handed, and what may be said of one that fetched nothing."""

from __future__ import annotations

import secrets
from datetime import timedelta

from app.db import requests
from app.db.tables import ExecutionAttempt
from app.domain.outcome import Answer, Sent
from app.governance.catalogue import Errand
from app.identity.secrets import hash_secret
from app.steps.execution import Handover, Parcel, Turn
from app.steps.scene import Scene

SLACK = timedelta(seconds=10)
"""What Temporal may take on top for what it moves to and fro."""


async def handed_over(found: Scene, errand: Errand, runs_for: timedelta) -> Turn:
    """What goes to the owner's worker for the attempt that was just written; its grant is fetched by the handle."""
    attempt = (await requests.execution_attempts(found.session, found.row.id))[-1]
    handle = secrets.token_urlsafe(32)
    attempt.handle_hash = hash_secret(handle)
    await found.session.flush()
    parcel = Parcel(
        task_queue=errand.task_queue,
        activity=errand.activity,
        timeout=runs_for,
        start_within=errand.start_within,
        handle=handle,
        committed_at=found.ctx.boottime(),
    )
    return Turn(found.state(), _handover(found, attempt.n, parcel))


def taken_over(found: Scene, last: ExecutionAttempt, owner: str) -> Turn:
    """Somebody has started before: what they handed over tells what came of it, so nothing need be guessed."""
    last.owner = owner
    return Turn(found.state(), _handover(found, last.n, None))


def _handover(found: Scene, n: int, parcel: Parcel | None) -> Handover:
    reach = timedelta(milliseconds=(found.row.execution or {})["timeout_ms"])
    return Handover(n, found.secret.answer_key(n), reach + SLACK, parcel)


def judged(attempt: ExecutionAttempt, answer: Answer) -> Answer:
    """The answer; but whoever has not fetched the grant, and after this never can, has done nothing."""
    if attempt.handle_hash is None or attempt.fetched_at is not None:
        return answer
    reason = "Nothing was done: its grant was not fetched in time by a worker of the task queue."
    return Answer(Sent.NOT_SENT, None, None, {"status": None, "body": None, "reason": reason})
