"""Time as the domain writes it: RFC 3339 in UTC, durations as the governance files spell them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"([0-9]{1,12})(ms|s|m|h|d)")


def duration(text: str) -> timedelta:
    """``"30m"`` to a timedelta; digits and one of ms, s, m, h, d. Raises ValueError for anything else."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration: digits and one of ms, s, m, h, d, as in 30m")
    try:
        return timedelta(milliseconds=int(match[1]) * _UNITS[match[2]])
    except OverflowError:
        raise ValueError(f"{text!r} is not between 0ms and {timedelta.max.days}d") from None


def rfc3339(moment: datetime) -> str:
    """A moment as RFC 3339 in UTC with microseconds and ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """The inverse of `rfc3339`. Raises ValueError for what has no offset from UTC, or is no moment at all."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text!r} does not say how far it is from UTC")
    return found


def milliseconds(span: timedelta) -> int:
    """A span as whole milliseconds."""
    return span // timedelta(milliseconds=1)
