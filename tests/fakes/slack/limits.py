"""Slack's rate limits as token buckets."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tests.fakes.slack.state import Clock


@dataclass(frozen=True, slots=True)
class Limit:
    """`burst` calls at once, then `per_second`; counted for each channel or for the workspace."""

    per_second: float
    burst: float
    per_channel: bool = False


TIER_3, TIER_4 = Limit(50 / 60, 50), Limit(100 / 60, 100)


class Limits:
    """The buckets. `rate` multiplies how fast they fill; None: no limits. `refused` counts the 429 answers given."""

    def __init__(self, clock: Clock, rate: float | None, burst: int = 3) -> None:
        self._clock, self.rate, self.refused = clock, rate, 0
        self._left: dict[tuple[str, str], tuple[float, float]] = {}
        self.limits: dict[str, Limit] = {
            "chat.postMessage": Limit(1, burst, per_channel=True),
            "chat.update": TIER_3,
            "chat.postEphemeral": TIER_4,
            "conversations.history": TIER_3,
            "conversations.replies": TIER_3,
            "conversations.open": TIER_3,
            "users.lookupByEmail": TIER_3,
            "users.info": TIER_4,
            "views.open": TIER_4,
            "views.update": TIER_4,
            "views.publish": TIER_4,
        }

    def wait(self, method: str, channel: str) -> int | None:
        """Takes a token: None; or, without one, the whole seconds after which to try again."""
        limit = self.limits.get(method)
        if self.rate is None or limit is None:
            return None
        bucket, speed, now = (
            (method, channel if limit.per_channel else ""),
            limit.per_second * self.rate,
            self._clock.now(),
        )
        tokens, at = self._left.get(bucket, (limit.burst, now))
        tokens = min(limit.burst, tokens + (now - at) * speed)
        self._left[bucket] = (tokens - 1 if tokens >= 1 else tokens, now)
        return None if tokens >= 1 else max(1, math.ceil((1 - tokens) / speed))
