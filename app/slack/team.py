"""The team of Slack that we are installed in: asked at start, and again until Slack has said it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Set

from app.domain.errors import Misconfigured
from app.slack.starting import SCOPES, Installed, check
from app.slack.web import Slack

log = logging.getLogger(__name__)

ASK_AGAIN = 15.0
"""Seconds between two questions while Slack does not answer."""


class Team:
    """Called, it says the team's id, None while that is not known."""

    def __init__(self, slack: Slack, wanted: Set[str] = SCOPES) -> None:
        """``wanted``: the scopes that the app must have."""
        self._slack = slack
        self._wanted = wanted
        self._installed: Installed | None = None

    def __call__(self) -> str | None:
        """The team's id."""
        return None if self._installed is None else self._installed.team

    @property
    def bot_user(self) -> str | None:
        """The user that our bot is there."""
        return None if self._installed is None else self._installed.bot_user

    async def ask(self) -> bool:
        """Ask once; True when Slack has said it. Raises Misconfigured for a wrong token or missing scopes."""
        self._installed = await check(self._slack, self._wanted)
        return self._installed is not None

    async def until_known(self) -> None:
        """Ask until it is known. What is wrong with token or scopes is logged: Interlock runs already."""
        while self._installed is None:
            await asyncio.sleep(ASK_AGAIN)
            try:
                await self.ask()
            except Misconfigured as error:
                log.error("slack: %s", error)  # noqa: TRY400  a sentence for the operator, no defect of ours
