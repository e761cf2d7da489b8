"""What a bot or a person asks, as it is kept until it is admitted."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from app.domain.digest import canonical

MAX_CHAIN = 16
MAX_PARAMETERS = 256 * 1024


@dataclass(frozen=True, slots=True)
class Ask:
    """One ask, validated in shape. ``client_id``: of the credential that asked; not part of the body.

    ``reverses``: the request that a rollback undoes; its action and parameters are worked out, not said by the asker.
    ``incident``: what the rollback of an incident undoes, ``{"id", "requests": [ids] or "all"}``. ``part_of``: of a
    rollback that was signed as the ``n``-th of many, ``{"request", "n"}``; nobody can ask for that.
    """

    kind: str
    asker_kind: str
    asker_id: str
    client_id: str | None
    action: str
    parameters: dict[str, Any]
    reason: str | None = None
    on_behalf_of: str | None = None
    triggered_by: str | None = None
    context: dict[str, Any] = field(default_factory=dict)
    parent: str | None = None
    supersedes: str | None = None
    reverses: str | None = None
    incident: dict[str, Any] | None = None
    part_of: dict[str, Any] | None = None

    def body(self) -> dict[str, Any]:
        """What must be the same when the same idempotency key comes again: all but who asked, and how."""
        if self.incident is not None:
            return {"incident": self.incident, "reason": self.reason}
        if self.reverses is not None:
            return {"reverses": self.reverses, "reason": self.reason}
        return {key: value for key, value in asdict(self).items() if key not in _NOT_SAID}

    def dumps(self) -> str:
        """As the text that a workflow's start carries."""
        return canonical(asdict(self)).decode()


_NOT_SAID = frozenset({"kind", "asker_kind", "asker_id", "client_id", "reverses", "incident", "part_of"})


def loads(text: str) -> Ask:
    """The ask that `Ask.dumps` wrote."""
    return Ask(**json.loads(text))
