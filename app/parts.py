"""What the roots of API and worker build alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.db.session import Database
from app.execution.http import boottime
from app.grants.keys import LiveKeys
from app.keys import KeyRings
from app.ledger.vault import Vault
from app.settings import Settings
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
        grant_keys=LiveKeys(settings.keys.dir, keyrings.grants),
        boottime=boottime,
        issuer=settings.api.base_url,
        environment=settings.environment,
        target_urls=TargetUrls(settings),
    )
