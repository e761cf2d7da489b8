"""What a workspace holds: people, channels, messages with all their versions, views, and what only one person saw."""

from __future__ import annotations

import copy
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]


class Clock:
    """Slack's clock: the real one, plus what a test has advanced it by."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Moves Slack's clock on: triggers, response URLs and rate limits see it, signatures do not."""
        self._ahead += seconds


@dataclass(slots=True)
class User:
    """A person or a bot, as users.info knows it."""

    id: str
    name: str
    email: str | None = None
    team_id: str = "T0SHOP"
    deleted: bool = False
    is_bot: bool = False
    is_restricted: bool = False
    email_confirmed: bool = True


@dataclass(slots=True)
class Channel:
    """A conversation; a direct message has the id D... and `user`."""

    id: str
    name: str
    members: set[str]
    archived: bool = False
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """What a message was from `at` on."""

    text: str
    blocks: list[Object]
    metadata: Object | None
    at: float


@dataclass(slots=True)
class Message:
    """A message and all it ever was; `versions[-1]` is what it is now."""

    channel: str
    ts: str
    user: str
    thread_ts: str | None
    broadcast: bool
    versions: list[Version]
    deleted: bool = False
    edit_window_closed: bool = False

    @property
    def now(self) -> Version:
        """What it is now."""
        return self.versions[-1]

    @property
    def text(self) -> str:
        """Its text now."""
        return self.now.text

    @property
    def blocks(self) -> list[Object]:
        """Its blocks now."""
        return self.now.blocks

    @property
    def metadata(self) -> Object | None:
        """Its metadata now."""
        return self.now.metadata

    @property
    def in_history(self) -> bool:
        """Whether the channel itself shows it, not only a thread."""
        return self.thread_ts is None or self.broadcast


@dataclass(slots=True)
class Ephemeral:
    """What only one person saw in a channel; `source` is the method or the answer that it came by."""

    channel: str
    user: str
    text: str
    blocks: list[Object]
    ts: str
    source: str
    deleted: bool = False


@dataclass(slots=True)
class View:
    """A modal or a home view; `given` is what the app sent, block ids added; `earlier` what it sent before."""

    id: str
    user: str
    given: Object
    hash: str
    root: str
    previous: str | None
    open: bool = True
    errors: dict[str, str] = field(default_factory=dict)
    earlier: list[Object] = field(default_factory=list)


class Workspace:
    """One team and all it holds."""

    def __init__(self, team: str, clock: Clock) -> None:
        self.team, self.clock = team, clock
        self.domain = team.lower()
        self.app_id, self.bot_id, self.bot_user = "A0INTERLOCK", "B0INTERLOCK", "U0INTERLOCK"
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.messages: list[Message] = []
        self.ephemerals: list[Ephemeral] = []
        self.views: dict[str, View] = {}
        self.homes: dict[str, View] = {}
        self.shown: list[tuple[str, str]] = []
        self._numbers = itertools.count(1)
        self._last = 0
        self.add_user(self.bot_user, "interlock", is_bot=True)

    def add_user(self, user: str, name: str, email: str | None = None, **more: Any) -> User:
        """Adds a person; `more`: team_id, deleted, is_bot, is_restricted."""
        more.setdefault("team_id", self.team)
        self.users[user] = User(user, name, email, **more)
        return self.users[user]

    def add_channel(self, channel: str, name: str | None = None, members: set[str] | None = None) -> Channel:
        """Adds a channel with our bot in it, and `members` or everybody."""
        people = set(self.users) if members is None else members
        self.channels[channel] = Channel(channel, name or channel.lower(), people | {self.bot_user})
        return self.channels[channel]

    def direct(self, user: str) -> Channel:
        """The direct message of our bot with a person."""
        known = next((channel for channel in self.channels.values() if channel.user == user), None)
        made = known or Channel(self.name("D"), "directmessage", {user, self.bot_user}, user=user)
        self.channels[made.id] = made
        return made

    def name(self, prefix: str) -> str:
        """A new id."""
        return f"{prefix}{next(self._numbers):08X}"

    def ts(self) -> str:
        """A new time stamp: no two are the same, each is later than the last."""
        self._last = max(self._last + 100, int(self.clock.now() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06}"

    def message(self, channel: str, ts: str) -> Message | None:
        """The message, unless there is none or it is deleted."""
        return next((one for one in self.messages if (one.channel, one.ts, one.deleted) == (channel, ts, False)), None)

    def posted(self, channel: str | None = None) -> list[Message]:
        """The messages that are not deleted, of one channel or of all, oldest first."""
        return [one for one in self.messages if not one.deleted and channel in {None, one.channel}]

    def replies(self, channel: str, ts: str) -> list[Message]:
        """What was said in a message's thread, oldest first."""
        return [one for one in self.posted(channel) if one.thread_ts == ts]

    def open_views(self, user: str) -> list[View]:
        """The modals that a person has open, the topmost last."""
        return [view for view in self.views.values() if view.open and view.user == user]

    def show(self, user: str, text: str) -> None:
        """Notes an error that a person saw."""
        self.shown.append((user, text))

    def seen_by(self, user: str) -> list[str]:
        """What only this person saw: texts of ephemeral messages, then errors."""
        own = [one.text for one in self.ephemerals if one.user == user and not one.deleted]
        return own + [text for whose, text in self.shown if whose == user]

    def with_ids(self, blocks: list[Object] | None) -> list[Object]:
        """A copy of the blocks in which each has a block_id."""
        return [{**copy.deepcopy(block), "block_id": block.get("block_id") or self.name("b")} for block in blocks or []]

    def as_message(self, message: Message, version: Version | None = None) -> Object:
        """The message as Slack gives it, without its metadata; `version`: as it was then."""
        shown = version or message.now
        made: Object = {
            "type": "message",
            "user": message.user,
            "ts": message.ts,
            "team": self.team,
            "text": shown.text,
        }
        if message.user == self.bot_user:
            made |= {"bot_id": self.bot_id, "app_id": self.app_id}
        if shown.blocks:
            made["blocks"] = copy.deepcopy(shown.blocks)
        if message.thread_ts:
            made["thread_ts"] = message.thread_ts
        elif replies := self.replies(message.channel, message.ts):
            made |= {"thread_ts": message.ts, "reply_count": len(replies), "latest_reply": replies[-1].ts}
        if len(message.versions) > 1:
            made["edited"] = {"user": message.user, "ts": f"{message.now.at:.6f}"}
        return made

    def as_view(self, view: View) -> Object:
        """The view as Slack gives it."""
        absent = {"private_metadata": "", "callback_id": "", "external_id": "", "submit": None, "close": None}
        flags = {"clear_on_close": False, "notify_on_close": False, "submit_disabled": False}
        return {
            **absent,
            **flags,
            "id": view.id,
            "team_id": self.team,
            **copy.deepcopy(view.given),
            "state": {"values": {}},
            "hash": view.hash,
            "root_view_id": view.root,
            "previous_view_id": view.previous,
            "app_id": self.app_id,
            "bot_id": self.bot_id,
            "app_installed_team_id": self.team,
        }

    def placed(self, user: str, given: Object, previous: View | None = None) -> View:
        """A new view of a person, on top of `previous`; not yet among the open ones."""
        ident = self.name("V")
        given = {**given, "blocks": self.with_ids(given["blocks"])}
        return View(
            ident, user, given, self.hash(), previous.root if previous else ident, previous.id if previous else None
        )

    def replace(self, view: View, given: Object) -> None:
        """Gives a view new content and a new hash."""
        view.earlier.append(view.given)
        view.given, view.hash, view.errors = {**given, "blocks": self.with_ids(given["blocks"])}, self.hash(), {}

    def hash(self) -> str:
        """A new hash of a view."""
        return f"{int(self.clock.now())}.{self.name('h')}"

    def buttons(self, blocks: list[Object]) -> Iterator[tuple[Object, Object]]:
        """Each interactive element with its block."""
        for block in blocks:
            for part in (block.get("accessory"), block.get("element"), *block.get("elements", [])):
                if isinstance(part, dict) and "action_id" in part:
                    yield block, part
