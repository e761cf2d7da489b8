"""What the roots of API and worker build alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.db.session import Database
from app.execution.http import boottime
from app.keys import KeyRings
from app.ledger.vault import Vault
from app.settings import Settings, SlackSettings
from app.slack.starting import EMAIL_SCOPE, SCOPES
from app.slack.team import Team
from app.slack.web import Slack
from app.steps.context import Context, DatabaseClock
from app.steps.rules import Rules


class TargetUrls(Mapping[str, str]):
    """The URLs that this environment gives targets instead of the catalogue's, by any spelling of their names."""

    def __init__(self, settings: Settings) -> None:
        """``settings``: knows which spellings are one name; environment variables have no hyphens."""
        self._settings = settings

    def __getitem__(self, name: str) -> str:
        """The URL of target ``name``. Raises KeyError where the catalogue's stands."""
        url = self._settings.target_url(name)
        if url is None:
            raise KeyError(name)
        return url

    def __iter__(self) -> Iterator[str]:
        """The names as the settings keep them."""
        return iter(self._settings.targets)

    def __len__(self) -> int:
        """How many targets have a URL of this environment."""
        return len(self._settings.targets)


def build_context(settings: Settings, keyrings: KeyRings) -> Context:
    """What the steps of this process work with. Connects to nothing yet; close its ``database`` at the end."""
    return Context(
        database=Database(settings.database.url.get_secret_value(), pool_size=settings.database.pool_size),
        clock=DatabaseClock(),
        rules=Rules(),
        vault=Vault(keyrings.wrapping),
        grants=keyrings.grants,
        boottime=boottime,
        issuer=settings.api.base_url,
        environment=settings.environment,
        target_urls=TargetUrls(settings),
    )


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
