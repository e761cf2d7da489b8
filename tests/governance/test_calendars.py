"""Business time: over nights, weekends, holidays and both changes of the clocks; and what holds for every calendar."""

from __future__ import annotations

import logging
import zoneinfo
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.spans import BusinessSpan, by_the_wall, span
from app.governance.calendars import LONGEST, Calendar
from tests.governance.small import policy

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
VIENNA = Calendar("Europe/Vienna", country="AT", subdivision="9", closed=frozenset({date(2026, 12, 24)}))
NIGHTS = replace(VIENNA, opens=timedelta(0), closes=6 * HOUR, days=frozenset({6}), country=None, subdivision=None)


def there(text: str, zone: str = "Europe/Vienna") -> datetime:
    """``2026-11-27 16:00`` on the wall there."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("begins", "clock", "ends"),
    [
        # a weekend
        ("2026-11-27 10:00", "4 business hours", "2026-11-27 14:00"),
        ("2026-11-27 13:00", "4 business hours", "2026-11-27 17:00"),
        ("2026-11-27 16:00", "4 business hours", "2026-11-30 12:00"),
        ("2026-11-28 11:00", "4 business hours", "2026-11-30 13:00"),
        ("2026-11-27 17:00", "1 business minute", "2026-11-30 09:01"),
        ("2026-11-27 08:59", "1 business minute", "2026-11-27 09:01"),
        ("2026-11-27 16:00", "90 business minutes", "2026-11-30 09:30"),
        ("2026-11-27 16:00", "17 business hours", "2026-12-01 17:00"),
        # days: the same time, so many working days on; what begins while it is closed ends with the last one
        ("2026-11-27 16:00", "1 business day", "2026-11-30 16:00"),
        ("2026-11-27 16:00", "2 business days", "2026-12-01 16:00"),
        ("2026-11-27 09:00", "1 business day", "2026-11-27 17:00"),
        ("2026-11-27 17:00", "1 business day", "2026-11-30 17:00"),
        ("2026-11-28 11:00", "2 business days", "2026-12-01 17:00"),
        # holidays: 8 December; 24 December is closed, 25 and 26 are holidays, then a Sunday
        ("2026-12-07 15:00", "4 business hours", "2026-12-09 11:00"),
        ("2026-12-07 15:00", "1 business day", "2026-12-09 15:00"),
        ("2026-12-23 15:00", "4 business hours", "2026-12-28 11:00"),
        ("2026-12-31 15:00", "4 business hours", "2027-01-04 11:00"),
        # the clocks change in the night to Sunday: the days before and after are as long as any
        ("2026-03-27 16:00", "4 business hours", "2026-03-30 12:00"),
        ("2026-10-23 16:00", "4 business hours", "2026-10-27 12:00"),  # 26 October is a holiday too
        ("2026-03-27 16:00", "1 business day", "2026-03-30 16:00"),
    ],
)
def test_a_span_in_vienna(begins: str, clock: str, ends: str) -> None:
    one = span(clock)
    assert isinstance(one, BusinessSpan)
    assert VIENNA.end(there(begins), one) == there(ends)


def test_over_a_change_of_the_clocks_more_or_less_than_the_wall_says_has_passed() -> None:
    spring = VIENNA.end(there("2026-03-27 16:00"), BusinessSpan(4, "hours")) - there("2026-03-27 16:00")
    autumn = VIENNA.end(there("2026-10-23 16:00"), BusinessSpan(4, "hours")) - there("2026-10-23 16:00")
    assert (spring, autumn) == (timedelta(days=2, hours=19), timedelta(days=3, hours=21))


@pytest.mark.parametrize(
    ("begins", "clock", "ends"),
    [
        # on 29 March there are five hours between midnight and six, on 25 October seven
        ("2026-03-28T23:00", "5 business hours", "2026-03-29T04:00"),
        ("2026-03-29T00:30", "1 business hour", "2026-03-29T01:30"),
        ("2026-03-28T23:00", "6 business hours", "2026-04-04T23:00"),
        ("2026-10-24T22:00", "7 business hours", "2026-10-25T05:00"),
        ("2026-10-24T22:00", "6 business hours", "2026-10-25T04:00"),
        ("2026-10-25T00:30", "1 business hour", "2026-10-25T01:30"),  # 02:30 comes twice
        # a day is from where it began to there again, and never beyond closing
        ("2026-10-25T04:30", "1 business day", "2026-11-01T05:00"),
        ("2026-03-29T03:30", "1 business day", "2026-04-05T02:30"),
    ],
)
def test_hours_in_which_the_clocks_change(begins: str, clock: str, ends: str) -> None:
    one = span(clock)
    assert isinstance(one, BusinessSpan)
    begun = datetime.fromisoformat(begins).replace(tzinfo=UTC)
    assert NIGHTS.end(begun, one) == datetime.fromisoformat(ends).replace(tzinfo=UTC)


def test_a_country_that_works_on_some_weekends_does() -> None:
    """In China 11 October 2025, a Saturday, was a working day in return for a holiday."""
    china = Calendar("Asia/Shanghai", country="CN")
    begins = there("2025-10-10 16:00", "Asia/Shanghai")
    assert china.end(begins, BusinessSpan(2, "hours")) == there("2025-10-11 10:00", "Asia/Shanghai")


def test_a_holiday_that_is_kept_in_the_year_before_its_own() -> None:
    """1 January 2028 is a Saturday: in the United States the Friday before is off."""
    begins = there("2027-12-30 16:00", "America/New_York")
    ends = Calendar("America/New_York", country="US").end(begins, BusinessSpan(2, "hours"))
    assert ends == there("2028-01-03 10:00", "America/New_York")


def test_midnight_closes_a_day() -> None:
    late = Calendar("UTC", timedelta(hours=22), timedelta(hours=24))
    assert late.end(there("2026-11-26 23:00", "UTC"), BusinessSpan(2, "hours")) == there("2026-11-27 23:00", "UTC")


def test_no_span_is_without_end() -> None:
    """However few hours there are, and if nobody ever works."""
    begins = there("2026-11-27 16:00")
    rare = replace(VIENNA, closes=VIENNA.opens + MINUTE)
    for unit in ("hours", "days"):
        assert rare.end(begins, BusinessSpan(99999, unit)) == begins + LONGEST


def test_what_the_library_does_not_know_any_more_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    begins = there("2026-12-07 15:00")
    with caplog.at_level(logging.WARNING):
        assert replace(VIENNA, country="XX").end(begins, BusinessSpan(4, "hours")) == there("2026-12-08 11:00")
    assert "are not counted" in caplog.text


def test_time_zones_are_there_also_where_the_system_has_none() -> None:
    zoneinfo.reset_tzpath(to=[])
    try:
        assert ZoneInfo.no_cache("Europe/Vienna").utcoffset(datetime(2026, 7, 1, 12)) == 2 * HOUR  # noqa: DTZ001
    finally:
        zoneinfo.reset_tzpath()


def test_a_policy_counts_by_the_calendar_of_the_group_or_by_the_wall(tmp_path: Path) -> None:
    leads = "{name: leads, members: [dana, olivia], slack_channel: C0LEADS}"
    rules = policy(tmp_path, (leads, leads.replace("}", ", calendar: {time_zone: Europe/Vienna}}")))
    begins, two = there("2026-11-27 16:00"), BusinessSpan(2, "hours")
    assert rules.end_of("leads", begins, two) == there("2026-11-30 10:00")
    for group in ("finance", "nobody", "interlock:resume"):
        assert rules.end_of(group, begins, two) == by_the_wall(group, begins, two) == begins + 2 * HOUR


calendars = st.builds(
    lambda zone, opens, length, days, country, closed: Calendar(
        zone, opens * MINUTE, min(opens + length, 1440) * MINUTE, days, country, None, closed
    ),
    zone=st.sampled_from(
        ["UTC", "Europe/Vienna", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Auckland"]
    ),
    opens=st.integers(0, 1430),
    length=st.integers(10, 1440),
    days=st.frozensets(st.integers(0, 6), min_size=1),
    country=st.sampled_from([None, "AT", "US", "NZ"]),
    closed=st.frozensets(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=3),
)
begun = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
hours = st.builds(BusinessSpan, st.integers(1, 200), st.sampled_from(["minutes", "hours"]))
some_spans = hours | st.builds(BusinessSpan, st.integers(1, 20), st.just("days"))


def open_days(calendar: Calendar, begins: datetime, ends: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Opening hours between two moments by the wall clock alone: an account of its own, without holidays."""
    zone, day = ZoneInfo(calendar.zone), begins.astimezone(ZoneInfo(calendar.zone)).date()
    while day <= ends.astimezone(zone).date():
        opens, closes = (
            (datetime.combine(day, time()) + since).replace(tzinfo=zone).astimezone(UTC)
            for since in (calendar.opens, calendar.closes)
        )
        if day.weekday() in calendar.days and day not in calendar.closed and closes > opens:
            yield opens, closes
        day += timedelta(days=1)


@settings(max_examples=150, deadline=None)
@given(calendars, begun, some_spans)
def test_a_span_ends_in_opening_hours_and_later_than_it_began(
    calendar: Calendar, begins: datetime, one: BusinessSpan
) -> None:
    ends = calendar.end(begins, one)
    assert ends > begins
    if ends < begins + LONGEST:
        assert any(opens < ends <= closes for opens, closes in open_days(calendar, ends - MINUTE, ends))


@settings(max_examples=150, deadline=None)
@given(calendars, begun, st.timedeltas(timedelta(0), timedelta(days=9)), some_spans, st.integers(0, 50))
def test_who_begins_later_or_has_more_time_ends_no_sooner(
    calendar: Calendar, begins: datetime, later: timedelta, one: BusinessSpan, more: int
) -> None:
    assert calendar.end(begins, one) <= calendar.end(begins + later, one)
    assert calendar.end(begins, one) <= calendar.end(begins, replace(one, count=one.count + more))


@settings(max_examples=150, deadline=None)
@given(calendars.map(lambda one: replace(one, country=None)), begun, hours)
def test_the_open_time_until_the_end_is_the_span(calendar: Calendar, begins: datetime, one: BusinessSpan) -> None:
    ends = calendar.end(begins, one)
    if ends < begins + LONGEST:
        windows = open_days(calendar, begins, ends)
        passed = sum((max(timedelta(0), min(b, ends) - max(a, begins)) for a, b in windows), timedelta(0))
        assert passed == one.clock


@settings(max_examples=50, deadline=None)
@given(calendars, begun, hours)
def test_a_holiday_or_a_day_off_never_shortens_a_clock(calendar: Calendar, begins: datetime, one: BusinessSpan) -> None:
    always = replace(calendar, country=None, closed=frozenset())
    assert always.end(begins, one) <= calendar.end(begins, one)
