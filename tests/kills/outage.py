"""Callers at work while a server dies: admissions, decisions and executions under way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tests.kills.callers import Callers, View
from tests.kills.place import Place

ADMISSIONS = DECISIONS = 20


@dataclass(frozen=True, slots=True)
class Load:
    """``calls``: admissions and decisions that nobody may have answered yet; ``executing``: their calls are out."""

    here: Place
    callers: Callers
    calls: Sequence[asyncio.Task[View]]
    executing: Sequence[View]

    def __str__(self) -> str:
        return f"{ADMISSIONS} admissions, {DECISIONS} decisions, {len(self.executing)} executions"

    def release(self) -> None:
        """The target answers what it was asked to execute."""
        for shown in self.executing:
            self.here.desk.release(self.callers.ids[shown["id"]])

    async def answered(self) -> None:
        """Wait until every caller has been."""
        await asyncio.gather(*self.calls)


async def load(here: Place, callers: Callers) -> Load:
    """Six executions at their target, then 20 admissions and 20 decisions, some of them answered."""
    held = await asyncio.gather(*(callers.ask("do.long-once") for _ in range(DECISIONS)))
    executing = [await callers.ask(action) for action in ("do.long", "do.long-once") * 3]
    for shown in executing:
        here.desk.script(callers.ids[shown["id"]], 0)
    await asyncio.gather(*(callers.approve(shown) for shown in executing))
    for shown in executing:
        await here.desk.called(callers.ids[shown["id"]])
    calls = [
        *(asyncio.create_task(callers.approve(shown)) for shown in held),
        *(asyncio.create_task(callers.ask("do.long")) for _ in range(ADMISSIONS)),
    ]
    await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    return Load(here, callers, calls, executing)
