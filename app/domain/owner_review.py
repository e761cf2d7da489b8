"""The periodic review of a bot by its owners: how often, how long they have, and where one stands. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""What Temporal's intervals are counted from."""

SHORTEST, LONGEST = timedelta(days=1), timedelta(days=366)
"""What ``every`` may be: more often nobody looks closely, and what is looked at less than yearly is not looked at."""


@dataclass(frozen=True, slots=True)
class Terms:
    """``every`` so often one is opened, ``within`` so long the owners have, then others as well for ``lapse_after``."""

    every: timedelta = timedelta(days=90)
    within: timedelta = timedelta(days=14)
    lapse_after: timedelta = timedelta(days=7)

    def looser(self, before: Terms) -> bool:
        """True when somebody looks less often than before, or has longer."""
        return (
            self.every > before.every
            or self.within + self.lapse_after > before.within + before.lapse_after
            or self.within > before.within
        )


class Standing(StrEnum):
    """Where a review stands. `OPEN` and `ESCALATED` wait for the clock; `LAPSED` waits for people alone."""

    OPEN = "open"
    ESCALATED = "escalated"
    LAPSED = "lapsed"
    DONE = "done"
    GONE = "gone"
    """Of a bot that is no more."""


def phase(anchor: datetime, every: timedelta) -> timedelta:
    """How far after the multiples of ``every`` since 1970 an interval runs that begins at the anchor."""
    return (anchor - EPOCH) % every
