"""Slack's rates, kept before Slack has to: one post a second in a channel, so many calls a minute in all."""

from __future__ import annotations

import asyncio

PER_CHANNEL = {"chat.postMessage": 1.0}
"""Seconds between two calls in one channel."""

PER_TEAM = {
    "chat.update": 60 / 50,
    "conversations.history": 60 / 50,
    "conversations.replies": 60 / 50,
    "conversations.open": 60 / 50,
}
"""Seconds between two calls of a method, wherever (Web API tier 3: 50 a minute and more)."""


class Pace:
    """When the next call may be made. One process sends at a time, so that nobody else uses up what is left."""

    def __init__(self, rate: float) -> None:
        """``rate``: how many times Slack's own."""
        self._rate = rate
        self._next: dict[tuple[str, str], float] = {}
        self._queues: dict[tuple[str, str], asyncio.Lock] = {}

    async def turn(self, method: str, channel: str) -> float:
        """Wait for this call's turn, in the order of asking; the seconds that it took."""
        now = asyncio.get_running_loop().time
        asked = now()
        for key, span in self._keys(method, channel):
            async with self._queues.setdefault(key, asyncio.Lock()):
                while (left := self._next.get(key, 0.0) - now()) > 0:  # noqa: ASYNC110  it is moved by `hold`
                    await asyncio.sleep(left)
                self._next[key] = now() + span / self._rate
        return now() - asked

    def hold(self, method: str, channel: str, seconds: float) -> None:
        """Slack has asked for a pause of these calls; it holds for those who wait already, too."""
        until = asyncio.get_running_loop().time() + seconds
        for key, _ in self._keys(method, channel):
            self._next[key] = max(until, self._next.get(key, 0.0))

    def _keys(self, method: str, channel: str) -> list[tuple[tuple[str, str], float]]:
        found = []
        if method in PER_CHANNEL:
            found.append(((method, channel), PER_CHANNEL[method]))
        if method in PER_TEAM:
            found.append(((method, ""), PER_TEAM[method]))
        return found
