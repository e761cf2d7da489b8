"""The messages that show requests, as they stand in the workspace."""

from __future__ import annotations

from typing import Any

from tests.fakes.slack.server import SlackFake
from tests.fakes.slack.state import Message

SHOWS = ("interlock_request", "interlock_digest")
REPLY = "interlock_reply"
DECIDES = frozenset({"approve", "deny"})

Json = dict[str, Any]


class Board:
    """Finds a request's message in a channel without looking through all that was ever posted."""

    def __init__(self, fake: SlackFake) -> None:
        self._fake, self._looked = fake, 0
        self._cards: dict[tuple[str, str], list[Message]] = {}
        self._digests: list[Message] = []

    def find(self, request_id: str, channel: str) -> Message | None:
        """The newest message that shows it there, None while there is none."""
        self._look()
        digests = [one for one in self._digests if one.channel == channel and request_id in shown_by(one)]
        found = [one for one in (*self._cards.get((request_id, channel), ()), *digests) if not one.deleted]
        return found[-1] if found else None

    def button(self, request_id: str, channel: str, action: str) -> tuple[Message, str] | None:
        """The message, and the block, where a request has this button now."""
        message = self.find(request_id, channel)
        if message is None:
            return None
        for block, element in self._fake.workspace.buttons(message.blocks):
            if element["action_id"] == action and request_id in element.get("value", ""):
                return message, block["block_id"]
        return None

    def _look(self) -> None:
        posted = self._fake.workspace.messages
        for message in posted[self._looked :]:
            if kind(message) == "interlock_digest":
                self._digests.append(message)
            for request_id in shown_by(message) if kind(message) == "interlock_request" else ():
                self._cards.setdefault((request_id, message.channel), []).append(message)
        self._looked = len(posted)


def kind(message: Message) -> str:
    """What a message is, by its metadata; empty for anybody else's."""
    return str((message.metadata or {}).get("event_type", ""))


def payload(message: Message) -> Json:
    """What its metadata say."""
    said: Json = (message.metadata or {}).get("event_payload", {})
    return said


def shown_by(message: Message) -> list[str]:
    """The requests that a card, a digest or a reply is about."""
    said = payload(message)
    return [*said.get("request_ids", ()), *([said["request_id"]] if "request_id" in said else ())]


def actions(fake: SlackFake, message: Message) -> list[tuple[str, str]]:
    """Every button as it stands: its action, and its value."""
    buttons = fake.workspace.buttons(message.blocks)
    return [(element["action_id"], str(element.get("value", ""))) for _, element in buttons]
