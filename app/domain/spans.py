"""How long a stage may take: elapsed time, or business time by the calendar of its group; and when that is over.

Whoever opens a stage hands in `EndOf`, the port to the calendars (`app.governance.calendars`): which day is a working
day is nothing that the domain can know. The moments that come of it are kept with the stage and never worked out again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.clocks import duration, milliseconds

UNITS = ("minutes", "hours", "days")
DAY_WITHOUT_CALENDAR = timedelta(hours=8)

_BUSINESS = re.compile(r"([1-9][0-9]{0,4}) business (minute|hour|day)s?")


@dataclass(frozen=True, slots=True)
class BusinessSpan:
    """So much business time; a business day is the opening hours of one working day. ``unit``: one of `UNITS`."""

    count: int
    unit: str

    def __str__(self) -> str:
        """As the governance files spell it."""
        return f"{self.count} business {self.unit if self.count != 1 else self.unit.removesuffix('s')}"

    @property
    def clock(self) -> timedelta | None:
        """How much open time it is; None for days, whose length is the calendar's."""
        return None if self.unit == "days" else timedelta(**{self.unit: self.count})


Span = timedelta | BusinessSpan

EndOf = Callable[[str, datetime, BusinessSpan], datetime]
"""Group, the moment when a span begins, and the span to the moment when it is over by that group's calendar."""


def span(text: str) -> Span:
    """``"30m"`` or ``"4 business hours"`` as a span. Raises ValueError for anything else."""
    match = _BUSINESS.fullmatch(text)
    if match is not None:
        return BusinessSpan(int(match[1]), f"{match[2]}s")
    try:
        return duration(text)
    except ValueError as error:
        raise ValueError(f"{error}; or as in 4 business hours: 1 to 99999 business minutes, hours or days") from None


def span_text(one: Span) -> str:
    """The inverse of `span`."""
    return f"{milliseconds(one)}ms" if isinstance(one, timedelta) else str(one)


def comparable(one: Span, other: Span) -> bool:
    """Whether one is longer than the other on whichever day and by whichever calendar they begin."""
    return _kind(one) == _kind(other)


def longer(one: Span, other: Span) -> bool:
    """True when ``one`` takes longer than ``other``; of spans that are `comparable`."""
    return _order(one)[:2] > _order(other)[:2]


def _kind(one: Span) -> int:
    if isinstance(one, timedelta):
        return 0
    return 1 if one.unit != "days" else 2


def _order(one: Span) -> tuple[int, timedelta, str]:
    if isinstance(one, timedelta):
        return 0, one, ""
    return _kind(one), one.clock or timedelta(days=one.count), one.unit


def united(spans: Iterable[Span]) -> tuple[Span, ...]:
    """All of them, each once: elapsed time first, then business time, the shorter first."""
    return tuple(sorted(set(spans), key=_order))


def by_the_wall(_group: str, begins: datetime, one: BusinessSpan) -> datetime:
    """The end of a span where there is no calendar (any more): as if it were always open, so rather early than late."""
    return begins + (one.clock or one.count * DAY_WITHOUT_CALENDAR)


def over(one: Span, group: str, begins: datetime, end_of: EndOf) -> datetime:
    """When a span that begins then is over."""
    return begins + one if isinstance(one, timedelta) else end_of(group, begins, one)


def closing(spans: Iterable[Span], group: str, begins: datetime, end_of: EndOf) -> datetime | None:
    """When the first of them is over; None when there is none."""
    return min((over(one, group, begins, end_of) for one in spans), default=None)


def reminders(
    spans: Iterable[Span], group: str, begins: datetime, closes_at: datetime | None, end_of: EndOf
) -> tuple[datetime, ...]:
    """When people are reminded, in order; what would come when the stage is over does not come."""
    moments = {over(one, group, begins, end_of) for one in spans}
    return tuple(sorted(at for at in moments if closes_at is None or at < closes_at))


def business(spans: Iterable[Span]) -> tuple[BusinessSpan, ...]:
    """Those that are of business time."""
    return tuple(one for one in spans if isinstance(one, BusinessSpan))
