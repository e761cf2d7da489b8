"""Budgets as the catalogue shows them, for the OpenAPI document."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from app.api import shapes


class Budget(shapes.Answer):
    """What one bot may take at most, by all actions that the pattern covers together."""

    bot: str
    name: str
    action: str = Field(description="A pattern, as in entitlements.")
    counts: Literal["requests", "holds", "amount"] = Field(
        description="`requests`: asks that were not denied at once. `holds`: what waits for people now. `amount`: the "
        "sum of a parameter of what has run or still may."
    )
    parameter: str | None = Field(description="What `amount` adds up.")
    at_most: int
    over_ms: int | None = Field(description="The rolling span; null for `holds`.")


class Catalogue(shapes.Catalogue):
    """The actions of the rules in force, and the budgets of bots for them."""

    budgets: list[Budget]
