"""The shape of a bot's webhook in the governance files."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints


class Webhook(BaseModel):
    """Where a bot is told of its requests. Its secret is a setting, never in a file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    url: Annotated[str, StringConstraints(max_length=500)]
    private: bool = False
