"""Business calendars of groups: when a span of business time is over, in the group's own time zone.

Which days are working days the library `holidays` says; which instants that is, zoneinfo (with `tzdata`, for systems
that have no zones of their own). Opening hours are read off the wall clock of each day, and counted in real time: on a
day on which the clocks change within them they are an hour longer or shorter.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from app.domain.spans import BusinessSpan

if TYPE_CHECKING:
    from holidays import HolidayBase

log = logging.getLogger(__name__)

LONGEST = timedelta(days=3660)
"""No clock runs for longer, however few hours a calendar has; no plan lives as long."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a group is at work. ``opens``, ``closes``: since midnight; ``days``: of the week, Monday is 0.

    ``country``, ``subdivision``: whose public holidays it keeps, by ISO 3166; ``closed``: more days off.
    """

    zone: str
    opens: timedelta = timedelta(hours=9)
    closes: timedelta = timedelta(hours=17)
    days: frozenset[int] = frozenset(range(5))
    country: str | None = None
    subdivision: str | None = None
    closed: frozenset[date] = frozenset()

    def end(self, begins: datetime, span: BusinessSpan) -> datetime:
        """When a span that begins then is over: the first moment at which so much open time has passed."""
        clock = span.clock
        end = self._after_days(begins, span.count) if clock is None else self._after_open_time(begins, clock)
        return end or begins + LONGEST

    def _after_open_time(self, begins: datetime, left: timedelta) -> datetime | None:
        for opening, closing in self.windows(begins):
            start = max(opening, begins)
            if closing - start >= left:
                return start + left
            left -= closing - start
        return None

    def _after_days(self, begins: datetime, count: int) -> datetime | None:
        """The same time of day that many working days on; what began outside opening hours ends with the last day."""
        gone: timedelta | None = None
        for number, (opening, closing) in enumerate(self.windows(begins)):
            if number == 0 and opening < begins:
                gone = begins - opening
            if gone is None and number == count - 1:
                return closing
            if gone is not None and number == count:
                return min(opening + gone, closing)
        return None

    def windows(self, begins: datetime) -> Iterator[tuple[datetime, datetime]]:
        """When it is open, from then on, for as long as the longest span: each from opening to closing, in UTC."""
        zone = ZoneInfo(self.zone)
        day, last = begins.astimezone(zone).date(), (begins + LONGEST).astimezone(zone).date()
        while day <= last:
            if day not in _days_off(self, day.year):
                opening, closing = self._instant(zone, day, self.opens), self._instant(zone, day, self.closes)
                if closing > max(opening, begins):
                    yield opening, closing
            day += timedelta(days=1)

    @staticmethod
    def _instant(zone: ZoneInfo, day: date, since_midnight: timedelta) -> datetime:
        wall = datetime.combine(day, time()) + since_midnight
        return wall.replace(tzinfo=zone).astimezone(UTC)


@lru_cache(maxsize=512)
def _days_off(calendar: Calendar, year: int) -> frozenset[date]:
    """The days of a year on which nobody works, as the library has them; it is asked once, for it is not for threads.

    The neighbouring years are read too: a holiday may be kept on a day of the year before or after its own.
    """
    known = _known(calendar, range(max(year - 1, 1), year + 2))
    known.weekend = set(range(7)) - calendar.days
    known.update(dict.fromkeys(calendar.closed, "closed"))
    first = date(year, 1, 1)
    days = (first + timedelta(days=n) for n in range((date(year, 12, 31) - first).days + 1))
    return frozenset(day for day in days if not known.is_working_day(day))


def _known(calendar: Calendar, years: range) -> HolidayBase:
    import holidays  # noqa: PLC0415  0.2 s and 18 MiB: only for who has calendars

    if calendar.country is not None:
        try:
            return holidays.country_holidays(calendar.country, subdiv=calendar.subdivision, years=years)
        except (
            NotImplementedError
        ) as error:  # the library knew them when the policy was installed: rather early than late
            log.warning("holidays of a calendar are not counted: %s", error)
    return holidays.HolidayBase(years=years)


def unknown_holidays(country: str, subdivision: str | None) -> str | None:
    """What is wrong with the names of a country and a part of it; None when their holidays are known."""
    import holidays  # noqa: PLC0415  as above

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            holidays.country_holidays(country, subdiv=subdivision)
    except NotImplementedError:
        parts = holidays.list_supported_countries(include_aliases=True).get(country)
    except Warning as error:
        return str(error)
    else:
        return None
    if parts is None:
        return f"the holidays of the country {country} are not known"
    named = ", ".join(parts) if parts else "none is known"
    return f"{country} has no part {subdivision}: {named}"
