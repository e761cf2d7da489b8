"""What goes out about what was done out of turn, and its reviews, for the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
FINDINGS = Literal["justified", "unjustified"]

BREAK_GLASS: dict[str, Any] = {
    "reason": "The customer flies in an hour, and nobody who may approve it answers",
    "digest": "sha256:3e1f6a0c5a7f0d9c1e0a4a5c6d1b8f2e7c9d0b3a4f5e6d7c8b9a0f1e2d3c4b5a",
}
ATTEST: dict[str, Any] = {"finding": "justified", "reason": "The order is right, and it could not wait"}
REVIEW: dict[str, Any] = {
    "id": "5a0e7c1d-98f3-4f0e-b1a7-6f2f4ad3c9e2",
    "kind": "break-glass",
    "request_id": "9f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11",
    "bot": "support-bot",
    "action": "orders.cancel",
    "person": "ivan",
    "opened_at": "2026-01-05T10:00:00.000000Z",
    "due_at": "2026-01-06T10:00:00.000000Z",
    "reviewers": ["eve"],
    "done_at": None,
    "done_by": None,
    "finding": None,
    "reason": None,
    "overdue_at": None,
}


class ReviewOf(BaseModel):
    """How far the review of a request is that one person released."""

    id: Id
    reviewers: list[str] = Field(description="Any one of them may review it.")
    due_at: Time = Field(description="If nobody has by then, the bot is suspended.")
    done_at: Time | None
    finding: FINDINGS | None


class Broken(BaseModel):
    """A responder released it alone (break-glass)."""

    person: str
    reason: str
    at: Time
    void_at: Time | None = Field(description="When newer rules took that back, and it was held again.")
    review: ReviewOf


class Review(BaseModel):
    """Somebody must look at what was done out of turn."""

    model_config = ConfigDict(json_schema_extra={"examples": [REVIEW]})

    id: Id
    kind: Literal["break-glass"]
    request_id: Id
    bot: str
    action: str
    person: str | None = Field(description="Who released it.")
    opened_at: Time
    due_at: Time = Field(description="If nobody has reviewed it by then, the bot is suspended.")
    reviewers: list[str] = Field(description="Any one of them may review it.")
    done_at: Time | None
    done_by: str | None
    finding: FINDINGS | None
    reason: str | None
    overdue_at: Time | None = Field(description="When it was found that nobody had, and the bot was suspended.")


REVIEWS: tuple[type[BaseModel], ...] = (Review,)
"""All that an operation answers with."""
