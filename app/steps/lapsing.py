"""What a bot may not have while nobody has reviewed it in time: whatever is of high or critical risk.

It is read from what was recorded, never from a clock.
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import owner_reviews
from app.domain.request import Risk
from app.domain.verdict import denied
from app.steps.scene import Scene

CODE = "entitlements-lapsed"
LAPSED = denied(
    CODE,
    "Nobody has reviewed this bot in time, so nothing of high or critical risk is to be had: its business owner says "
    "what they find with `interlock reviews attest`, then ask again.",
)


async def refuses(session: AsyncSession, bot: str, risk: Risk) -> bool:
    """Whether what is of this risk, by the worst of its chain, is not to be had now."""
    return risk >= Risk.HIGH and await owner_reviews.lapsed(session, bot)


async def ended(found: Scene) -> str | None:
    """Why what a bot was to do must not start."""
    risk = Risk[found.row.risk.upper()]
    return CODE if await refuses(found.session, found.row.asker_id, risk) else None
