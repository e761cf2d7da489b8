"""What the steps of an execution hand to whoever makes the call."""

from __future__ import annotations

from dataclasses import dataclass, field
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
class Parcel:
    """What the owner's worker is handed. ``handle``: what it fetches the grant by; ``committed_at``: as of `Go`."""

    task_queue: str
    activity: str
    timeout: timedelta
    start_within: timedelta
    handle: str = field(repr=False)
    committed_at: float


@dataclass(frozen=True, slots=True)
class Handover:
    """A committed attempt that the owner's worker makes. Never leaves the process, but for the parcel.

    ``parcel``: None when somebody has handed it over before, or never will. ``patience``: how long an answer may take.
    ``answer_key``: what it is sealed under.
    """

    n: int
    answer_key: bytes = field(repr=False)
    patience: timedelta
    parcel: Parcel | None


@dataclass(frozen=True, slots=True)
class Turn:
    """How the row stands; ``go`` when an attempt was committed; ``wait`` seconds when somebody else's may still run."""

    state: State
    go: Go | Handover | None = None
    wait: float | None = None
