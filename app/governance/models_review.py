"""The shape of ``review`` in a bot's entry: how often its owners review it, and how long they have."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from app.domain.clocks import duration
from app.domain.owner_review import LONGEST, SHORTEST, Terms


def _days(text: str) -> str:
    if not SHORTEST <= duration(text) <= LONGEST:
        raise ValueError(f"must be from {SHORTEST.days}d to {LONGEST.days}d")
    return text


Days = Annotated[str, AfterValidator(_days)]


class OwnerReview(BaseModel):
    """Opened ``every`` so often; overdue after ``within``; ``lapse_after`` that, what is of high risk lapses."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    every: Days = "90d"
    within: Days = "14d"
    lapse_after: Days = "7d"

    @model_validator(mode="after")
    def _one_at_a_time(self) -> OwnerReview:
        terms = self.terms()
        if terms.within + terms.lapse_after > terms.every:
            raise ValueError("within and lapse_after together are longer than every: the next would open before")
        return self

    def terms(self) -> Terms:
        """As the domain takes it."""
        return Terms(duration(self.every), duration(self.within), duration(self.lapse_after))
