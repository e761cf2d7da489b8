"""Block Kit as typed pieces: each checks Slack's limits when it is made, and turns into JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from app.slack.text import chunks, utc
from app.slack.values import Click, encode

Json = dict[str, Any]

MAX_TEXT = 3_000
MAX_BLOCKS = 50
MAX_VIEW_BLOCKS = 100
_DATE = "{date_short_pretty} at {time}"
_LAST_DATE = 9_999_999_999
_USER = re.compile(r"[UW][A-Z0-9]{1,30}")


class DoesNotFit(ValueError):
    """A piece is over one of Slack's limits: a defect of who made it."""


def _fits(what: str, text: str, most: int) -> None:
    if not 0 < len(text) <= most:
        raise DoesNotFit(f"{what} has {len(text)} characters, and must have 1 to {most}")


def _few(what: str, things: Sequence[object], most: int) -> None:
    if not 0 < len(things) <= most:
        raise DoesNotFit(f"{what} has {len(things)} parts, and must have 1 to {most}")


def _some(what: str, things: Sequence[object]) -> None:
    if not things:
        raise DoesNotFit(f"{what} is empty")


@dataclass(frozen=True, slots=True)
class Sent:
    """A surface as it is sent, with its buttons' values. ``card``: the hash of what it shows, if it was kept."""

    card: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of inert text within a line."""

    text: str
    bold: bool = False
    code: bool = False

    def __post_init__(self) -> None:
        _fits("a run of text", self.text, MAX_TEXT)

    def as_json(self) -> Json:
        """A rich text element of type text."""
        style = {name: True for name, on in (("bold", self.bold), ("code", self.code)) if on}
        return {"type": "text", "text": self.text, **({"style": style} if style else {})}


@dataclass(frozen=True, slots=True)
class Moment:
    """A time within a line, in the reader's own time zone; in UTC where Slack cannot say it."""

    at: datetime

    def as_json(self) -> Json:
        """A rich text element of type date."""
        seconds = int(self.at.timestamp())
        if not 0 <= seconds <= _LAST_DATE:
            return Run(utc(self.at)).as_json()
        return {"type": "date", "timestamp": seconds, "format": _DATE, "fallback": utc(self.at)}


@dataclass(frozen=True, slots=True)
class Mention:
    """A person, who is told of it: only ever of whom we know the account, never of a name in somebody's text."""

    user: str

    def __post_init__(self) -> None:
        if _USER.fullmatch(self.user) is None:
            raise DoesNotFit("what is mentioned is no user of Slack")

    def as_json(self) -> Json:
        """A rich text element of type user."""
        return {"type": "user", "user_id": self.user}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of runs, moments and mentions."""

    parts: tuple[Run | Moment | Mention, ...]

    def __post_init__(self) -> None:
        _some("a line", self.parts)

    def as_json(self) -> Json:
        """A rich_text_section."""
        return {"type": "rich_text_section", "elements": [part.as_json() for part in self.parts]}


@dataclass(frozen=True, slots=True)
class Bullets:
    """Lines as a list."""

    lines: tuple[Line, ...]

    def __post_init__(self) -> None:
        _some("a list", self.lines)

    def as_json(self) -> Json:
        """A rich_text_list."""
        return {"type": "rich_text_list", "style": "bullet", "elements": [line.as_json() for line in self.lines]}


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Text as it is, every space of it, in a frame: for what a machine says."""

    text: str

    def __post_init__(self) -> None:
        _fits("verbatim text", self.text, 4 * MAX_TEXT)

    def as_json(self) -> Json:
        """A rich_text_preformatted; its elements hold at most 3,000 characters each."""
        return {"type": "rich_text_preformatted", "elements": [Run(t).as_json() for t in chunks(self.text, MAX_TEXT)]}


@dataclass(frozen=True, slots=True)
class Prose:
    """A block of lines, lists and verbatim text: nothing in it is ever read as markup."""

    parts: tuple[Line | Bullets | Verbatim, ...]

    def __post_init__(self) -> None:
        _some("a block of text", self.parts)

    def as_json(self, _sent: Sent | None = None) -> Json:
        """A rich_text block."""
        return {"type": "rich_text", "elements": [part.as_json() for part in self.parts]}


@dataclass(frozen=True, slots=True)
class Header:
    """A heading in plain text."""

    text: str

    def __post_init__(self) -> None:
        _fits("a header", self.text, 150)

    def as_json(self, _sent: Sent | None = None) -> Json:
        """A header block."""
        return {"type": "header", "text": plain(self.text)}


@dataclass(frozen=True, slots=True)
class Small:
    """One small line of our own markup: never put a word of anybody else in it, unless `text.mrkdwn` escaped it."""

    markup: str

    def __post_init__(self) -> None:
        _fits("a small line", self.markup, MAX_TEXT)

    def as_json(self, _sent: Sent | None = None) -> Json:
        """A context block."""
        return {"type": "context", "elements": [_markup(self.markup)]}


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across."""

    def as_json(self, _sent: Sent | None = None) -> Json:
        """A divider block."""
        return {"type": "divider"}


@dataclass(frozen=True, slots=True)
class Confirm:
    """What is asked once more before a click counts. ``yes`` and ``no``: its two buttons."""

    title: str
    text: str
    yes: str
    no: str

    def __post_init__(self) -> None:
        for what, text, most in (("title", self.title, 100), ("text", self.text, 300), ("button", self.yes, 30)):
            _fits(f"a confirmation's {what}", text, most)
        _fits("a confirmation's button", self.no, 30)

    def as_json(self) -> Json:
        """A confirmation dialog object."""
        words = {"title": self.title, "text": self.text, "confirm": self.yes, "deny": self.no}
        return {name: plain(text) for name, text in words.items()}


@dataclass(frozen=True, slots=True)
class Button:
    """A button. ``about``: the request that it is about; the hash of what was shown is put in when it is sent."""

    action: Literal["approve", "deny", "details", "next", "back"]
    label: str
    about: Click
    style: Literal["primary", "danger"] | None = None
    confirm: Confirm | None = None

    def __post_init__(self) -> None:
        _fits("a button", self.label, 75)

    def as_json(self, sent: Sent | None = None) -> Json:
        """A button element; without value and confirmation where it is only said what is shown."""
        found: Json = {"type": "button", "action_id": self.action, "text": plain(self.label)}
        if self.style:
            found["style"] = self.style
        if sent is None:
            return found
        found["value"] = encode(Click(self.about.request_id, self.about.digest, sent.card))
        if self.confirm:
            found["confirm"] = self.confirm.as_json()
        return found


@dataclass(frozen=True, slots=True)
class Entry:
    """One of many: plain text, our own markup under it, and perhaps a button beside it."""

    text: str
    markup: str
    button: Button | None = None

    def __post_init__(self) -> None:
        _fits("an entry", self.text, MAX_TEXT)
        _fits("an entry's markup", self.markup, 2_000)

    def as_json(self, sent: Sent | None = None) -> Json:
        """A section block."""
        found: Json = {"type": "section", "text": plain(self.text), "fields": [_markup(self.markup)]}
        return {**found, "accessory": self.button.as_json(sent)} if self.button else found


@dataclass(frozen=True, slots=True)
class Buttons:
    """A row of buttons."""

    buttons: tuple[Button, ...]

    def __post_init__(self) -> None:
        _few("a row of buttons", self.buttons, 25)

    def as_json(self, sent: Sent | None = None) -> Json:
        """An actions block."""
        return {"type": "actions", "elements": [button.as_json(sent) for button in self.buttons]}


@dataclass(frozen=True, slots=True)
class Field:
    """A text to write, of ``least`` to 2,000 characters; its block and action are both named ``name``."""

    name: str
    label: str
    hint: str

    def __post_init__(self) -> None:
        _fits("a label", self.label, 2_000)
        _fits("a hint", self.hint, 2_000)

    def as_json(self, _sent: Sent | None = None) -> Json:
        """An input block."""
        element = {"type": "plain_text_input", "action_id": self.name, "multiline": True, "max_length": 2_000}
        words = {"label": plain(self.label), "hint": plain(self.hint)}
        return {"type": "input", "block_id": self.name, "element": element, **words}


Block = Prose | Header | Small | Rule | Entry | Buttons | Field


def plain(text: str) -> Json:
    """A plain_text object in which ``:smile:`` stays letters."""
    return {"type": "plain_text", "text": text, "emoji": False}


def _markup(text: str) -> Json:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def date(moment: datetime) -> str:
    """A moment in our own markup, in the reader's time zone."""
    seconds = int(moment.timestamp())
    return f"<!date^{seconds}^{_DATE}|{utc(moment)}>" if 0 <= seconds <= _LAST_DATE else utc(moment)


def line(*parts: str | Run | Moment | Mention | datetime) -> Line:
    """A line; plain strings, however long, and times become its runs and moments."""
    return Line(tuple(piece for part in parts for piece in _parts(part)))


def _parts(part: str | Run | Moment | Mention | datetime) -> Iterator[Run | Moment | Mention]:
    if isinstance(part, str):
        yield from (Run(piece) for piece in chunks(part, MAX_TEXT))
    else:
        yield Moment(part) if isinstance(part, datetime) else part


def bold(text: str) -> Run:
    """A run that stands out."""
    return Run(text, bold=True)


def labelled(label: str, *parts: str | Run | Moment | datetime) -> Line:
    """A line that starts with what it is about."""
    return line(bold(f"{label}: "), *parts)


def portions(block: Block, most: int) -> Iterator[Block]:
    """A block in as many as it takes to have at most about ``most`` characters each: lists and lines are parted."""
    if not isinstance(block, Prose) or length(block.as_json()) <= most:
        yield block
        return
    portion: list[Line | Bullets | Verbatim] = []
    room = most
    for part in (small for big in block.parts for small in _smaller(big, most)):
        size = length(part.as_json())
        if portion and size > room:
            yield Prose(tuple(portion))
            portion, room = [], most
        portion.append(part)
        room -= size
    yield Prose(tuple(portion))


def _smaller(part: Line | Bullets | Verbatim, most: int) -> Iterator[Line | Bullets | Verbatim]:
    if isinstance(part, Bullets):
        yield from (Bullets((short,)) for one in part.lines for short in _shorter(one, most))
    elif isinstance(part, Line):
        yield from _shorter(part, most)
    else:
        yield part


def _shorter(whole: Line, most: int) -> Iterator[Line]:
    if length(whole.as_json()) <= most:
        yield whole
    else:
        yield from (Line((part,)) for part in whole.parts)


def as_json(blocks: Iterable[Block], sent: Sent | None, most: int = MAX_BLOCKS) -> list[Json]:
    """All blocks as JSON; ``sent``: None leaves the buttons' values and confirmations out. Raises DoesNotFit."""
    found = [block.as_json(sent) for block in blocks]
    _few("a surface", found, most)
    return found


def length(value: Any) -> int:
    """The characters of all texts in blocks as JSON, as Slack counts them for a message."""
    if isinstance(value, list):
        return sum(length(one) for one in value)
    if not isinstance(value, dict):
        return 0
    return sum(len(one) if key == "text" and isinstance(one, str) else length(one) for key, one in value.items())
