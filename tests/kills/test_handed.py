"""Our worker is killed around what an owner's worker does, or freezes: the attempt's workflow tells what came of it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator

import pytest

from app.temporal import plain
from tests.fakes.owner import Hands, at_work
from tests.kills.callers import Callers
from tests.kills.place import Figure, Place, Since, until
from tests.kills.test_executions import approved, frozen, outcomes


@pytest.fixture(scope="module")
async def hands(here: Place) -> AsyncIterator[Hands]:
    """The customer's worker, which nobody kills."""
    running = here.running
    made = json.loads(await running.command("targets", "credentials", "desk"))
    credentials = (made["client_id"], made["client_secret"])
    async with at_work(plain(running.temporal), "desk-work", running.api_url, credentials, here.desk.url) as made_ready:
        yield made_ready


@pytest.mark.usefixtures("hands")
async def test_around_the_handing_over(here: Place, callers: Callers, figure: Figure) -> None:
    """Before it: it was not handed over and never will be, so it is begun anew, although it may not be repeated.

    After it: what came of it is found. Nothing is unknown, and nothing is done twice.
    """
    since = Since()
    made = {point: await approved(here, callers, "do.handed-once", point) for point in ("before-call", "after-call")}
    found = await here.check(callers)
    figure(f"worker killed before and after it hands an action over: both succeeded, once, after {since}")
    before, after = (found[made[point]["id"]] for point in ("before-call", "after-call"))
    assert (before.status, outcomes(before), len(before.calls)) == ("succeeded", ["not-sent", "succeeded"], 1)
    assert (after.status, outcomes(after), len(after.calls)) == ("succeeded", ["succeeded"], 1)


@pytest.mark.usefixtures("hands")
async def test_while_it_is_done(here: Place, callers: Callers, figure: Figure) -> None:
    """Killed while the customer's worker is at it: that ends in its own time, and what it says is recorded."""
    shown = [await callers.ask("do.handed-slowly") for _ in range(3)]
    for one in shown:
        here.desk.script(callers.ids[one["id"]], 0)
    await asyncio.gather(*(callers.approve(one) for one in shown))
    for one in shown:
        await here.desk.called(callers.ids[one["id"]])
    worker, since = here.running.signal("worker", signal.SIGKILL), Since()
    await here.running.replaced("worker", worker)
    for one in shown:
        here.desk.release(callers.ids[one["id"]])
    found = await here.check(callers)
    figure(f"worker killed while three actions run at their owner's: all three succeeded, once, after {since}")
    assert {(record.status, *outcomes(record), len(record.calls)) for record in found.values()} == {
        ("succeeded", "succeeded", 1)
    }


@pytest.mark.usefixtures("hands")
async def test_frozen_before_it_hands_over(here: Place, callers: Callers, figure: Figure) -> None:
    """Another begins it anew; the one that wakes may hand over what it will, the handle gives nothing any more."""
    shown = await callers.ask("do.handed-once")
    worker = here.running.pid("worker")
    here.running.lay_fuse("before-call", shown["id"], "freeze")
    try:
        await callers.approve(shown)
        await frozen(here, worker)
        since = Since()
        async with here.second_worker():
            await here.closed(callers.ids)
            taken_over = str(since)
            os.kill(worker, signal.SIGCONT)

            async def told() -> None:
                [record] = (await here.records(callers.ids)).values()
                assert here.running.pid("worker") == worker
                assert outcomes(record) == ["not-sent", "succeeded"]

            await until(told)
            await here.passed(2)  # for what the one that wakes might still do
            found = await here.check(callers)
    finally:
        os.kill(worker, signal.SIGCONT)
    record = found[shown["id"]]
    assert (record.status, outcomes(record), len(record.calls)) == ("succeeded", ["not-sent", "succeeded"], 1)
    assert len(record.of_kind("grant-fetched")) == 1
    figure(f"worker frozen before it hands an action over: another has had it done after {taken_over}")
