"""Stopped by the command while Temporal is down; with ``FULL_ROUNDS=1`` the worker, too. All learn of it once back."""

from __future__ import annotations

import asyncio
import json
import signal
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from temporalio.client import WorkflowExecutionStatus

from tests.kills.callers import Callers, View
from tests.kills.findings import findings, lost
from tests.kills.place import Figure, Place, Since, until
from tests.races.stopping import rounds

HELD, FLYING = 12, 4


@dataclass(frozen=True, slots=True)
class Waiting:
    """``flying``: their calls are out; ``open``: held, half signed, approved and waiting for their conflict key."""

    flying: Sequence[View]
    open: Sequence[View]


async def waiting(here: Place, callers: Callers, action: str) -> Waiting:
    """Requests of the bot in all open states. ``action``: of those that are out, and of who waits behind them."""
    flying = [await callers.ask(action) for _ in range(FLYING)]
    for shown in flying:
        here.desk.script(callers.ids[shown["id"]], 0)
    await asyncio.gather(*(callers.approve(shown) for shown in flying))
    for shown in flying:
        await here.desk.called(callers.ids[shown["id"]])
    behind = [await callers.ask(action, thing=callers.ids[shown["id"]]) for shown in flying[:2]]
    half = [await callers.ask("do.two") for _ in range(2)]
    await asyncio.gather(*(callers.approve(shown) for shown in (*behind, *half)))
    return Waiting(flying, [*await callers.held(HELD), *behind, *half])


@pytest.mark.parametrize("gone", [("temporal",), ("temporal", "worker")][: rounds(1, 2)])
async def test_stopped_by_command(here: Place, callers: Callers, figure: Figure, gone: tuple[str, ...]) -> None:
    """What had started gets its outcome, what had not is revoked, and their workflows end. Then it is let go on."""
    before = await waiting(here, callers, "do.slow-once" if "worker" in gone else "do.long-once")
    pids = {part: here.running.pid(part) for part in gone}
    async with here.nobody_restarts():
        for part in gone:
            here.running.signal(part, signal.SIGKILL)
        since = Since()
        answer = json.loads(await here.running.command("bots", "suspend", "bot", "--reason", "It runs amok"))
        took = str(since)
        assert {one["request_id"] for one in answer["in_flight"]} == {shown["id"] for shown in before.flying}
        for shown in before.open:
            seen = await callers.read(shown["id"])
            assert (seen["status"], seen["ended_why"]) == ("revoked", "stopped")
        fast = await callers.ask("look.up")
        assert (fast["status"], fast["verdict"]["code"], fast["grant"]) == ("denied", "bot-suspended", None)
        for shown in before.flying:
            here.desk.release(callers.ids[shown["id"]])
        if "worker" not in gone:
            await here.closed(callers.ids)
    since = Since()
    for part, pid in pids.items():
        await here.running.replaced(part, pid)
    back = str(since)
    await here.closed(callers.ids)
    for shown in (*before.flying, *before.open):
        await ended(here, shown)
    caught_up = str(since)
    found = await here.records(callers.ids)
    wrong = [what for record in found.values() for what in findings(record)]
    wrong += [what for fact in callers.facts for what in lost(fact, found.get(fact.request_id))]
    assert wrong == []
    assert {found[shown["id"]].status for shown in before.open} == {"revoked"}
    outcomes = {found[shown["id"]].status for shown in before.flying}
    assert outcomes == {"unknown" if "worker" in gone else "succeeded"}
    assert {len(found[shown["id"]].calls) for shown in before.flying} == {1}
    await let_go_on(here, callers)
    figure(
        f"{' and '.join(gone)} killed, the bot stopped by command in {took} (its process included): {back} after their "
        f"restart they answer, after {caught_up} {len(before.open)} are revoked, {FLYING} {outcomes.pop()}, and all "
        "workflows have ended"
    )


async def ended(here: Place, shown: View) -> None:
    """Wait until its workflow has."""

    async def look() -> None:
        status = (await here.workflow(shown["id"]).describe()).status
        assert status == WorkflowExecutionStatus.COMPLETED

    await until(look)


async def let_go_on(here: Place, callers: Callers) -> None:
    """The signed way back; what is asked then waits for people again."""
    asked = await callers.persist("/v1/bots/bot/resume", {"reason": "It is mended"}, "ivan", uuid.uuid4().hex)
    assert asked.status_code == 201, asked.text
    await callers.approve(asked.json(), "ada")
    await here.closed([asked.json()["id"]])
    (shown,) = await callers.held(1)
    assert shown["status"] == "held"
    assert (await callers.cancel(shown)).status_code == 200
