"""What a person alone is told: by the address that came with what they did, else in the channel."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import SplitResult, urlsplit

import aiohttp

from app.slack.interaction import Interaction
from app.slack.pieces import Json, plain
from app.slack.text import excerpt, mrkdwn, visible
from app.slack.web import Slack, SlackError

log = logging.getLogger(__name__)

HOOKS = "https://hooks.slack.com"
WITHIN = 5.0
"""Seconds that one answer may take to send."""
_LONGEST = 2_800


def ephemeral(sentence: str) -> Json:
    """A message whose text nothing can make a mention or a link of."""
    said = excerpt(visible(sentence), _LONGEST, "not shown here")
    return {"text": mrkdwn(said), "blocks": [{"type": "section", "text": plain(said)}]}


class Answers:
    """Sends them."""

    def __init__(self, slack: Slack, slack_url: str | None) -> None:
        """``slack_url``: where Slack's Web API is, if not at Slack's own address. Connects to nothing yet."""
        self._slack = slack
        self._allowed = {_origin(urlsplit(url)) for url in (HOOKS, slack_url) if url}
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def say(self, to: Interaction, sentence: str) -> None:
        """Say one sentence to who did this, alone. Never raises: what is recorded stands, and the card tells it."""
        await self.send(to, ephemeral(sentence))

    async def send(self, to: Interaction, message: Json) -> None:
        """Like `say`, a whole message: ``text`` and ``blocks``."""
        if await self._by_url(to.response_url, message):
            return
        if to.channel is None or not await self.post(to.channel, to.account.user, message):
            log.warning("slack: an answer could not be sent; the card tells what stands")

    async def post(self, channel: str, user: str, message: Json) -> bool:
        """Show a message to one person in a channel; whether Slack took it."""
        try:
            await self._slack.call("chat.postEphemeral", channel=channel, user=user, **message)
        except SlackError as error:
            log.info("slack: chat.postEphemeral: %s", error)
            return False
        return True

    async def _by_url(self, url: str | None, message: Json) -> bool:
        if url is None or not self.may_call(url):
            return False
        body = {**message, "response_type": "ephemeral", "replace_original": False}
        try:
            # Slack's signature covers the address, but whoever has the secret must not make us call anybody else:
            # no redirect is followed either.
            async with self._opened().post(url, json=body, allow_redirects=False) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError, ValueError) as error:
            log.info("slack: a response_url did not answer: %s", type(error).__name__)
            return False

    def may_call(self, url: str) -> bool:
        """Whether an address is Slack's: https under hooks.slack.com, or where the configured Web API is."""
        try:
            parts = urlsplit(url)
            plain_host = parts.username is None and parts.password is None and "\\" not in url
            return plain_host and _origin(parts) in self._allowed
        except ValueError:
            return False

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=WITHIN)
            self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=True)
        return self._session


def _origin(parts: SplitResult) -> tuple[Any, ...]:
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.hostname, port
