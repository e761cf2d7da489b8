"""Workflows that are deleted from Temporal while they run: the row takes over, by the next act or by the sweeper."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError, RPCStatusCode

from tests.kills.callers import Callers, View
from tests.kills.place import Figure, Place, Since, place, until


@pytest.fixture(scope="module")
async def here() -> AsyncIterator[Place]:
    """A place whose sweeper does not keep one waiting."""
    async with place(WORKER__SWEEP_EVERY="2", WORKER__OVERDUE="3") as made:
        yield made


async def delete(here: Place, shown: View) -> None:
    """Delete the workflow of a request, and wait until Temporal knows nothing of it."""
    temporal, workflow_id = here.running.temporal, here.workflow(shown["id"]).id
    request = DeleteWorkflowExecutionRequest(
        namespace=temporal.namespace, workflow_execution=WorkflowExecution(workflow_id=workflow_id)
    )
    await temporal.workflow_service.delete_workflow_execution(request)

    async def nowhere() -> None:
        assert not await exists(here, shown), f"{workflow_id} is still there"

    await until(nowhere)


async def exists(here: Place, shown: View) -> bool:
    """Whether Temporal knows a workflow of this request."""
    try:
        await here.workflow(shown["id"]).describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


async def test_held_taken_over_by_a_decision(here: Place, callers: Callers, figure: Figure) -> None:
    (shown,) = await callers.held(1, "do.long-once")
    await delete(here, shown)
    since = Since()
    await callers.approve(shown)
    found = await here.check(callers)
    assert found[shown["id"]].status == "succeeded"
    figure(f"workflow of a held request deleted: decided and executed {since} after the decision was sent")


async def test_held_taken_over_by_the_sweeper(here: Place, callers: Callers, figure: Figure) -> None:
    """One that nobody decides still expires; one of two signatures is not forgotten."""
    alone, half = await callers.ask("do.brief"), await callers.ask("do.short-two")
    await callers.approve(half)
    for shown in (alone, half):
        await delete(here, shown)
    await here.expired(callers.ids)
    since = Since()
    found = await here.check(callers)
    assert {found[shown["id"]].status for shown in (alone, half)} == {"expired"}
    figure(
        f"workflows of held requests deleted: expired {since} after their time, the sweeper looking every 2 s for 3 s"
    )


async def test_approved_and_blocked(here: Place, callers: Callers, figure: Figure) -> None:
    """It waits for its conflict key without a workflow; whoever frees the key starts one."""
    first = await callers.ask("do.long-once")
    here.desk.script(callers.ids[first["id"]], 0)
    await callers.approve(first)
    await here.desk.called(callers.ids[first["id"]])
    second = await callers.ask("do.long-once", thing=callers.ids[first["id"]])
    await callers.approve(second)

    async def blocked() -> None:
        row = (await here.records([second["id"]]))[second["id"]].row
        assert row["status"] == "approved"
        assert row["due_at"] > row["read_at"], "nobody has found its key taken yet"

    await until(blocked)
    await delete(here, second)
    here.desk.release(callers.ids[first["id"]])
    since = Since()
    found = await here.check(callers)
    assert {record.status for record in found.values()} == {"succeeded"}
    calls = [call.key for call in here.desk.seen[callers.ids[first["id"]]]]
    assert calls == [first["id"], second["id"]]
    figure(f"workflow of an approved request that waits for its key deleted: executed {since} after the key was free")


async def test_executing(here: Place, callers: Callers, figure: Figure) -> None:
    """Its call is out, and its worker lives: what the target answers is recorded, whatever Temporal has forgotten."""
    shown = await callers.ask("do.long-once")
    here.desk.script(callers.ids[shown["id"]], 0)
    await callers.approve(shown)
    await here.desk.called(callers.ids[shown["id"]])
    await delete(here, shown)
    await here.passed(12)  # ten without a heartbeat, and Temporal has told the worker to stop
    here.desk.release(callers.ids[shown["id"]])
    since = Since()
    found = await here.check(callers)
    assert (found[shown["id"]].status, len(found[shown["id"]].calls)) == ("succeeded", 1)
    figure(f"workflow of an executing request deleted: its outcome is recorded {since} after the target's answer")


async def test_executing_and_its_worker_killed(here: Place, callers: Callers, figure: Figure) -> None:
    """Nobody is left who knows of it: once its window is over, the sweeper has somebody find out."""
    once, again = await callers.ask("do.once"), await callers.ask("do.moderate")
    worker = here.running.pid("worker")
    async with here.nobody_restarts():
        for shown in (once, again):
            here.desk.script(callers.ids[shown["id"]], 0)
        await asyncio.gather(*(callers.approve(shown) for shown in (once, again)))
        for shown in (once, again):
            await here.desk.called(callers.ids[shown["id"]])
        here.running.signal("worker", signal.SIGKILL)
        since = Since()
        for shown in (once, again):
            here.desk.release(callers.ids[shown["id"]])
            await delete(here, shown)
    await here.running.replaced("worker", worker)
    found = await here.check(callers)
    assert (found[once["id"]].status, len(found[once["id"]].calls)) == ("unknown", 1)
    assert (found[again["id"]].status, len(found[again["id"]].calls)) == ("succeeded", 2)
    figure(
        f"workflows of executing requests deleted, their worker killed: all over after {since}, 50 s of it their window"
    )
