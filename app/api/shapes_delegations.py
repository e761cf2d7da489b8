"""What goes out about who is away, for the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]

GIVEN: dict[str, Any] = {
    "id": "3c9d1a7e-52b6-5f04-9e1b-8a6d2f70c466",
    "person": "dana",
    "delegate": "marco",
    "from": "2026-01-05T10:00:00.000000Z",
    "until": "2026-01-19T08:00:00.000000Z",
    "reason": "Holidays",
    "created_at": "2026-01-05T10:00:00.000000Z",
    "ended_at": None,
    "ended_by": None,
}


class Away(BaseModel):
    """Somebody of the open stage who is away."""

    person: str
    until: Time
    delegate: str | None = Field(description="Who decides this for them. Null: nobody does.")


class Delegation(BaseModel):
    """For a while one person decides for another."""

    model_config = ConfigDict(json_schema_extra={"examples": [GIVEN]})

    id: Id
    person: str = Field(description="Who is away.")
    delegate: str = Field(description="Who decides for them.")
    begin: Time = Field(alias="from")
    until: Time
    reason: str
    created_at: Time = Field(description="It counts for what is admitted after that.")
    ended_at: Time | None = Field(description="When it was ended before its time.")
    ended_by: str | None


class Delegations(BaseModel):
    """Those that are, or are still to come."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [GIVEN]}]})

    items: list[Delegation]


DELEGATIONS: tuple[type[BaseModel], ...] = (Delegation, Delegations)
"""All that an operation answers with."""
