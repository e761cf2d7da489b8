"""What the steps of an execution hand to whoever makes the call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.grants.grants import Grant
from workflows.contracts import State


@dataclass(frozen=True, slots=True)
class Go:
    """A committed attempt and all that the call needs. Never leaves the process.

    ``committed_at``: CLOCK_BOOTTIME seconds, read right before the commit was sent.
    """

    n: int
    url: str
    parameters: dict[str, Any]
    timeout: timedelta
    grant: Grant
    hosts: frozenset[str]
    private: bool
    committed_at: float


@dataclass(frozen=True, slots=True)
class Turn:
    """How the row stands; ``go`` when an attempt was committed; ``wait`` seconds when somebody else's may still run."""

    state: State
    go: Go | None = None
    wait: float | None = None
