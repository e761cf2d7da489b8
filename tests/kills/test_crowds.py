"""SIGKILL of the worker and of the API while many callers are at work; twice as many with ``FULL_ROUNDS=1``."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence

from tests.kills.callers import Callers
from tests.kills.place import Figure, Place, Since, all_of
from tests.races.stopping import rounds

PENDING, DECIDED = rounds(40, 100), rounds(12, 20)
ADMISSIONS = DECISIONS = rounds(20, 40)
KILLS = rounds(2, 3)


async def test_the_worker_with_many_pending_and_some_being_decided(
    here: Place, callers: Callers, figure: Figure
) -> None:
    """Every other one may be repeated; of those that may not, what was at its target may be unknown, called once."""
    pairs = ("do.slow", "do.long-once") * ((PENDING + DECIDED) // 2)
    shown = await asyncio.gather(*(callers.ask(action) for action in pairs))
    decided, pending = shown[:DECIDED], shown[DECIDED:]
    deciding = [asyncio.create_task(callers.approve(one)) for one in decided]
    await asyncio.wait(deciding, return_when=asyncio.FIRST_COMPLETED)

    worker, since = here.running.signal("worker", signal.SIGKILL), Since()
    flying = sum(not task.done() for task in deciding)
    await all_of(deciding)
    answered = str(since)
    await here.running.replaced("worker", worker)
    await all_of([callers.approve(one, "marco") for one in pending])
    await here.closed([one["id"] for one in pending])
    executed = str(since)
    await here.closed(callers.ids)
    everything = str(since)
    found = await here.check(callers)
    assert {found[one["id"]].status for one in (*pending, *decided[::2])} == {"succeeded"}
    assert {found[one["id"]].status for one in decided[1::2]} <= {"succeeded", "unknown"}
    assert {len(found[one["id"]].calls) for one in pending[1::2]} == {1}
    unknown = sum(record.status == "unknown" for record in found.values())
    figure(
        f"worker killed, {PENDING} pending, {DECIDED} being decided ({flying} unanswered): all answered after "
        f"{answered}, the {PENDING} decided and executed after {executed}, everything after {everything}; "
        f"{unknown} unknown"
    )


async def test_the_api_during_many_admissions_and_decisions(here: Place, callers: Callers, figure: Figure) -> None:
    held = await asyncio.gather(*(callers.ask("do.long-once") for _ in range(DECISIONS)))
    before = callers.tries
    flying: Sequence[asyncio.Task[object]] = [
        *(asyncio.create_task(callers.approve(shown)) for shown in held),
        *(asyncio.create_task(callers.ask("do.long")) for _ in range(ADMISSIONS)),
    ]
    times, open_calls = [], []
    for _ in range(KILLS):
        await next_answer(flying)
        open_calls.append(sum(not call.done() for call in flying))
        api, since = here.running.signal("api", signal.SIGKILL), Since()
        await here.running.replaced("api", api)
        times.append(str(since))
    last = Since()
    await asyncio.gather(*flying)
    answered = str(last)
    assert len(callers.facts) == DECISIONS + len(flying)
    again = callers.tries - before - len(flying)
    assert all(open_calls), "a kill came when everything had been answered"

    found = await here.check(callers)
    assert {record.status for record in found.values()} == {"succeeded"}
    figure(
        f"API killed {KILLS} times with {', '.join(map(str, open_calls))} of {len(flying)} calls unanswered: it "
        f"answers again after {', '.join(times)}; all acknowledged {answered} after that, {again} calls made again"
    )


async def next_answer(calls: Sequence[asyncio.Task[object]]) -> None:
    """Wait until one more of these has been answered; at once when all have."""
    waiting = [call for call in calls if not call.done()]
    if waiting:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
