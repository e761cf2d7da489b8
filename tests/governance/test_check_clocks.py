"""What `policy check` finds of reminders, of where people are asked, and of business time and calendars."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from app.domain.spans import BusinessSpan
from app.governance.calendars import Calendar
from app.governance.check import check
from tests.governance.small import policy, write

LEADS = "{name: leads, members: [dana, olivia], slack_channel: C0LEADS}"
CALENDAR = "calendar: {time_zone: Europe/Vienna}"
STAGE = "group: leads, within: 1h"
WHERE = "rules.yaml: plans[lead].stages[0]"
GROUP = "people.yaml: groups[leads].calendar"


def with_calendar(calendar: str) -> tuple[str, str]:
    return LEADS, LEADS.replace("}", f", {calendar}}}")


@pytest.mark.parametrize(
    ("more", "where", "what"),
    [
        ("remind: [20m, 10m]", ".remind[1]", "10m is not longer than those before it"),
        ("remind: [10m, 10m]", ".remind[1]", "10m is not longer than those before it"),
        ("remind: [10m, 600s]", ".remind[1]", "600s is not longer than those before it"),
        ("remind: [10m, 1 business hour, 5m]", ".remind[2]", "5m is not longer"),
        ("remind: [1 business hour, 60 business minutes]", ".remind[1]", "60 business minutes is not longer"),
        ("remind: [10m, 1h]", ".remind[1]", "1h is not before the stage is over, after 1h"),
        ("remind: [2h]", ".remind[0]", "2h is not before the stage is over, after 1h"),
        ("remind: [0m]", ".remind[0]", "is not between"),
        ("remind: 10m", ".remind", "valid array"),
        ("remind: [10]", ".remind[0]", "valid string"),
        ("remind: [soon]", ".remind[0]", "is not a duration"),
        ("remind: [1m, 2m, 3m, 4m, 5m, 6m, 7m, 8m, 9m, 10m, 11m]", ".remind", "at most 10"),
        ("notify: everybody", ".notify", "must be 'channel' or 'direct'"),
    ],
)
def test_reminders_in_order_and_in_time(tmp_path: Path, more: str, where: str, what: str) -> None:
    findings = check(write(tmp_path, (STAGE, f"{STAGE}, {more}"), with_calendar(CALENDAR)))
    assert [(one.where, what in one.what) for one in findings] == [(WHERE + where, True)], findings


@pytest.mark.parametrize("more", ["remind: [10m, 20m]", "remind: [1 business hour, 20m, 1 business day]", "remind: []"])
def test_reminders_that_are_in_order(tmp_path: Path, more: str) -> None:
    assert check(write(tmp_path, (STAGE, f"{STAGE}, {more}"), with_calendar(CALENDAR))) == []


@pytest.mark.parametrize(
    ("clock", "where", "said"),
    [
        ("within: 4 business hours", "within", "4 business hours"),
        ("within: 1h, remind: [1 business minute]", "remind[0]", "1 business minute"),
    ],
)
def test_business_time_needs_a_calendar_of_the_group(tmp_path: Path, clock: str, where: str, said: str) -> None:
    findings = check(write(tmp_path, ("within: 1h", clock)))
    assert [(one.where, one.what) for one in findings] == [
        (f"{WHERE}.{where}", f"{said} needs a calendar, and the group leads has none")
    ]
    assert check(write(tmp_path, ("within: 1h", clock), with_calendar(CALENDAR))) == []


@pytest.mark.parametrize(
    ("calendar", "where", "what"),
    [
        ("time_zone: Europe/Wien", ".time_zone", "'Europe/Wien' is unknown"),
        ("time_zone: ../etc/passwd", ".time_zone", "is unknown"),
        ("hours: '09:00-17:00'", ".time_zone", "is missing"),
        ("time_zone: UTC, hours: '17:00-09:00'", ".hours", "does not open before it closes"),
        ("time_zone: UTC, hours: '09:00-09:00'", ".hours", "does not open before it closes"),
        ("time_zone: UTC, hours: '9-17'", ".hours", "does not match"),
        ("time_zone: UTC, hours: '09:00-25:00'", ".hours", "does not match"),
        ("time_zone: UTC, hours: '09:00-24:30'", ".hours", "does not match"),
        ("time_zone: UTC, days: []", ".days", "at least 1 item"),
        ("time_zone: UTC, days: [monday]", ".days[0]", "must be 'mon'"),
        ("time_zone: UTC, holidays: {country: XX}", ".holidays", "of the country XX are not known"),
        ("time_zone: UTC, holidays: {country: AUT}", ".holidays.country", "does not match"),
        ("time_zone: UTC, holidays: {country: AT, subdivision: '10'}", ".holidays", "AT has no part 10: 1, 2, 3"),
        ("time_zone: UTC, holidays: {country: AT, subdivision: 9}", ".holidays.subdivision", "valid string"),
        ("time_zone: UTC, closed: ['2026-02-30']", ".closed[0]", "2026-02-30 is no day of the calendar"),
        ("time_zone: UTC, closed: [xmas]", ".closed[0]", "does not match"),
        ("time_zone: UTC, holiday: {}", ".holiday", "unknown key"),
    ],
)
def test_a_calendar_names_what_there_is(tmp_path: Path, calendar: str, where: str, what: str) -> None:
    findings = check(write(tmp_path, with_calendar(f"calendar: {{{calendar}}}")))
    assert [(one.where, what in one.what) for one in findings] == [(GROUP + where, True)], findings


def test_a_calendar_without_more_is_open_from_nine_to_five_on_weekdays(tmp_path: Path) -> None:
    group = policy(tmp_path, with_calendar(CALENDAR)).groups["leads"]
    assert group.calendar == Calendar("Europe/Vienna", timedelta(hours=9), timedelta(hours=17), frozenset(range(5)))


def test_a_whole_calendar(tmp_path: Path) -> None:
    whole = (
        'time_zone: Asia/Dubai, hours: "08:30-24:00", days: [sun, mon], '
        'holidays: {country: AT, subdivision: "9"}, closed: [2026-12-24]'
    )
    group = policy(tmp_path, with_calendar(f"calendar: {{{whole}}}")).groups["leads"]
    assert group.calendar == Calendar(
        "Asia/Dubai",
        timedelta(hours=8, minutes=30),
        timedelta(hours=24),
        frozenset({0, 6}),
        "AT",
        "9",
        frozenset({date(2026, 12, 24)}),
    )


def test_a_stage_is_compiled_with_its_clocks(tmp_path: Path) -> None:
    clock = "within: 4 business hours, remind: [1 business day, 10m], notify: direct"
    stage = policy(tmp_path, ("within: 1h", clock), with_calendar(CALENDAR)).plan("lead").stages[0]
    assert (stage.within, stage.within_business) == (None, (BusinessSpan(4, "hours"),))
    assert stage.remind == (timedelta(minutes=10), BusinessSpan(1, "days"))
    assert stage.direct
    assert not policy(tmp_path).plan("lead").stages[0].direct
