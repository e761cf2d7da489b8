"""Long polls: they end when the process does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from app.api.door import Door


async def unless_stopping(behind: Door, waiting: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any] | None:
    """The answer of a long poll; None when the process stops first."""
    poll, stop = asyncio.ensure_future(waiting), asyncio.ensure_future(behind.stopping.wait())
    try:
        await asyncio.wait({poll, stop}, return_when=asyncio.FIRST_COMPLETED)
        return poll.result() if poll.done() else None
    finally:
        for task in (poll, stop):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await stop
