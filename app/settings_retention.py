"""How long content is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(gt=0)]


class RetentionSettings(BaseModel):
    """Days after which content goes, of each class; None: it is kept. What a legal hold stands on stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests: Positive | None = None
    """All content of a request of a bot, or of its rollback, since it was last changed."""
    attempts: Positive | None = None
    """What people and bots sent on a request: the bodies of decisions and outcomes. What was decided stays."""
    cards: Positive | None = None
    """What was shown to people of a request. Its hash stays on the ledger."""
    outbox: Positive | None = None
    """Marks of what was told."""
    codes: Positive | None = 1
    """One-time codes, after they have expired."""

    @property
    def spans(self) -> dict[str, timedelta]:
        """How long each class is kept; those without an end are not in it."""
        return {name: timedelta(days=many) for name, many in self.model_dump().items() if many is not None}
