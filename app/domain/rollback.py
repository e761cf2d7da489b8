"""What may be undone, and until when (DESIGN.md section 4, point 9). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.clocks import rfc3339
from app.domain.request import Kind
from app.domain.states import Status
from app.domain.verdict import Verdict, denied

STANDING = frozenset({Status.HELD, Status.APPROVED, Status.EXECUTING, Status.UNKNOWN, Status.SUCCEEDED})
"""A rollback in one of these leaves no room for another of the same request."""

HAS_OUTCOME = frozenset({Status.SUCCEEDED, Status.FAILED, Status.UNKNOWN})

NOT_REVERSIBLE, WINDOW_OVER, EXISTS = "not-reversible", "window-over", "rollback-exists"
"""Codes of the verdicts that refuse a rollback."""

WARNINGS = {
    Status.FAILED: "What this undoes failed: it may have changed nothing, or only some of it.",
    Status.UNKNOWN: "Nobody knows whether what this undoes has happened: it may have changed nothing.",
}
"""What whoever signs the rollback of such a request must be told."""


@dataclass(frozen=True, slots=True)
class Original:
    """What is to be undone. ``ended_at``: of its last attempt; ``within``: None when nothing undoes it.

    ``rolled_back``: another rollback of it stands.
    """

    kind: Kind
    status: Status
    ended_at: datetime | None
    within: timedelta | None
    rolled_back: bool

    @property
    def until(self) -> datetime | None:
        """The last instant at which it may be asked for; None without an outcome or a rollback."""
        if self.ended_at is None or self.within is None or self.status not in HAS_OUTCOME:
            return None
        return self.ended_at + self.within


def refusal(original: Original, now: datetime) -> Verdict | None:
    """Why this cannot be rolled back now; None when it can, as far as its parameters can be worked out."""
    if original.kind is not Kind.ACTION:
        return denied(NOT_REVERSIBLE, f"A request of kind {original.kind} cannot be rolled back.")
    if original.within is None:
        return denied(NOT_REVERSIBLE, "Nothing undoes this action: its catalogue entry has no rollback.")
    if original.status not in HAS_OUTCOME:
        return denied(NOT_REVERSIBLE, f"It is {original.status}: there is no outcome to undo.")
    if original.until is None or now > original.until:
        over = f": it ended {rfc3339(original.until)}" if original.until else ""
        return denied(WINDOW_OVER, f"The time for a rollback of this is over{over}.")
    if original.rolled_back:
        return denied(EXISTS, "Another rollback of this request stands; look at what reverses it.")
    return None
