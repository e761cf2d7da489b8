"""A worker is killed before a call, after it, and while ten are out; or freezes for too long, and wakes."""

from __future__ import annotations

import asyncio
import os
import signal

from tests.kills.callers import Callers, View
from tests.kills.place import Figure, Place, Since, until
from tests.kills.records import Record


async def approved(here: Place, callers: Callers, action: str, point: str) -> View:
    """A request that was approved, and whose worker has killed itself at that point."""
    shown = await callers.ask(action)
    async with here.fuse(point, shown["id"]):
        await callers.approve(shown)
    return shown


def outcomes(record: Record) -> list[str]:
    """What came of each attempt."""
    return [str(attempt["outcome"]) for attempt in record.attempts]


async def test_around_the_call(here: Place, callers: Callers, figure: Figure) -> None:
    """Killed before a call, nobody can know that nothing was sent; after it, nobody knows what was answered.

    What may be repeated is, under the same key. What may not is unknown, with one effect or none, until it is settled.
    """
    since = Since()
    again = {point: await approved(here, callers, "do.moderate", point) for point in ("before-call", "after-call")}
    once = {point: await approved(here, callers, "do.once", point) for point in ("before-call", "after-call")}
    found = await here.check(callers)
    figure(f"worker killed four times, before and after a call: repeated and succeeded, or unknown, after {since}")
    for point, calls in (("before-call", 1), ("after-call", 2)):
        record = found[again[point]["id"]]
        assert record.status == "succeeded"
        assert (outcomes(record), len(record.calls)) == (["no-outcome", "succeeded"], calls)
    for point, calls in (("before-call", 0), ("after-call", 1)):
        record = found[once[point]["id"]]
        assert record.status == "unknown"
        assert (outcomes(record), len(record.calls)) == (["no-outcome"], calls)

    for point, outcome in (("before-call", "failed"), ("after-call", "succeeded")):
        await settled(callers, once[point], outcome)
    found = await here.check(callers)
    assert [found[once[point]["id"]].status for point in ("before-call", "after-call")] == ["failed", "succeeded"]
    figure(f"worker killed before and after a call that may not be repeated: settled, and the keys free, after {since}")


async def settled(callers: Callers, shown: View, outcome: str) -> None:
    """Settle it as soon as that is allowed: a call may be on its way for timeout + 30 s."""

    async def look() -> None:
        said = {"status": outcome, "reason": "I have looked"}
        answer = await callers.post(f"/v1/requests/{shown['id']}/settle", said, "ivan")
        assert answer.status_code == 200, answer.text

    await until(look)


async def test_ten_calls_out(here: Place, callers: Callers, figure: Figure) -> None:
    """Killed while ten targets work: five repeated once, five unknown; the conflict keys of those stay taken."""
    again = [await callers.ask("do.slow") for _ in range(5)]
    once = [await callers.ask("do.slow-once") for _ in range(5)]
    for shown in (*again, *once):
        here.desk.script(callers.ids[shown["id"]], 0)
    await asyncio.gather(*(callers.approve(shown) for shown in (*again, *once)))
    for thing in callers.ids.values():
        await here.desk.called(thing)

    worker, since = here.running.signal("worker", signal.SIGKILL), Since()
    for thing in callers.ids.values():
        here.desk.release(thing)
    await here.running.replaced("worker", worker)
    restarted = str(since)
    found = await here.check(callers)
    assert {(found[shown["id"]].status, len(found[shown["id"]].calls)) for shown in again} == {("succeeded", 2)}
    assert {(found[shown["id"]].status, len(found[shown["id"]].calls)) for shown in once} == {("unknown", 1)}
    assert all(found[shown["id"]].attempts[0]["holds_key"] for shown in once)
    figure(f"worker killed with ten calls out: another works after {restarted}, all ten are over after {since}")


async def test_frozen_in_the_middle_of_executions(here: Place, callers: Callers, figure: Figure) -> None:
    """One frozen before its call, two while theirs are out. Awake, it sends nothing, and what it knows is an entry."""
    again, once, unsent = [await callers.ask(action) for action in ("do.slow", "do.slow-once", "do.slow-once")]
    worker = here.running.pid("worker")
    for shown in (again, once):
        here.desk.script(callers.ids[shown["id"]], 0)
    await asyncio.gather(*(callers.approve(shown) for shown in (again, once)))
    for shown in (again, once):
        await here.desk.called(callers.ids[shown["id"]])
    here.running.lay_fuse("before-call", unsent["id"], "freeze")
    await callers.approve(unsent)
    await frozen(here, worker)
    since = Since()
    try:
        for shown in (again, once):
            here.desk.release(callers.ids[shown["id"]])
        async with here.second_worker():
            await here.closed(callers.ids)
            before = await here.records(callers.ids)
            taken_over = str(since)
            os.kill(worker, signal.SIGCONT)
            waking = Since()

            async def told() -> None:
                for record in (await here.records(callers.ids)).values():
                    assert len(record.of_kind("late-outcome")) == 1, f"{record.id}: {record.entries[-1]}"

            await until(told)
            woken = str(waking)
            other = await callers.ask("do.once")
            await callers.approve(other)
            found = await here.check(callers)
    finally:
        os.kill(worker, signal.SIGCONT)

    assert {id_: before[id_].status for id_ in before} == {id_: found[id_].status for id_ in before}
    seen = {name: found[shown["id"]] for name, shown in (("again", again), ("once", once), ("unsent", unsent))}
    assert {name: (record.status, len(record.calls)) for name, record in seen.items()} == {
        "again": ("succeeded", 2),
        "once": ("unknown", 1),
        "unsent": ("unknown", 0),
    }
    assert [entry["outcome"] for entry in seen["unsent"].of_kind("late-outcome")] == ["not-sent"]
    figure(
        f"worker frozen in three executions: another has ended them after {taken_over}; "
        f"late outcomes are entries {woken} after it wakes"
    )


async def frozen(here: Place, worker: int) -> None:
    """Wait until the worker sleeps."""

    async def look() -> None:
        assert here.running.frozen(worker)

    await until(look)


async def test_frozen_while_it_starts(here: Place, callers: Callers, figure: Figure) -> None:
    """In the transaction that starts, its locks held: another starts instead, and the one that wakes cannot commit."""
    shown = await callers.ask("do.long-once")
    worker = here.running.pid("worker")
    fuse = here.running.lay_fuse("writing-started", shown["id"], "freeze")
    try:
        await callers.approve(shown)
        await frozen(here, worker)
        since = Since()
        async with here.second_worker():
            await here.closed(callers.ids)
            taken_over = str(since)
            os.kill(worker, signal.SIGCONT)
            await here.passed(2)  # for what the one that wakes might still do
            found = await here.check(callers)
    finally:
        os.kill(worker, signal.SIGCONT)
    assert not fuse.exists()
    record = found[shown["id"]]
    assert (record.status, len(record.calls), outcomes(record)) == ("succeeded", 1, ["succeeded"])
    assert [entry["kind"] for entry in record.entries][-3:] == ["started", "attempt-finished", "succeeded"]
    figure(f"worker frozen in the transaction that starts: another has executed it after {taken_over}")
