"""Windows counted in memory, over asks that come in their order: what the database counts at admission."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.governance.catalogue import Window, covers
from app.governance.policy import Policy

Key = tuple[str | None, ...]


@dataclass(slots=True)
class _Figure:
    """One rolling figure: what it holds of whom, oldest first, and their sum."""

    held: deque[tuple[datetime, int]] = field(default_factory=deque)
    sum: int = 0

    def add(self, at: datetime, value: int) -> None:
        self.held.append((at, value))
        self.sum += value

    def since(self, moment: datetime) -> int:
        while self.held and self.held[0][0] <= moment:
            self.sum -= self.held.popleft()[1]
        return self.sum


class Rolling:
    """The windows of one policy. Moments must not go back."""

    def __init__(self, policy: Policy) -> None:
        """Nothing has been asked for yet."""
        self._policy = policy
        self._figures: dict[tuple[str, Key], _Figure] = defaultdict(_Figure)

    def figure(self, window: Window, action: str, bot: str, on_behalf_of: str | None, at: datetime) -> int:
        """What a window comes to for such an ask, before it."""
        return self._figures[window.name, _key(window, action, bot, on_behalf_of)].since(at - window.over)

    def add(self, action: str, parameters: Mapping[str, Any], bot: str, on_behalf_of: str | None, at: datetime) -> None:
        """An ask that counts."""
        if action not in self._policy.actions:
            return
        for window in self._policy.all_windows:
            if covers(window.action, action):
                value = 1 if window.sum is None else _amount(parameters.get(window.sum))
                self._figures[window.name, _key(window, action, bot, on_behalf_of)].add(at, value)


def _key(window: Window, action: str, bot: str, on_behalf_of: str | None) -> Key:
    of = {"bot": bot, "on_behalf_of": on_behalf_of, "action": action}
    return tuple(of[dimension] for dimension in sorted(window.per))


def _amount(value: Any) -> int:
    """An integer of the parameters; what is less than nothing, or none, adds nothing."""
    return max(int(value), 0) if isinstance(value, int | float) and not isinstance(value, bool) else 0
