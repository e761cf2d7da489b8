"""What a stage says of its clocks: where people are asked, when they are reminded, and why it went to others."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class Escalation(BaseModel):
    """That a stage went to more groups."""

    to: list[str]
    why: Literal["stage-time-over", "quorum-out-of-reach"]
    at: Time


class Clocks(BaseModel):
    """The clocks of a stage."""

    notify: Literal["channel", "direct"]
    remind_at: list[Time] = Field(description="When people are still to be reminded, while the stage is open.")
    reminded: int = Field(description="How often people were reminded, in all.")
    reminded_at: Time | None = Field(description="The last time since the stage was opened, or escalated.")
    escalations: list[Escalation] = Field(description="To whom else it went, and why, in order.")
