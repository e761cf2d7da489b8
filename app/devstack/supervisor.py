"""Keeping parts alive: what dies is started again, on the same port and data."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from tenacity import AsyncRetrying, before_sleep_log, retry_if_exception_type, wait_exponential

from app.devstack.errors import StackError
from app.devstack.process import Child

_log = logging.getLogger(__name__)
_MOST_SECONDS_BETWEEN_STARTS = 4


@dataclass(frozen=True, slots=True)
class Part:
    """``launch`` starts the part and returns once it answers; ``stop`` ends it, however far it has come."""

    name: str
    launch: Callable[[], Awaitable[Child]]
    stop: Callable[[], Awaitable[None]]


class Supervisor:
    """Parts that run, in the order in which they were started."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[Part, Child]] = {}

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by part."""
        return {name: child.pid for name, (_, child) in self._running.items()}

    async def start(self, part: Part) -> None:
        """Start ``part`` and wait until it answers. Raises `StackError` if it does not."""
        self._running[part.name] = (part, await part.launch())
        _log.info("%s runs, process %d", part.name, self.pids[part.name])

    async def keep(self, changed: Callable[[], None]) -> None:
        """Start again whatever dies, and call ``changed`` each time one answers again. Ends only by cancellation."""
        await together(*(self._keep(part, changed) for part, _ in self._running.values()))

    async def stop(self, order: Sequence[str]) -> None:
        """End the parts that run, in that order."""
        for name in order:
            if name in self._running:
                part, _ = self._running.pop(name)
                await part.stop()
                _log.info("%s has stopped", name)

    async def _keep(self, part: Part, changed: Callable[[], None]) -> None:
        while True:
            _, child = self._running[part.name]
            status = await child.exited()
            _log.warning("%s (process %d) ended with status %d: starting it again", part.name, child.pid, status)
            await self._start_again(part)
            changed()

    async def _start_again(self, part: Part) -> None:
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(StackError),
            wait=wait_exponential(multiplier=0.2, max=_MOST_SECONDS_BETWEEN_STARTS),
            before_sleep=before_sleep_log(_log, logging.WARNING),
        )
        await retrying(self.start, part)


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Run all at once; when one fails, or we are cancelled, none goes on. Raises the first failure as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
