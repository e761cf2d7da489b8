"""What a worker does for Slack: says where requests must be shown, and brings the messages there up to date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app.slack.courier import Courier
from app.slack.digest import MAX_ITEMS
from app.slack.pace import Pace
from app.slack.picture import Renderer
from app.slack.team import Team
from app.slack.web import Slack
from app.steps.context import Context
from app.use_cases.leases import Leadership
from app.use_cases.messages import Messages
from app.use_cases.places import Spread

LEASE = "slack"


def lease_span(call_timeout: float) -> timedelta:
    """For how long a leader leads without a word: a call must end within, and another take over soon."""
    return timedelta(seconds=max(15.0, 3 * call_timeout))


@dataclass(frozen=True, slots=True)
class Sending:
    """The parts. ``spread`` is the sink of the outbox."""

    team: Team
    spread: Spread
    courier: Courier

    async def run(self) -> None:
        """Until cancelled; begins when Slack has said which team it is."""
        await self.team.until_known()
        await self.courier.run()


def build_sending(
    ctx: Context, slack: Slack, *, team: Team, rate: float, digest_above: int, call_timeout: float
) -> Sending:
    """``rate``: how many times Slack's own; ``digest_above``: cards a minute and place; ``call_timeout``: seconds."""
    spread = Spread(ctx, team, digest_above, MAX_ITEMS)
    messages = Messages(ctx, spread, Renderer(ctx.issuer))
    courier = Courier(slack, team, messages, Leadership(ctx, LEASE, lease_span(call_timeout)), Pace(rate), call_timeout)
    return Sending(team, spread, courier)
