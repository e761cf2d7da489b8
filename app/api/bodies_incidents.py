"""What comes in about incidents."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from app.api import shapes_incidents as examples
from app.api.bodies import Because, Body, Id, Moment, not_blank
from app.domain.clocks import moment

Pattern = Annotated[str, Field(pattern=r"^[a-z*][a-z0-9_.*-]*$", max_length=200)]
Title = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(not_blank)]
Summary = Annotated[str, Field(min_length=1, max_length=20_000), AfterValidator(not_blank)]


class OpenIncident(Body):
    """Something went wrong with some bots in a span of time."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.OPEN]})

    title: Title
    bots: Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=100)] = Field(
        description="Whose requests it is about; none: those of all bots."
    )
    actions: Annotated[list[Pattern], Field(max_length=100)] = Field(
        description="Names or patterns, as entitlements are written; none: all actions."
    )
    begin: Moment = Field(alias="from", description="It is about what was started since then.")
    to: Moment = Field(description="And until then.")
    suspend: bool = Field(default=False, description="Suspend its bots, which must be named.")

    def fields(self) -> dict[str, Any]:
        """As the use case takes it."""
        given = {"title": self.title, "bots": self.bots, "actions": self.actions, "suspend": self.suspend}
        return {**given, "since": moment(self.begin), "until": moment(self.to)}


class RollBackIncident(Body):
    """Undo what an incident is about, or some of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ROLL_BACK]})

    requests: Annotated[list[Id], Field(min_length=1, max_length=1_000)] | Literal["all"] = Field(
        description="Ids of its candidates, or `all` that can be undone now."
    )
    reason: Because


class CloseIncident(Body):
    """End an incident."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CLOSE]})

    summary: Summary


BODIES: tuple[type[Body], ...] = (OpenIncident, RollBackIncident, CloseIncident)
"""All of them, for the OpenAPI document."""
