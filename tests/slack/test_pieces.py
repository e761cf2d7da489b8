"""Pieces refuse what Slack would refuse, and what they make Slack takes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from app.slack.pieces import (
    Block,
    Bullets,
    Button,
    Buttons,
    Confirm,
    DoesNotFit,
    Entry,
    Field,
    Header,
    Line,
    Prose,
    Rule,
    Run,
    Sent,
    Small,
    Verbatim,
    as_json,
    date,
    labelled,
    length,
    line,
    portions,
)
from app.slack.values import Click
from tests.fakes.slack.block_kit import message_problems, readable, view_problems
from tests.slack.facts import DIGEST, NOON, REQUEST

ABOUT = Click(REQUEST, DIGEST, None)
APPROVE = Button("approve", "A" * 75, ABOUT, "primary", Confirm("t" * 100, "x" * 300, "y" * 30, "n" * 30))
FULL: list[Block] = [
    Header("h" * 150),
    Small("s" * 3_000),
    Prose((labelled("Closes", NOON), Bullets((line("one"),)), Verbatim("v" * 7_000))),
    Rule(),
    Entry("e" * 100, "m" * 100, Button("details", "Details", ABOUT)),
    Buttons((APPROVE,)),
]
TOO_MUCH: list[Callable[[], object]] = [
    lambda: Header("h" * 151),
    lambda: Header(""),
    lambda: Small("s" * 3_001),
    lambda: Run("r" * 3_001),
    lambda: Run(""),
    lambda: Line(()),
    lambda: Bullets(()),
    lambda: Prose(()),
    lambda: Verbatim(""),
    lambda: Button("deny", "d" * 76, ABOUT),
    lambda: Buttons(()),
    lambda: Buttons((APPROVE,) * 26),
    lambda: Confirm("t" * 101, "x", "y", "n"),
    lambda: Confirm("t", "x" * 301, "y", "n"),
    lambda: Confirm("t", "x", "y" * 31, "n"),
    lambda: Confirm("t", "x", "y", "n" * 31),
    lambda: Entry("e" * 3_001, "m"),
    lambda: Entry("e", "m" * 2_001),
    lambda: Field("reason", "l" * 2_001, "h"),
    lambda: as_json([Rule()] * 51, None),
    lambda: as_json([], None),
]


def test_what_fits_slack_takes() -> None:
    assert message_problems("x", as_json(FULL, Sent("hmac-sha256:00"))) == []
    assert view_problems(_modal(Field("reason", "Reason", "Why?"))) == []


def _modal(*blocks: Block) -> dict[str, object]:
    title = {"type": "plain_text", "text": "t"}
    return {"type": "modal", "title": title, "submit": title, "blocks": as_json(blocks, None)}


@pytest.mark.parametrize("make", TOO_MUCH)
def test_what_does_not_fit_is_refused_when_it_is_made(make: Callable[[], object]) -> None:
    with pytest.raises(DoesNotFit):
        make()


def test_a_button_carries_its_request_only_when_sent() -> None:
    bare, sent = APPROVE.as_json(), APPROVE.as_json(Sent("hmac-sha256:00"))
    assert "value" not in bare
    assert "confirm" not in bare
    assert REQUEST in sent["value"]
    assert "hmac-sha256:00" in sent["value"]
    assert sent["confirm"]["text"]["emoji"] is False


def test_times_are_the_readers_own_and_utc_where_slack_cannot_say_them() -> None:
    late = datetime(9999, 1, 1, tzinfo=UTC)
    assert date(NOON) == "<!date^1795521600^{date_short_pretty} at {time}|2026-11-24 12:00 UTC>"
    assert date(late) == "9999-01-01 00:00 UTC"
    assert line(late).as_json()["elements"] == [{"type": "text", "text": "9999-01-01 00:00 UTC"}]
    assert line(NOON).as_json()["elements"][0]["fallback"] == "2026-11-24 12:00 UTC"


def test_a_long_block_is_parted_and_loses_nothing() -> None:
    whole = Prose((line("x" * 9_000), Bullets(tuple(line(f"number {n}") for n in range(900))), Verbatim("end")))
    parts = list(portions(whole, 3_000))
    assert max(length(part.as_json()) for part in parts) <= 3_000
    assert length([part.as_json() for part in parts]) == length(whole.as_json())
    said = readable([part.as_json() for part in parts])
    assert [f"• number {n}" for n in range(900)] == [row for row in said.split("\n") if row.startswith("•")]
    assert list(portions(Rule(), 10)) == [Rule()]
