"""The words of a request: kinds, levels, classes, and what a person says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Kind(StrEnum):
    """What sort of ask it is."""

    ACTION = "action"
    ROLLBACK = "rollback"
    INCIDENT_ROLLBACK = "incident_rollback"
    GOVERNANCE = "governance"


class Risk(IntEnum):
    """How much an action can hurt; ordered."""

    LOW = 0
    MODERATE = 1
    HIGH = 2
    CRITICAL = 3


class Reversibility(IntEnum):
    """How far an action can be undone; ordered, the worst last."""

    READ_ONLY = 0
    REVERSIBLE = 1
    EXTERNALLY_REVERSIBLE = 2
    IRREVERSIBLE = 3


class Level(IntEnum):
    """Assurance: how surely a person is who they say; ordered."""

    CLICK = 0
    LOGIN = 1
    RECENT = 2
    STRONG = 3


class Say(StrEnum):
    """What a decision says."""

    APPROVE = "approve"
    DENY = "deny"
    ABSTAIN = "abstain"


class Mode(StrEnum):
    """Who runs the action."""

    HTTP = "http"
    BOT = "bot"
    TEMPORAL = "temporal"
    INTERNAL = "internal"
    INCIDENT = "incident"
    """Each of its items is run by a request of its own."""


@dataclass(frozen=True, slots=True)
class Asker:
    """The bot or person who asks."""

    kind: str
    id: str

    def as_json(self) -> dict[str, str]:
        """``{"kind", "id"}``."""
        return {"kind": self.kind, "id": self.id}


def word(member: IntEnum) -> str:
    """An ordered class as the API spells it: ``Risk.HIGH`` is ``"high"``."""
    return member.name.lower()
