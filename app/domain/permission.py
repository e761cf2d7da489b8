"""A standing permission: what a bot may do without being held, so often and so much, until it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

LONGEST = timedelta(days=30)
"""Each has an end, and it is never further away than this when it is asked for."""


@dataclass(frozen=True, slots=True)
class Permission:
    """As it stands. ``parameter``, ``at_most``: what all uses may add up to; None: nothing is added up."""

    bot: str
    action: str
    action_version: str
    when: str
    max_uses: int
    uses: int
    parameter: str | None
    at_most: int | None
    total: int
    expires_at: datetime
    revoked_at: datetime | None

    def live(self, now: datetime) -> bool:
        """True while it has not ended."""
        return self.revoked_at is None and now < self.expires_at

    def room(self, parameters: Mapping[str, Any]) -> bool:
        """True when one more use, by these parameters, is within what it allows."""
        if self.uses >= self.max_uses:
            return False
        if self.parameter is None or self.at_most is None:
            return True
        takes = amount(self.parameter, parameters)
        return takes is not None and self.total + takes <= self.at_most


def amount(parameter: str, parameters: Mapping[str, Any]) -> int | None:
    """What a use adds to the total; None when it says nothing, no whole number, or one below nothing."""
    value = parameters.get(parameter)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1 or value < 0:
        return None
    return int(value)
