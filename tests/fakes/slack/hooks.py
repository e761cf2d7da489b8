"""Response URLs: five uses in thirty minutes each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.fakes.slack.arguments import SlackError, truth
from tests.fakes.slack.messages_api import MessagesApi, require_message
from tests.fakes.slack.state import Ephemeral, Message, Workspace

Object = dict[str, Any]

MOST_USES, LIFE_SECONDS = 5, 30 * 60
_KNOWN = frozenset(
    {"text", "blocks", "response_type", "replace_original", "delete_original", "thread_ts", "metadata"}
    | {"unfurl_links", "unfurl_media"}
)


@dataclass(slots=True)
class _Hook:
    channel: str
    user: str
    original: Message | Ephemeral | None
    at: float
    uses: int = 0


class Hooks:
    """All response URLs ever issued."""

    def __init__(self, workspace: Workspace, messages: MessagesApi, complaints: list[str]) -> None:
        self._workspace, self._messages, self._complaints = workspace, messages, complaints
        self._issued: dict[str, _Hook] = {}

    def issue(self, channel: str, user: str, original: Message | Ephemeral | None = None) -> str:
        """The path of a new one, for what `user` did in `channel`."""
        path = f"/actions/{self._workspace.team}/{self._workspace.name('')}/{self._workspace.hash()}"
        self._issued[path] = _Hook(channel, user, original, self._workspace.clock.now())
        return path

    def use(self, path: str, body: bytes) -> None:
        """Does what the body says. Raises `SlackError`."""
        hook = self._issued.get(path)
        if hook is None:
            raise SlackError("not_found")
        if self._workspace.clock.now() - hook.at > LIFE_SECONDS:
            raise SlackError("expired_url")
        if hook.uses >= MOST_USES:
            raise SlackError("used_url")
        said = self._read(body)
        hook.uses += 1
        self._do(hook, said)

    def _read(self, body: bytes) -> Object:
        try:
            said = json.loads(body)
        except ValueError as error:
            raise SlackError("invalid_payload") from error
        if not isinstance(said, dict):
            raise SlackError("invalid_payload")
        for name in sorted(set(said) - _KNOWN):
            self._complaints.append(f"response_url: {name}")
        return said

    def _do(self, hook: _Hook, said: Object) -> None:
        if truth(said.get("delete_original")):
            self._delete(hook)
            return
        require_message(said.get("text"), said.get("blocks"))
        if truth(said.get("replace_original")) and hook.original is not None:
            self._replace(hook.original, said)
        else:
            self.say(hook.channel, hook.user, said, "response_url")

    def say(self, channel: str, user: str, said: Object, source: str) -> None:
        """Shows an answer to the person who caused it, or to the channel if it says in_channel."""
        if said.get("response_type") == "in_channel":
            where = self._workspace.channels[channel]
            self._messages.said(where, said.get("text"), said.get("blocks"), None, said.get("thread_ts"))
        else:
            self._messages.show(channel, user, said.get("text"), said.get("blocks"), source)

    @staticmethod
    def _delete(hook: _Hook) -> None:
        if hook.original is None:
            raise SlackError("cant_delete_message")
        hook.original.deleted = True

    def _replace(self, original: Message | Ephemeral, said: Object) -> None:
        if original.deleted:
            raise SlackError("message_not_found")
        if isinstance(original, Message):
            self._messages.edit(original, said.get("text"), said.get("blocks"), original.metadata)
        else:
            original.text = said.get("text") or ""
            original.blocks = self._workspace.with_ids(said.get("blocks"))
