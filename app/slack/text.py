"""Text of others made safe to show: nothing in it hides, reorders, mentions, links, or is cut without saying so."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache

MAX_MARKS = 3
"""How many combining marks one character may carry; more pile up over the lines beside it."""

MAX_SPACES = 8
"""Longer runs of spaces push what follows to where it looks like a line of its own."""

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs", "Me"})
_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\U0001d159")
_OVERLAY = 1
"""The combining class of marks that strike a character out."""

_ODD = re.compile(r"[^\x20-\x7e\n\t]")
_ODD_IN_QUOTES = re.compile(r'[^\x20-\x7e]|["\\]')
_SPACES = re.compile(f" {{{MAX_SPACES}}}( +)")
_UNIT = re.compile(
    r"[^\\]+|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|\\u[0-9a-f]{4}|\\(?:.|$)", re.DOTALL | re.IGNORECASE
)
_LONGEST_UNIT = 12


def visible(text: str) -> str:
    """The text with every character that hides, reorders or piles up as an escape such as ``\\u202e``.

    Newline and tab stay. What lies beyond U+FFFF is escaped as JSON does, as two.
    """
    return _shown(text, _ODD)


def quoted(text: str) -> str:
    """The text as a JSON string, quotes included, with the escapes of `visible`; long runs of spaces too."""
    return f'"{_SPACES.sub(_padded, _shown(text, _ODD_IN_QUOTES))}"'


def _padded(found: re.Match[str]) -> str:
    return " " * MAX_SPACES + "\\u0020" * len(found[1])


def _shown(text: str, odd: re.Pattern[str]) -> str:
    def show(found: re.Match[str]) -> str:
        char = found[0]
        hides = char.isascii() or _hides(char) or (_is_mark(char) and _piles_up(text, found.start()))
        return escaped(char) if hides else char

    return odd.sub(show, text)


@lru_cache(maxsize=4096)
def _hides(char: str) -> bool:
    if unicodedata.category(char) in _HIDDEN_CATEGORIES or char in _BLANK_LETTERS:
        return True
    return _is_selector(char) or unicodedata.combining(char) == _OVERLAY


def _is_selector(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"


@lru_cache(maxsize=4096)
def _is_mark(char: str) -> bool:
    return unicodedata.category(char).startswith("M")


def _piles_up(text: str, at: int) -> bool:
    """The mark stands on too many others, or on nothing that it could belong to."""
    base = at - 1
    while base >= 0 and at - base < MAX_MARKS and _is_mark(text[base]):
        base -= 1
    below = text[max(base, 0) : at]
    return base < 0 or not text[base].isalnum() or any(_hides(char) for char in below)


def escaped(char: str) -> str:
    """One character as JSON escapes it: ``\\u202e``, or two such beyond U+FFFF."""
    found = json.dumps(char)[1:-1]
    return found if found != char else f"\\u{ord(char):04x}"


def right_to_left(text: str) -> bool:
    """True when some letter or digit in it is written from right to left."""
    return any(unicodedata.bidirectional(char) in {"R", "AL", "AN"} for char in _ODD.findall(text))


def all_ascii(text: str) -> str:
    """What `quoted` gave, with everything beyond ASCII escaped: still the same JSON."""
    return text if text.isascii() else _ODD.sub(lambda found: escaped(found[0]), text)


def one_line(text: str) -> str:
    """`visible`, with newlines and tabs escaped too: for names, titles and the like. Never empty."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t") if text.strip() else "(blank)"


def excerpt(shown: str, most: int, where: str = "in Details", lines: int = 1_000) -> str:
    """At most about ``most`` characters and ``lines`` lines of what `visible` gave; what is missing is counted.

    ``where``: where the rest is to be seen.
    """
    start = cut(shown, 0, most) if len(shown) > most else len(shown)
    rows = shown[:start].split("\n", lines)
    kept = "\n".join(rows[:lines]) if len(rows) > lines else shown[:start]
    missing = len(shown) - len(kept)
    return f"{kept}… ({missing:,} more characters, {where})" if missing else shown


def cut(shown: str, start: int, most: int) -> int:
    """Where a piece of at most ``most`` characters from ``start`` ends: never within an escape or before a mark."""
    if len(shown) - start <= most:
        return len(shown)
    end = start + most
    for found in _UNIT.finditer(shown, start, min(len(shown), end + _LONGEST_UNIT)):
        if found.end() < end:
            continue
        if found.end() == end or found[0].startswith("\\"):
            at = found.end() if found.end() == end else found.start()
        else:
            at = end
        return _before_marks(shown, at, start)
    return end


def _before_marks(shown: str, at: int, start: int) -> int:
    back = at
    while back > start and back < len(shown) and _is_mark(shown[back]):
        back -= 1
    return back if back > start else at


def chunks(shown: str, most: int) -> Iterator[str]:
    """The text in pieces of at most ``most`` characters, cut after a newline where there is one near enough."""
    start = 0
    while start < len(shown):
        end = cut(shown, start, most)
        newline = shown.rfind("\n", start + most // 2, end) if end < len(shown) else -1
        end = newline + 1 if newline >= 0 else end
        yield shown[start:end]
        start = end


def mrkdwn(text: str) -> str:
    """The text so that Slack's markup makes no mention and no link of it: escape first, cut before that."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def spoken(text: str) -> str:
    """A name or title for a message's top-level text, which notifications show: one line, no address to click."""
    return mrkdwn(excerpt(one_line(text), 150).replace("://", ": //"))


def utc(moment: datetime) -> str:
    """A moment for who reads without Slack's own clock: ``2026-11-24 17:14 UTC``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def short(digest: str) -> str:
    """The first twelve hex digits of a digest."""
    return digest.removeprefix("sha256:")[:12]
