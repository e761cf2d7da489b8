"""Withdrawal: until execution starts, who approved may deny after all; nothing else may be taken back."""

from __future__ import annotations

from app.db import requests
from app.db.tables import Attempt, Decision
from app.domain.request import Say
from app.domain.states import Status
from app.steps import shown
from app.steps.scene import Scene


async def withdraw(found: Scene, attempt: Attempt) -> None:
    """Replace the person's standing approval by a denial, which ends the request. Both stay on the record."""
    made = await requests.decisions(found.session, found.row.id)
    old = next(d for d in reversed(made) if d.person_id == attempt.actor_id and d.standing and d.say == Say.APPROVE)
    old.standing = False
    await found.session.flush()
    found.session.add(
        Decision(
            id=attempt.id,
            request_id=found.row.id,
            stage=old.stage,
            person_id=old.person_id,
            say=Say.DENY.value,
            reason=attempt.body["reason"],
            via=attempt.via,
            level=attempt.level,
            at=found.now,
            standing=True,
            stands_for=old.stands_for,
        )
    )
    found.become(Status.DENIED, "withdrawn")
    found.note(
        "withdrawn",
        {"reason": attempt.body["reason"], "identity": attempt.identity},
        person=found.pid(old.person_id),
        attempt=str(attempt.id),
        replaces=str(old.id),
        digest=attempt.body["digest"],
        **await shown.named(found, attempt.body),
    )
    found.note("denied", why="withdrawn")
