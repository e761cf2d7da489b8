"""Bad days of Slack and of the network, at random or as ordered."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Literal, get_args

Kind = Literal[
    "429",
    "500",
    "500 after commit",
    "timeout before commit",
    "timeout after commit",
    "disconnect before commit",
    "disconnect after commit",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(slots=True)
class Failing:
    """A `share` of all Web API calls (or of `methods`) fails in one of `kinds`; the same `seed`, the same order."""

    share: float
    kinds: tuple[Kind, ...] = KINDS
    seed: int = 0
    methods: tuple[str, ...] = ()
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311  # reproducible, not secret

    def kind(self, method: str) -> Kind | None:
        """How this call fails, if it does."""
        if self.methods and method not in self.methods:
            return None
        return self._random.choice(self.kinds) if self._random.random() < self.share else None


class Ordered:
    """Failures that a test has ordered for the next calls of a method."""

    def __init__(self) -> None:
        self._coming: list[tuple[str, Kind]] = []

    def order(self, method: str, kind: Kind, times: int = 1) -> None:
        """The next `times` calls of `method` fail so; behind what is ordered already. Raises `ValueError`."""
        if kind not in KINDS:
            raise ValueError(f"there is no failure {kind!r}")
        self._coming += [(method, kind)] * times

    def take(self, method: str) -> Kind | None:
        """The failure that is due for this call."""
        for index, (whose, kind) in enumerate(self._coming):
            if whose == method:
                del self._coming[index]
                return kind
        return None

    def clear(self) -> None:
        """Forgets what is still to come."""
        self._coming.clear()
