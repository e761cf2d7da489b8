"""Who a Slack account is: Slack says whether it is an active member's, our links say which person's."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.domain.errors import Unavailable
from app.domain.request import Level
from app.slack.web import Limited, Refused, Slack, SlackError
from app.use_cases.actors import Actor, SlackAccount, slack_actor
from app.use_cases.services import Services

log = logging.getLogger(__name__)

GOOD_FOR = 60.0
"""Seconds for which Slack's word on an account is believed."""
KEPT = 5_000
"""Accounts of which Slack's word is kept at a time."""
WITHIN = 1.0
"""Seconds that one question to Slack may take; there are two at most."""

NO_WORD = "Slack did not say whether your account is active; nothing was recorded."
NO_TEAM = "Slack has not said yet which workspace this is; nothing was recorded."
_NOBODY = frozenset({"user_not_found", "user_not_visible", "users_not_found", "user_disabled"})
_NO_MEMBER = ("deleted", "is_bot", "is_workflow_bot", "is_restricted", "is_ultra_restricted", "is_stranger")


@dataclass(frozen=True, slots=True)
class Member:
    """Slack's word. ``active``: a full member of the workspace, and a person; ``email``: if it was confirmed."""

    active: bool
    email: str | None = None


class Directory:
    """Resolves accounts; a deactivated one, a guest's, a bot's or another team's is nobody's."""

    def __init__(
        self,
        services: Services,
        slack: Slack,
        team: Callable[[], str | None],
        email_domains: frozenset[str],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """``team``: ours, if it is known by now; ``email_domains``: lower case; ``now``: seconds on a steady clock."""
        self._services, self._slack, self._team = services, slack, team
        self._email_domains, self._now = email_domains, now
        self._known: OrderedDict[str, tuple[float, Member]] = OrderedDict()

    def ours(self, account: SlackAccount) -> bool:
        """Whether it is of our own team. Raises Unavailable while that is not known."""
        team = self._team()
        if team is None:
            raise Unavailable(NO_TEAM)
        return account.team == team

    async def actor(self, account: SlackAccount) -> Actor:
        """The person whose account it is, or nobody. Raises Unavailable when Slack or the database does not say."""
        member = await self.member(account)
        if member is None:
            return Actor("unlinked", None, account.name, Level.CLICK, "slack")
        return await slack_actor(self._services, member)

    async def member(self, account: SlackAccount) -> SlackAccount | None:
        """The account with its address, if that may say whose it is; None for who is no active full member.

        Raises Unavailable when Slack does not say.
        """
        if not self.ours(account):
            return None
        known = await self._member(account.user)
        return SlackAccount(account.team, account.user, known.email) if known.active else None

    async def _member(self, user: str) -> Member:
        until, member = self._known.get(user, (0.0, None))
        if member is None or until <= self._now():
            member = await self._asked(user)
            self._known[user] = (self._now() + GOOD_FOR, member)
            self._known.move_to_end(user)
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        return member

    async def _asked(self, user: str) -> Member:
        for _ in range(2):
            try:
                async with asyncio.timeout(WITHIN):
                    answer = await self._slack.call("users.info", user=user)
                return self._read(answer.get("user"))
            except Limited:
                break  # it says to wait a second or more: nobody has that time
            except Refused as refused:
                if refused.error in _NOBODY:
                    return Member(active=False)
                log.error("slack: users.info is refused: %s", refused.error)  # noqa: TRY400  Slack's word, no defect
                break
            except (SlackError, TimeoutError):
                continue
        raise Unavailable(NO_WORD)

    def _read(self, user: Any) -> Member:
        if not isinstance(user, dict):
            raise Unavailable(NO_WORD)
        active = user.get("team_id") == self._team() and not any(user.get(name) for name in _NO_MEMBER)
        return Member(active, self._email(user) if active else None)

    def _email(self, user: dict[str, Any]) -> str | None:
        profile = user.get("profile")
        email = profile.get("email") if isinstance(profile, dict) else None
        if user.get("is_email_confirmed") is not True or not isinstance(email, str):
            return None
        return email if email.rpartition("@")[2].lower() in self._email_domains else None
