"""The workspace of Slack that the roots of API and worker are connected to; commands do not pay for its libraries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.settings import SlackSettings
from app.slack.starting import EMAIL_SCOPE, SCOPES
from app.slack.team import Team
from app.slack.web import Slack


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace of Slack: its Web API, and which team it is."""

    web: Slack
    team: Team


@asynccontextmanager
async def connected(settings: SlackSettings) -> AsyncIterator[Workspace | None]:
    """The workspace that the settings name, None where they name none. Asks nothing of it yet."""
    if settings.bot_token is None or not settings.enabled:
        yield None
        return
    web = Slack(settings.bot_token.get_secret_value(), api_url=settings.api_url, timeout=settings.call_timeout)
    try:
        yield Workspace(web, Team(web, SCOPES | ({EMAIL_SCOPE} if settings.email_domains else set())))
    finally:
        await web.close()
