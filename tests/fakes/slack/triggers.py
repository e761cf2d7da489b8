"""Trigger ids: good once, for three seconds."""

from __future__ import annotations

from tests.fakes.slack.arguments import SlackError
from tests.fakes.slack.state import Workspace

LIFE_SECONDS = 3.0


class Triggers:
    """All trigger ids ever issued."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._issued: dict[str, tuple[str, float]] = {}
        self._used: set[str] = set()

    def issue(self, user: str) -> str:
        """A new one for what `user` did."""
        ident = f"{self._workspace.name('')}.{self._workspace.name('')}.{self._workspace.hash()}".lower()
        self._issued[ident] = (user, self._workspace.clock.now())
        return ident

    def use(self, ident: object) -> str:
        """Who caused it; it is used up. Raises `SlackError`."""
        if not isinstance(ident, str) or ident not in self._issued:
            raise SlackError("invalid_trigger_id")
        user, at = self._issued[ident]
        if ident in self._used:
            raise SlackError("exchanged_trigger_id")
        if self._workspace.clock.now() - at > LIFE_SECONDS:
            raise SlackError("expired_trigger_id")
        self._used.add(ident)
        return user
