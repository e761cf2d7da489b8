"""What is at stake in a request, as the catalogue counts it. It is for people to read, and decides nothing."""

from __future__ import annotations

from typing import NamedTuple

from app.db.tables import Request
from app.domain.errors import UnknownAction
from app.domain.request import Reversibility, Risk
from app.domain.verdict import AskFacts
from app.governance.errors import RuleError
from app.governance.policy import Policy


class AtRisk(NamedTuple):
    """A number, if the catalogue says one. ``why``: a sentence, where it should and cannot."""

    value: int | float | None
    why: str | None = None


def at_risk(policy: Policy, row: Request) -> AtRisk:
    """The value at risk of a request under these rules, as of its admission."""
    try:
        return AtRisk(policy.value_at_risk(_facts(row)))
    except UnknownAction:
        return AtRisk(None)
    except RuleError as error:
        return AtRisk(None, f"The value at risk of {row.action} cannot be worked out: {error}.")


def _facts(row: Request) -> AskFacts:
    return AskFacts(
        action=row.action,
        parameters=row.parameters,
        bot=row.asker_id,
        now=row.created_at,
        environment=row.environment,
        on_behalf_of=row.on_behalf_of,
        triggered_by=row.triggered_by,
        context=row.context,
        chain_risk=Risk[row.risk.upper()],
        chain_reversibility=Reversibility[row.reversibility.upper()],
        chain_length=row.chain_length,
    )
