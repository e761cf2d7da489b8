"""Standing permissions as they go out, for the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]

STANDING: dict[str, Any] = {
    "id": "5b8f2f0e-6c1d-5b7a-9a3e-2d4c6e8f0a12",
    "bot": "support-bot",
    "action": "orders.refund",
    "when": 'parameters.order_id.startsWith("W")',
    "max_uses": 100,
    "uses": 12,
    "max_total": {"parameter": "amount_cents", "at_most": 500_000, "total": 48_000},
    "granted_at": "2026-01-05T10:00:00.000000Z",
    "granted_by": ["eve", "petra", "sam"],
    "expires_at": "2026-01-19T10:00:00.000000Z",
    "status": "live",
    "revoked_at": None,
    "revoked_by": None,
    "revoke_reason": None,
}


class Permitted(BaseModel):
    """What a verdict says more when a standing permission allows what would be held."""

    permission: Id | None = Field(None, description="The standing permission that it is allowed by; else left out.")


class Total(BaseModel):
    """What all uses may add up to, and do."""

    parameter: str
    at_most: int
    total: int


class StandingPermission(BaseModel):
    """A bot may do something without being held, within these limits."""

    model_config = ConfigDict(json_schema_extra={"examples": [STANDING]})

    id: Id = Field(description="Of the request that granted it as well.")
    bot: str
    action: str
    when: str = Field(description="The condition, in CEL, over what a rule sees.")
    max_uses: int
    uses: int = Field(description="Never given back, whatever comes of the request.")
    max_total: Total | None
    granted_at: Time
    granted_by: list[str] = Field(description="Who asked for it and signed it. What is for them is held all the same.")
    expires_at: Time
    status: Literal["live", "used-up", "expired", "revoked", "action-changed"] = Field(
        description="`action-changed`: the catalogue has another entry now, or none; it is of no use any more."
    )
    revoked_at: Time | None
    revoked_by: str | None
    revoke_reason: str | None


class StandingPermissions(BaseModel):
    """The newest 200 of those that one may see."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [STANDING]}]})

    items: list[StandingPermission]


ANSWERS: tuple[type[BaseModel], ...] = (StandingPermission, StandingPermissions)
"""All that an operation answers with."""
