"""A request as the product wrote it down, and what came in by an account: data of the oracle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Said:
    """What came in by an account: whose it was, how they had signed in. ``digest``: it was the right one."""

    person: str | None
    level: str
    say: str
    reason: bool
    digest: bool


@dataclass(frozen=True, slots=True)
class Vote:
    """A decision as the product wrote it down."""

    id: str
    stage: int
    person: str
    say: str
    standing: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A request as the product has it. ``permission``: by which it is allowed; ``glass``: who released it alone."""

    status: str
    version: int
    expires_at: datetime
    stages: list[dict[str, Any]]
    votes: list[Vote]
    permission: str | None = None
    glass: dict[str, Any] | None = None
