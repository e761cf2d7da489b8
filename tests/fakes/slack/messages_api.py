"""chat.* and conversations.* of the Web API."""

from __future__ import annotations

import base64
import copy
import re
from typing import Any

from tests.fakes.slack.arguments import SlackError, truth
from tests.fakes.slack.block_kit import message_errors
from tests.fakes.slack.state import Channel, Ephemeral, Message, Version, Workspace

Object = dict[str, Any]

_TS = re.compile(r"\d{9,11}\.\d{6}")


def require_message(text: Any, blocks: Any, metadata: Any = None, *, update: bool = False) -> None:
    """Raises `SlackError` with the first code and all sentences, if Slack would refuse this message."""
    if found := message_errors(text, blocks, metadata, update=update):
        raise SlackError(found[0][0], *(f"[ERROR] {sentence}" for _, sentence in found))


class MessagesApi:
    """The methods; each takes unfolded arguments, gives what the answer adds to ``ok``, or raises `SlackError`."""

    def __init__(self, workspace: Workspace, complaints: list[str]) -> None:
        self._workspace, self._complaints = workspace, complaints

    def post(self, a: Object) -> Object:
        """chat.postMessage"""
        channel = self.writable(a.get("channel"))
        require_message(a.get("text"), a.get("blocks"), a.get("metadata"))
        message = self.said(
            channel, a.get("text"), a.get("blocks"), a.get("metadata") or None, self._thread(channel, a)
        )
        message.broadcast = truth(a.get("reply_broadcast"))
        return {"channel": channel.id, "ts": message.ts, "message": self._with_metadata(message)}

    def said(
        self, channel: Channel, text: Any, blocks: Any, metadata: Any = None, thread_ts: str | None = None
    ) -> Message:
        """Adds a message of our bot."""
        if not (text or "").strip():
            self._complaints.append("a message without text has no notification")
        space = self._workspace
        version = Version(text or "", space.with_ids(blocks), copy.deepcopy(metadata), space.clock.now())
        message = Message(channel.id, space.ts(), space.bot_user, thread_ts, broadcast=False, versions=[version])
        space.messages.append(message)
        return message

    def update(self, a: Object) -> Object:
        """chat.update"""
        channel = self.writable(a.get("channel"))
        message = self._own(channel, a.get("ts"))
        text, blocks = a.get("text"), a.get("blocks")
        if text is None and blocks is None:
            raise SlackError("no_text")
        require_message(text, blocks, a.get("metadata") or None, update=True)
        kept = message.metadata if "metadata" not in a else a["metadata"] or None
        self.edit(message, text, blocks, kept)
        return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": self._with_metadata(message)}

    def edit(self, message: Message, text: Any, blocks: Any, metadata: Any) -> None:
        """Makes a new version of a message; without blocks it has none any more."""
        if not (text or "").strip():
            self._complaints.append("a message without text has no notification")
        space = self._workspace
        message.versions.append(Version(text or "", space.with_ids(blocks), copy.deepcopy(metadata), space.clock.now()))

    def ephemeral(self, a: Object) -> Object:
        """chat.postEphemeral"""
        channel, user = self.writable(a.get("channel")), a.get("user")
        if user not in self._workspace.users:
            raise SlackError("user_not_found")
        if user not in channel.members:
            raise SlackError("user_not_in_channel")
        require_message(a.get("text"), a.get("blocks"))
        self._thread(channel, a)
        shown = self.show(channel.id, user, a.get("text"), a.get("blocks"), "chat.postEphemeral")
        return {"message_ts": shown.ts}

    def show(self, channel: str, user: str, text: Any, blocks: Any, source: str) -> Ephemeral:
        """Adds a message that only `user` sees."""
        space = self._workspace
        shown = Ephemeral(channel, user, text or "", space.with_ids(blocks), space.ts(), source)
        space.ephemerals.append(shown)
        return shown

    def open(self, a: Object) -> Object:
        """conversations.open"""
        if a.get("channel"):
            return {"channel": {"id": self.channel(a["channel"]).id}, "no_op": True, "already_open": True}
        users = [user for user in str(a.get("users") or "").split(",") if user]
        if len(users) != 1:
            raise SlackError("not_enough_users" if not users else "too_many_users")
        person = self._workspace.users.get(users[0])
        if person is None:
            raise SlackError("user_not_found")
        if person.is_bot or person.deleted:
            raise SlackError("cannot_dm_bot" if person.is_bot else "user_disabled")
        return {"channel": {"id": self._workspace.direct(person.id).id}}

    def history(self, a: Object) -> Object:
        """conversations.history"""
        channel = self.readable(a.get("channel"))
        found = [one for one in self._workspace.messages if one.channel == channel.id and one.in_history]
        return self._page(a, list(reversed(found)))

    def replies(self, a: Object) -> Object:
        """conversations.replies"""
        channel, ts = self.readable(a.get("channel")), a.get("ts")
        parent = next((one for one in self._workspace.messages if (one.channel, one.ts) == (channel.id, ts)), None)
        thread = self._workspace.replies(channel.id, str(ts))
        if parent is None or (parent.deleted and not thread):
            raise SlackError("thread_not_found")
        return self._page(a, [parent, *thread])

    def _page(self, a: Object, found: list[Message]) -> Object:
        oldest, latest = self._bound(a, "oldest", 0.0), self._bound(a, "latest", float("inf"))
        inclusive, limit = truth(a.get("inclusive")), self._limit(a)

        def within(ts: str) -> bool:
            at = float(ts)
            return oldest < at < latest or (inclusive and at in (oldest, latest))

        shown = [one for one in found if within(one.ts) and self._visible(one)]
        start = self._start(a.get("cursor"), shown)
        page, rest = shown[start : start + limit], shown[start + limit :]
        with_metadata = truth(a.get("include_all_metadata"))
        messages = [self._with_metadata(one) if with_metadata else self._as_message(one) for one in page]
        answer: Object = {"messages": messages, "has_more": bool(rest)}
        if rest:
            cursor = base64.b64encode(f"next_ts:{rest[0].ts}".encode()).decode()
            answer["response_metadata"] = {"next_cursor": cursor}
        return answer

    def _visible(self, message: Message) -> bool:
        return not message.deleted or bool(self._workspace.replies(message.channel, message.ts))

    @staticmethod
    def _bound(a: Object, name: str, default: float) -> float:
        value = a.get(name)
        try:
            return default if value in (None, "") else float(str(value))
        except ValueError as error:
            raise SlackError(f"invalid_ts_{name}") from error

    @staticmethod
    def _limit(a: Object) -> int:
        try:
            limit = int(a.get("limit") or 100)
        except ValueError as error:
            raise SlackError("invalid_limit") from error
        if not 1 <= limit <= 999:
            raise SlackError("invalid_limit")
        return limit

    @staticmethod
    def _start(cursor: Any, shown: list[Message]) -> int:
        if not cursor:
            return 0
        try:
            ts = base64.b64decode(str(cursor), validate=True).decode().removeprefix("next_ts:")
            return next(index for index, one in enumerate(shown) if one.ts == ts)
        except (ValueError, StopIteration) as error:
            raise SlackError("invalid_cursor") from error

    def _as_message(self, message: Message) -> Object:
        if message.deleted:
            gone = {"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "ts": message.ts}
            return {**gone, "text": "This message was deleted.", "thread_ts": message.ts, "hidden": True}
        return self._workspace.as_message(message)

    def _with_metadata(self, message: Message) -> Object:
        made = self._as_message(message)
        if message.metadata is not None and not message.deleted:
            made["metadata"] = copy.deepcopy(message.metadata)
        return made

    def _own(self, channel: Channel, ts: Any) -> Message:
        message = self._workspace.message(channel.id, str(ts))
        if message is None:
            raise SlackError("message_not_found")
        if message.user != self._workspace.bot_user:
            raise SlackError("cant_update_message")
        if message.edit_window_closed:
            raise SlackError("edit_window_closed")
        return message

    def _thread(self, channel: Channel, a: Object) -> str | None:
        ts = a.get("thread_ts")
        if not ts:
            return None
        if not isinstance(ts, str) or not _TS.fullmatch(ts):
            raise SlackError("invalid_thread_ts")
        parent = next((one for one in self._workspace.messages if (one.channel, one.ts) == (channel.id, ts)), None)
        if parent is None or parent.thread_ts:
            what = "a reply, not a thread's first message" if parent else "no message"
            self._complaints.append(f"thread_ts {ts} is {what} in {channel.id}")
        return ts

    def channel(self, ident: Any) -> Channel:
        """The conversation; a person's id stands for their direct message. Raises `SlackError`."""
        person = self._workspace.users.get(str(ident))
        if person is not None and not (person.deleted or person.is_bot):
            return self._workspace.direct(person.id)
        if ident not in self._workspace.channels:
            raise SlackError("channel_not_found")
        return self._workspace.channels[ident]

    def readable(self, ident: Any) -> Channel:
        """The conversation, if our bot is in it. Raises `SlackError`."""
        channel = self.channel(ident)
        if self._workspace.bot_user not in channel.members:
            raise SlackError("not_in_channel")
        return channel

    def writable(self, ident: Any) -> Channel:
        """The conversation, if our bot may write there. Raises `SlackError`."""
        channel = self.channel(ident)
        if channel.archived:
            raise SlackError("is_archived")
        return self.readable(channel.id)
