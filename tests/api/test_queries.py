"""The grammar of queries, paths and headers."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from app.api.bodies import uuid_text
from app.api.envelope import trace_id
from app.api.queries import BOT, bot_in_path, id_in_path, seconds, statuses
from app.domain.errors import NotFound
from app.governance import models

UUID = "9f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("30s", 30), ("500ms", 0.5), ("1m", 30), ("0s", 0), ("1.5s", 1.5), ("1s500ms", 1.5), ("9999h", 30), ("1us", 1e-6)],
)
def test_durations(text: str, wanted: float) -> None:
    assert seconds(text) == pytest.approx(wanted)


@pytest.mark.parametrize("text", ["", "30", "s", "-1s", "+1s", " 1s", "1s ", "1 s", "1e3s", "1d", "٣s", "1.s", ".5s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        seconds(text)


def test_statuses() -> None:
    assert statuses("held,unknown") == ("held", "unknown")
    for text in ("", "held,", "HELD", "held, approved", "open"):
        with pytest.raises(ValueError, match="not a status"):
            statuses(text)


def test_a_uuid_has_one_spelling() -> None:
    assert uuid_text(UUID.upper()) == UUID
    assert str(id_in_path("There is no such request.")(UUID)) == UUID


@pytest.mark.parametrize(
    "text", ["", "1", UUID.replace("-", ""), f"{{{UUID}}}", f"urn:uuid:{UUID}", UUID + "0", "x" * 36]
)
def test_what_is_no_uuid(text: str) -> None:
    with pytest.raises(NotFound):
        id_in_path("There is no such request.")(text)


def test_traceparent() -> None:
    assert trace_id(f"00-{TRACE}-{SPAN}-01") == TRACE
    assert trace_id(f"cc-{TRACE}-{SPAN}-01-later") == TRACE


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01\n",
    ],
)
def test_what_is_no_traceparent(text: str | None) -> None:
    assert trace_id(text) is None


def test_a_bot_is_called_what_the_files_may_call_it() -> None:
    for text in ("b", "support-bot", "a.b_c-9", "b" * 100):
        assert bot_in_path(text) == text
    named = TypeAdapter(models.Id)
    for text in ("", "Bot", "9bot", "bot/x", "bot\n", "b" * 101, "b\u00f6t", "-", "bot "):
        with pytest.raises(NotFound):
            bot_in_path(text)
        with pytest.raises(ValidationError):
            named.validate_python(text)
    assert TypeAdapter(models.Id).json_schema() == {
        "type": "string",
        "pattern": BOT.replace("{0,99}", "*"),
        "maxLength": 100,
    }
