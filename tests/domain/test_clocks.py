"""Durations as the governance files spell them, and moments as the ledger does."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.clocks import duration, milliseconds, moment, rfc3339
from tests.domain.strategies import moments

GRAMMAR = re.compile(r"[0-9]{1,12}(ms|s|m|h|d)")


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("0s", timedelta(0)),
        ("250ms", timedelta(milliseconds=250)),
        ("45s", timedelta(seconds=45)),
        ("30m", timedelta(minutes=30)),
        ("007h", timedelta(hours=7)),
        ("72h", timedelta(days=3)),
        ("365d", timedelta(days=365)),
        ("999999999d", timedelta(days=999_999_999)),
    ],
)
def test_a_duration(text: str, span: timedelta) -> None:
    assert duration(text) == span


@pytest.mark.parametrize(
    "text",
    [
        *("", "30", "m", "30 m", " 30m", "30m ", "30m\n", "-30m", "+30m", "1.5h", "1h30m", "30M", "30min", "1e3s"),
        *("\u0663m", "\uff13m", "1_000s", "PT30M", "1w", "0x1m", "1234567890123ms"),
    ],
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        duration(text)


@pytest.mark.parametrize("text", ["1000000000d", "999999999999d", "999999999999h"])
def test_longer_than_a_clock_can_run(text: str) -> None:
    with pytest.raises(ValueError, match="is not between 0ms and 999999999d"):
        duration(text)


@given(st.text("0123456789mshd\u0663 \n-", max_size=14) | st.from_regex(GRAMMAR, fullmatch=True))
def test_only_the_grammar_passes_and_nothing_but_value_error_comes_out(text: str) -> None:
    try:
        span = duration(text)
    except ValueError:
        too_long = GRAMMAR.fullmatch(text) is not None and text[-1] in "dh"
        assert too_long or GRAMMAR.fullmatch(text) is None
    else:
        assert GRAMMAR.fullmatch(text)
        assert span >= timedelta(0)


@given(st.integers(0, 10**12 - 1))
def test_milliseconds_undo_a_duration(count: int) -> None:
    assert milliseconds(duration(f"{count}ms")) == count


def test_milliseconds_are_whole() -> None:
    assert milliseconds(timedelta(microseconds=1999)) == 1


def test_a_moment_is_written_in_utc_to_the_microsecond() -> None:
    vienna = datetime(2026, 7, 1, 14, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    assert rfc3339(vienna) == "2026-07-01T12:00:00.000005Z"
    assert rfc3339(datetime(2026, 1, 2, tzinfo=UTC)) == "2026-01-02T00:00:00.000000Z"


@given(moments, st.integers(-14 * 60, 14 * 60))
def test_a_moment_comes_back_whatever_its_zone(at: datetime, minutes: int) -> None:
    written = rfc3339(at.astimezone(timezone(timedelta(minutes=minutes))))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", written)
    assert moment(written) == at
    assert moment(written).utcoffset() == timedelta(0)


@given(moments, moments)
def test_text_orders_as_time_does(one: datetime, other: datetime) -> None:
    assert (rfc3339(one) < rfc3339(other)) is (one < other)
