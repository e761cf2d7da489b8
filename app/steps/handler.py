"""What a change of Interlock itself consists of: each built-in action has one handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from app.domain.outcome import Answer
from app.domain.verdict import Verdict
from app.steps.admission import Asked
from app.steps.scene import Scene


@dataclass(frozen=True, slots=True)
class Handler:
    """``refusal``: why it is denied before any rule; ``ground_gone``: why it must not run once it is signed.

    ``ground``: what it was asked on, to be kept with the request. ``apply``: the effect, in the transaction that
    records the outcome.
    """

    refusal: Callable[[Asked], Awaitable[Verdict | None]]
    ground: Callable[[Asked], Awaitable[dict[str, Any] | None]]
    ground_gone: Callable[[Scene], Awaitable[str | None]]
    apply: Callable[[Scene], Awaitable[Answer]]
