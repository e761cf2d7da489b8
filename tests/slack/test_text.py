"""Text of others: nothing hides, nothing reorders, nothing is cut in secret."""

from __future__ import annotations

import json
import re
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.slack.text import chunks, excerpt, mrkdwn, one_line, quoted, spoken, visible
from tests.fakes.slack.block_kit import mentions_and_links
from tests.slack.facts import HOSTILE
from tests.slack.seen import hidden_characters

ODD = [
    HOSTILE,
    "\u202e",
    "\\",
    "\\u202e",
    "é\u0301\u0301\u0301\u0301",
    "\U000e0001",
    "א",
    "\u3164",
    "\ud800",
    "a\u0338",
    '"',
]
texts = st.lists(st.sampled_from(ODD) | st.text(max_size=8), max_size=12).map("".join)
few = settings(max_examples=60, deadline=None)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë says 你好, naïve Ελλάδα", "Zoë says 你好, naïve Ελλάδα"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u200bb\ufeffc\u00add", "a\\u200bb\\ufeffc\\u00add"),
        ("nb\u00a0sp em\u2003sp", "nb\\u00a0sp em\\u2003sp"),
        ("\r\x07\x7f\x9b", "\\r\\u0007\\u007f\\u009b"),
        ("line\u2028par\u2029", "line\\u2028par\\u2029"),
        ("tag\U000e0041", "tag\\udb40\\udc41"),
        ("heart\u2764\ufe0f", "heart\u2764\\ufe0f"),
        ("e\u0301\u0302\u0303\u0304\u0305", "e\u0301\u0302\u0303\\u0304\\u0305"),
        ("\u0301a", "\\u0301a"),
        (" \u0301", " \\u0301"),
        ("1\u03360\u0336", "1\\u03360\\u0336"),
        ("\u200b\u0301", "\\u200b\\u0301"),
        ("\u3164\u115f\u2800\u034f", "\\u3164\\u115f\\u2800\\u034f"),
        ("\ue000\ud800", "\\ue000\\ud800"),
        ("ห\u0e49\u0e33 नि", "ห\u0e49\u0e33 नि"),
    ],
)
def test_what_hides_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


@few
@given(texts)
def test_nothing_hides(text: str) -> None:
    assert hidden_characters({"text": visible(text)}) == []
    assert hidden_characters({"text": quoted(text)}) == []
    assert "\n" not in quoted(text)
    shape = "".join("m" if _is_mark(char) else "a" if char.isalnum() else "." for char in visible(text))
    assert not re.search(r"^m|\.m|m{4}", shape)


def _is_mark(char: str) -> bool:
    return unicodedata.category(char).startswith("M")


@few
@given(texts)
def test_a_quoted_text_is_the_same_json(text: str) -> None:
    assert json.loads(quoted(text)) == text


def test_a_string_cannot_leave_its_quotes_or_pad_itself_away() -> None:
    assert quoted('a", "amount": 1\n⟨not shown⟩') == '"a\\", \\"amount\\": 1\\n⟨not shown⟩"'
    assert quoted("a" + " " * 10 + "b") == '"a' + " " * 8 + '\\u0020\\u0020b"'


@few
@given(texts, st.integers(20, 60))
def test_chunks_lose_nothing_and_never_cut_an_escape(text: str, most: int) -> None:
    shown = visible(text)
    pieces = list(chunks(shown, most))
    assert "".join(pieces) == shown
    assert all(0 < len(piece) <= most for piece in pieces)
    for before, after in pairwise(pieces):
        assert not _is_mark(after[0])
        assert not _within_escape(before, after)


def _within_escape(before: str, after: str) -> bool:
    """The boundary stands within something that `quoted` or `visible` writes as one."""
    runs = re.search(r"(\\+)(u[0-9a-f]{0,3})?$", before)
    if runs is None or len(runs[1]) % 2 == 0:
        return False
    return runs[2] is None or re.match(f"[0-9a-f]{{{5 - len(runs[2])}}}", after) is not None


@few
@given(texts, st.integers(20, 60))
def test_a_cut_says_how_much_is_missing(text: str, most: int) -> None:
    shown = visible(text)
    said = excerpt(shown, most)
    if len(shown) <= most:
        assert said == shown
        return
    kept, missing = _told(said)
    assert shown.startswith(kept)
    assert len(kept) <= most
    assert len(kept) + missing == len(shown)


def _told(said: str) -> tuple[str, int]:
    found = re.fullmatch(r"(.*)… \(([\d,]+) more characters, in Details\)", said, re.DOTALL)
    assert found is not None
    return found[1], int(found[2].replace(",", ""))


def test_a_wall_of_lines_is_cut_too() -> None:
    kept, missing = _told(excerpt("x\n" * 100, 1_000, lines=10))
    assert kept == "\n".join(["x"] * 10)
    assert len(kept) + missing == 200


def test_in_markup_nothing_is_a_mention() -> None:
    assert mrkdwn("<!here> & <@U1>") == "&lt;!here&gt; &amp; &lt;@U1&gt;"
    assert mentions_and_links(spoken(HOSTILE), []) == []
    assert mentions_and_links(HOSTILE, []) != []


def test_a_name_is_one_line_and_never_empty() -> None:
    assert one_line("Dana\nHale\t") == "Dana\\nHale\\t"
    assert one_line(" ") == one_line("") == "(blank)"
