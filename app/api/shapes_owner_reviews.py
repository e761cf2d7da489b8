"""What goes out about the periodic reviews of bots by their owners, for the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from app.api.shapes_exceptions import FINDINGS, REVIEW, Review

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]

OWNER_REVIEW: dict[str, Any] = {
    "id": "2f0c9a51-7d0e-5c33-9d1f-0b6d3a1c7e44",
    "kind": "owner",
    "bot": "support-bot",
    "status": "open",
    "policy_version": "sha256:0d1b8a5f3e6c7d9a2b4c6e8f0a1b3c5d7e9f1a2b4c6d8e0f2a4b6c8d0e2f4a6b",
    "opened_at": "2026-04-01T08:00:00.000000Z",
    "due_at": "2026-04-15T08:00:00.000000Z",
    "reviewers": ["olivia"],
    "scope": {
        "since": "2026-01-01T08:00:00.000000Z",
        "use_case": {"purpose": "Answer customers; change pending orders", "data": ["personal"]},
        "entitlements": ["orders.*"],
        "high_risk": ["orders.cancel"],
        "exceptions": [
            {
                "review": "5a0e7c1d-98f3-4f0e-b1a7-6f2f4ad3c9e2",
                "request": "9f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11",
                "action": "orders.cancel",
                "finding": "justified",
            }
        ],
        "permissions": [],
        "figures": {
            "requests": 120,
            "denied": 3,
            "unknown": 0,
            "rollbacks": 1,
            "violations": 2,
            "by_permission": 0,
        },
    },
    "escalated_at": None,
    "lapse_at": None,
    "lapsed_at": None,
    "done_at": None,
    "done_by": None,
    "finding": None,
    "reason": None,
}


class Released(BaseModel):
    """What one person released alone."""

    review: Id
    request: Id
    action: str
    finding: FINDINGS | None


class Permitted(BaseModel):
    """A standing permission that had not ended; its condition is in `GET /v1/standing-permissions`."""

    id: Id
    action: str
    uses: int
    max_uses: int
    expires_at: Time


class Figures(BaseModel):
    """What came of what the bot asked for, in numbers."""

    requests: int
    denied: int
    unknown: int = Field(description="Nobody knew what came of them; also those that people have settled since.")
    rollbacks: int
    violations: int = Field(description="Refused attempts of people on its requests.")
    by_permission: int = Field(description="Allowed by a standing permission.")


class ReviewScope(BaseModel):
    """What is under review, as of its opening, without persons."""

    since: Time | None = Field(description="When the last one was opened; null: this is the first.")
    use_case: dict[str, Any] | None
    entitlements: list[str]
    high_risk: list[str] = Field(description="The actions of high or critical risk that it is entitled to: they lapse.")
    exceptions: list[Released]
    permissions: list[Permitted]
    figures: Figures


class OwnerReview(BaseModel):
    """The owners of a bot must look at what it is for, may do and has done."""

    model_config = ConfigDict(json_schema_extra={"examples": [OWNER_REVIEW]})

    id: Id
    kind: Literal["owner"]
    bot: str
    status: Literal["open", "escalated", "lapsed", "done", "gone"] = Field(
        description="`lapsed`: until somebody makes it, nothing of high or critical risk is to be had. "
        "`gone`: the bot is no more."
    )
    policy_version: str
    opened_at: Time
    due_at: Time = Field(description="If nobody has made it by then, others are brought in.")
    reviewers: list[str] = Field(description="Any one of them may make it, as of now.")
    scope: ReviewScope
    escalated_at: Time | None
    lapse_at: Time | None = Field(description="When its entitlements of high risk lapse, once it is escalated.")
    lapsed_at: Time | None
    done_at: Time | None
    done_by: str | None
    finding: Literal["attested", "changed"] | None
    reason: str | None


class AnyReview(RootModel[Annotated[Review | OwnerReview, Field(discriminator="kind")]]):
    """One of the two kinds."""

    model_config = ConfigDict(json_schema_extra={"examples": [OWNER_REVIEW, REVIEW]})


class Reviews(BaseModel):
    """The newest first, at most 200."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [OWNER_REVIEW, REVIEW]}]})

    items: list[Annotated[Review | OwnerReview, Field(discriminator="kind")]]


OWNER_REVIEWS: tuple[type[BaseModel], ...] = (OwnerReview, AnyReview, Reviews)
"""All that an operation answers with."""
