"""What a target asks and hears about a grant, for the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

REDEEM: dict[str, Any] = {
    "grant": "eyJ0eXAiOiJhY3Rpb24tZ3JhbnQrand0Ii...",
    "parameters_digest": "sha256:3e1f6a0c5a7f0d9c1e0a4a5c6d1b8f2e7c9d0b3a4f5e6d7c8b9a0f1e2d3c4b5a",
    "redemption_id": "0c8f4a2e-3f0b-4a57-9d8a-5f1f6f1f9a10",
}
ACTIVE: dict[str, Any] = {
    "active": True,
    "request_id": "9f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11",
    "action": "orders.cancel",
    "sub": "customer:yusuf_rossi_9620",
    "act": {"sub": "bot:support-bot"},
    "parameters_digest": REDEEM["parameters_digest"],
    "exp": 1767607335,
    "cnf": None,
}


class ActsFor(BaseModel):
    """Who acts on behalf of ``sub`` (RFC 8693)."""

    sub: str = Field(description="`bot:ID`, or `person:PID` for a rollback.")


class Bound(BaseModel):
    """The key that a grant is bound to (RFC 9449)."""

    jkt: str = Field(description="Its thumbprint (RFC 7638): the target must ask for a proof of it.")


class ActiveGrant(BaseModel):
    """Act now, before ``exp``; for this redemption it stays so, for another one never again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [ACTIVE]})

    active: Literal[True]
    request_id: Annotated[str, Field(json_schema_extra={"format": "uuid"})]
    action: str
    sub: str = Field(description="On whose behalf; who acts, where it is nobody's.")
    act: ActsFor | None
    parameters_digest: str
    exp: int = Field(description="Seconds since 1970 (RFC 7519).")
    cnf: Bound | None


class InactiveGrant(BaseModel):
    """Do not act. Why is told to nobody."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"active": False}]})

    active: Literal[False]


class Redeemed(RootModel[ActiveGrant | InactiveGrant]):
    """Whether a grant was redeemed, and what it allows."""


ANSWERS: tuple[type[BaseModel], ...] = (ActiveGrant, InactiveGrant, Redeemed)
"""All that an operation answers with."""
