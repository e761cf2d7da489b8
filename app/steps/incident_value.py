"""What is at stake in a request, as the catalogue counts it. It is for people to read, and decides nothing."""

from __future__ import annotations

from typing import NamedTuple

from app.db.tables import Request
from app.domain.errors import UnknownAction
from app.governance.errors import RuleError
from app.governance.policy import Policy
from app.steps.ask_facts import ask_facts


class AtRisk(NamedTuple):
    """A number, if the catalogue says one. ``why``: a sentence, where it should and cannot."""

    value: int | float | None
    why: str | None = None


def at_risk(policy: Policy, row: Request) -> AtRisk:
    """The value at risk of a request under these rules, as of its admission."""
    try:
        return AtRisk(policy.value_at_risk(ask_facts(row, row.created_at)))
    except UnknownAction:
        return AtRisk(None)
    except RuleError as error:
        return AtRisk(None, f"The value at risk of {row.action} cannot be worked out: {error}.")
