"""At the start: is the token Slack's, and may the app do what it needs?"""

from __future__ import annotations

import logging
from collections.abc import Set
from dataclasses import dataclass

from app.domain.errors import Misconfigured
from app.slack.web import Answer, Refused, Slack, SlackError

SCOPES = frozenset(
    {
        "chat:write",  # cards and replies, and their repair
        "commands",  # /interlock
        "im:write",  # cards to people whose group has no channel
        "users:read",  # whose account it is: a guest's, a bot's, one that is closed
        "channels:history",  # after a lost answer: is the message there? (public channels)
        "groups:history",  # the same in private ones
        "im:history",  # and in direct messages
    }
)
"""What the app needs; the manifest names the same."""
EMAIL_SCOPE = "users:read.email"
"""Wanted as well where people are matched by e-mail."""
MANIFEST = "deploy/slack/manifest.yaml"
_WRONG_TOKEN = {
    "invalid_auth": "Slack does not know it",
    "not_authed": "Slack does not know it",
    "not_allowed_token_type": "it is not a bot's",
    "account_inactive": "the app was removed from the workspace",
    "token_revoked": "it was revoked",
    "token_expired": "it has expired, for token rotation is on: switch that off",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Installed:
    """The app in its workspace. ``scopes``: what it may do, empty where Slack did not say."""

    team: str
    bot_user: str
    scopes: frozenset[str]


async def check(slack: Slack, wanted: Set[str] = SCOPES) -> Installed | None:
    """Where the bot's token belongs, or None where Slack gives no answer now: go on, and ask again later.

    Raises `Misconfigured` for a token that is not valid, and for scopes that the app lacks.
    """
    try:
        answer = await slack.answer("auth.test")
    except Refused as refused:
        if refused.error in _WRONG_TOKEN:
            raise Misconfigured(_sentence(_WRONG_TOKEN[refused.error])) from None
        _tell(f"refused, {refused}")
        return None
    except SlackError as error:
        _tell(f"{type(error).__name__.lower()}, {error}")
        return None
    return _installed(answer, wanted)


def _sentence(why: str) -> str:
    return (
        f"SLACK_BOT_TOKEN is not valid, {why}: install the app in your workspace again, and copy the bot token from"
        " OAuth & Permissions"
    )


def _tell(why: str) -> None:
    log.warning("Slack does not say who the bot is (%s): cards wait until it does", why)


def _installed(answer: Answer, wanted: Set[str]) -> Installed | None:
    team, user = answer.body.get("team_id"), answer.body.get("user_id")
    if not isinstance(team, str) or not isinstance(user, str):
        _tell("its answer names no workspace")
        return None
    scopes = frozenset(filter(None, (scope.strip() for scope in answer.headers.get("x-oauth-scopes", "").split(","))))
    missing = sorted(wanted - scopes) if scopes else []
    if missing:
        raise Misconfigured(
            f"the Slack app lacks the scopes {', '.join(missing)}: compare its manifest with {MANIFEST}, then install"
            " it in your workspace again"
        )
    return Installed(team, user, scopes)
