"""Periods of oversight reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.oversight import Period, digests, last_month, month, period


def day(year: int, of_month: int, number: int = 1) -> datetime:
    return datetime(year, of_month, number, tzinfo=UTC)


def test_a_month() -> None:
    assert month("2026-10") == Period(day(2026, 10), day(2026, 11))
    assert month("2026-12") == Period(day(2026, 12), day(2027, 1))
    assert month("2028-02").until - month("2028-02").since == timedelta(days=29)


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "2026-1", "26-10", "0000-01", "9999-12", "2026-10-01", "", "x"])
def test_what_is_no_month(text: str) -> None:
    with pytest.raises(ValueError, match="is not a month"):
        month(text)


def test_days_and_moments() -> None:
    assert period("2026-10-01", "2026-11-01") == month("2026-10")
    assert period("2026-10-01T02:00:00+02:00", "2026-11-01t00:00:00z") == month("2026-10")


@given(now=st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(8000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_the_last_month_is_over_and_a_whole_one(now: datetime) -> None:
    found = last_month(now)
    assert found == month(f"{found.since:%Y-%m}")
    assert found.over(now)
    assert now - found.until < timedelta(days=31)


def test_it_is_over_at_its_end() -> None:
    found = month("2026-10")
    assert found.over(found.until)
    assert not found.over(found.until - timedelta(microseconds=1))


def test_the_figures_have_a_digest_of_their_own() -> None:
    one = {"v": 1, "figures": {"head": {}}, "evidence": {}}
    other = {**one, "evidence": {"violations/0": {}}}
    assert digests(one).figures == digests(other).figures
    assert digests(one).report != digests(other).report
