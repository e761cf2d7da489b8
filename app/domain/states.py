"""The states of every kind of request, as data (DESIGN.md section 3)."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where a request stands."""

    HELD = "held"
    APPROVED = "approved"
    EXECUTING = "executing"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    LAPSED = "lapsed"
    REVOKED = "revoked"


_S = Status

TRANSITIONS: dict[Status | None, frozenset[Status]] = {
    None: frozenset({_S.DENIED, _S.APPROVED, _S.HELD, _S.EXPIRED}),
    _S.HELD: frozenset({_S.APPROVED, _S.DENIED, _S.EXPIRED, _S.CANCELLED, _S.REVOKED}),
    _S.APPROVED: frozenset({_S.EXECUTING, _S.LAPSED, _S.REVOKED, _S.CANCELLED, _S.HELD, _S.DENIED}),
    _S.EXECUTING: frozenset({_S.SUCCEEDED, _S.FAILED, _S.UNKNOWN, _S.LAPSED}),
    _S.UNKNOWN: frozenset({_S.SUCCEEDED, _S.FAILED}),
    _S.SUCCEEDED: frozenset(),
    _S.FAILED: frozenset(),
    _S.DENIED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.LAPSED: frozenset(),
    _S.REVOKED: frozenset(),
}
"""The only legal moves; ``None`` is the start. Every write of a status goes through `may_become`."""

OPEN = frozenset({Status.HELD, Status.APPROVED, Status.EXECUTING})
"""The states that a workflow still works on."""

NEVER_RAN = frozenset({Status.DENIED, Status.EXPIRED, Status.CANCELLED, Status.LAPSED, Status.REVOKED})
"""Final; nothing ever runs from them."""


def may_become(now: Status | None, then: Status) -> bool:
    """True when the table has a move from ``now`` to ``then``."""
    return then in TRANSITIONS[now]


def as_markdown() -> str:
    """The table as the README prints it."""
    rows = ["| from | to |", "|---|---|"]
    for state, targets in TRANSITIONS.items():
        names = ", ".join(sorted(targets)) or "final"
        rows.append(f"| {state or '(start)'} | {names} |")
    return "\n".join(rows)
