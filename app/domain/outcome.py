"""What came of one call of an action."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Sent(StrEnum):
    """How far a call came.

    ``uncertain``: 408, 425, 429, 5xx, or cut or timed out after the first byte; it may or may not have acted.
    """

    NOT_SENT = "not_sent"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call.

    ``error``: ``{status, body}`` with ``truncated: true`` if cut, or ``{status, body, reason}`` when there was no
    whole answer. ``note``: why a good answer's body is not in ``result``.
    """

    sent: Sent
    http_status: int | None
    result: Any | None
    error: dict[str, Any] | None
    note: str | None = None
