"""What the rules see of a stored ask."""

from __future__ import annotations

from datetime import datetime

from app.db.tables import Request
from app.domain.request import Reversibility, Risk
from app.domain.verdict import AskFacts


def ask_facts(row: Request, now: datetime) -> AskFacts:
    """What a bot asked, with the windows of its admission. ``now``: as of when it is judged."""
    return AskFacts(
        action=row.action,
        parameters=row.parameters,
        bot=row.asker_id,
        now=now,
        environment=row.environment,
        on_behalf_of=row.on_behalf_of,
        triggered_by=row.triggered_by,
        context=row.context,
        chain_risk=Risk[row.risk.upper()],
        chain_reversibility=Reversibility[row.reversibility.upper()],
        chain_length=row.chain_length,
        windows=row.windows,
    )
