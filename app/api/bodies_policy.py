"""What comes in to work with policy."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from app.api import examples_policy
from app.api.bodies import Body

Files = Annotated[
    dict[str, str],
    Field(
        min_length=1,
        max_length=32,
        description="The draft: governance files by name, `*.yaml` or `*.yml`, together at most 256 KiB, people too.",
    ),
]


class Draft(Body):
    """A draft of the rules."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples_policy.DRAFT]})

    files: Files


class ToolCall(Body):
    """One ask of a bot, as it was or might be."""

    action: Annotated[str, Field(min_length=1, max_length=200)]
    parameters: dict[str, Any]
    on_behalf_of: str | None = Field(None, description="`scheme:value`.")
    triggered_by: str | None = Field(None, description="`scheme:value`.")
    bot: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="By default the only bot of the rules in force."
    )
    at: str | None = Field(None, description="When: RFC 3339, with its offset from UTC; by default now.")
    context: dict[str, Any] = Field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        """As `app.governance.calls` takes it: what is absent left out."""
        return self.model_dump(exclude_none=True) | {"parameters": self.parameters, "context": self.context}


class Simulate(Body):
    """A draft of the rules, and what to judge it over."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples_policy.SIMULATE]})

    files: Files
    calls: Annotated[list[ToolCall], Field(max_length=1_000)] | None = Field(
        None, description="Asks to judge it over, instead of what bots have asked for here."
    )
    since: Annotated[str, Field(max_length=20)] | None = Field(
        None, description="How far to look back at what bots have asked for: `30d` by default; ms, s, m, h, d."
    )


BODIES: tuple[type[Body], ...] = (Draft, Simulate)
"""All of them, for the OpenAPI document."""
