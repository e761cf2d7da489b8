"""A bot's use case as it goes out, for the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Day = Annotated[str, Field(json_schema_extra={"format": "date"})]
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]

STATEMENT: dict[str, Any] = {
    "title": "Shop support assistant",
    "purpose": "Answer customers; change pending orders",
    "data": ["personal"],
    "entitlements": ["orders.*", "users.read"],
    "model": {"provider": "example-ai", "name": "chat-large", "version": "2026-05"},
    "reads": ["orders.read", "users.read"],
    "rules": [{"rule": "small-fix", "when": 'action.name == "orders.modify_address" && chain.risk == "low"'}],
}
USE_CASE: dict[str, Any] = {
    "bot": "support-bot",
    "may_ask": True,
    "why_not": None,
    "in_force": {**STATEMENT, "entitlements": ["orders.*", "refunds.*", "users.read"]},
    "approved": {
        "statement": STATEMENT,
        "approved_at": "2026-01-05T10:00:00.000000Z",
        "review_by": "2026-12-31",
        "via": "request",
        "request": "5b8f2f0e-6c1d-5b7a-9a3e-2d4c6e8f0a12",
        "policy_version": f"sha256:{'1f' * 32}",
    },
    "missing": ["entitlements: refunds.*"],
}


class ByRule(BaseModel):
    """A rule that may let an action run without a person."""

    rule: str
    when: str = Field(description="Its condition, in CEL.")


class Statement(BaseModel):
    """What a bot is for, and what it may do, as the rules say it."""

    title: str
    purpose: str | None
    data: list[str] = Field(description="The classes that its use case names, and those of its actions.")
    entitlements: list[str]
    model: dict[str, str] | None
    reads: list[str] = Field(description="Actions that run unheld because they only read.")
    rules: list[ByRule] = Field(description="By which others may run without a person.")


class ApprovedUseCase(BaseModel):
    """What stands approved."""

    statement: Statement
    approved_at: Time
    review_by: Day = Field(description="The last day on which it holds, by UTC.")
    via: Literal["request", "init", "upgrade"] = Field(
        description="`init`: with the rules that were installed; `upgrade`: in force before use cases were approved."
    )
    request: Id | None = Field(description="That it was signed by.")
    policy_version: str


class BotUseCase(BaseModel):
    """A bot's use case: in force, approved, and what is between them."""

    model_config = ConfigDict(json_schema_extra={"examples": [USE_CASE]})

    bot: str
    may_ask: bool = Field(description="Whether it may ask for anything at all.")
    why_not: str | None
    in_force: Statement
    approved: ApprovedUseCase | None
    missing: list[str] = Field(description="What is in force beyond what is approved, and has no effect yet.")


ANSWERS: tuple[type[BaseModel], ...] = (BotUseCase,)
"""All that an operation answers with."""
