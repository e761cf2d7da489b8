"""Records histories of the workflows for tests/workflows/test_replay.py: ``python -m tests.histories.record``.

Run it when the order of commands changes on purpose (see workflows/README.md), and keep the old files as long as
runs on them may live. Payloads are plain here: the data is made up, and keys never enter the repository.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowFailureError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from app.activities.handing import execution_queue
from app.db.migrate import upgrade
from app.devstack import Postgres, TemporalServer
from app.execution.temporal import workflow_id
from app.keys import KeyRings, create_missing
from app.temporal import plain
from app.use_cases import act, incidents, read, temporal
from app.use_cases.views import View
from tests.fakes.desk import desk
from tests.steps import incidents as many
from tests.steps.owner_reviewing import made, opened, opened_by
from tests.steps.words import sql
from tests.world import World, build_context, running
from workflows.contracts import Errand, Handed, ReviewStart
from workflows.execution import ExecutionWorkflow
from workflows.review import OwnerReviewWorkflow

HERE = Path(__file__).parent
GENERATION = "2026-11"


async def approved(world: World) -> View:
    """Held, approved, executed."""
    shown = await world.ask("do.moderate")
    await world.say("dana", shown)
    return await world.until(shown, "succeeded")


async def two_stages(world: World) -> View:
    """Two stages, with a refusal between that never reaches the workflow."""
    shown = await world.ask("do.stages")
    await world.say("dana", shown)
    await world.say("fiona", shown)
    return await world.until(shown, "succeeded")


async def expired(world: World) -> View:
    """Held until its time is over."""
    return await world.until(await world.ask("do.brief"), "expired")


async def escalated(world: World) -> View:
    """A stage that escalates by the clock, then a denial."""
    shown = await world.ask("do.escalating")
    await read.wait(world.services, world.bot(), uuid.UUID(shown["id"]), seconds=30, since=shown["version"])
    return await world.say("greta", shown, "deny")


async def cancelled(world: World) -> View:
    """Cancelled by its bot."""
    shown = await world.ask("do.moderate")
    return await act.cancel(world.services, world.bot(), uuid.UUID(shown["id"]), None)


async def blocked(world: World) -> View:
    """Approved behind another with its conflict key, nudged, executed."""
    thing = uuid.uuid4().hex
    await world.occupied(thing)
    shown = await world.ask("do.once", thing=thing)
    await world.say("dana", shown)
    world.desk.release(thing)
    return await world.until(shown, "succeeded")


async def run_by_bot(world: World) -> View:
    """Held, approved, started and reported by the bot."""
    shown = await world.ask("look.up", parameters={"mode": "hold"})
    await world.say("dana", shown)
    await act.grant(world.services, world.bot(), uuid.UUID(shown["id"]))
    return await act.report(
        world.services, world.bot(), uuid.UUID(shown["id"]), status="succeeded", detail=None, result=None
    )


STORIES: tuple[Callable[[World], Awaitable[View]], ...] = (
    approved,
    two_stages,
    expired,
    escalated,
    cancelled,
    blocked,
    run_by_bot,
)


async def review_attested(world: World) -> str:
    """An owner review that is made in time."""
    workflow = await _review(world)
    review = await opened_by(world, workflow)
    await made(world, review)
    return workflow


async def review_lapsed(world: World) -> str:
    """One that nobody makes: taken over, due in a moment, escalated and lapsed by the clock."""
    review = await opened(world)
    soon = "update owner_review set due_at = clock_timestamp() + interval '1 s', grace_s = 1 where id = :id"
    await sql(world, soon, id=review)
    return await _review(world)


async def _review(world: World) -> str:
    services, workflow = world.services, f"{world.services.task_queue}-review-bot-{uuid.uuid4()}"
    await services.temporal.start_workflow(
        OwnerReviewWorkflow.run, ReviewStart("bot"), id=workflow, task_queue=services.task_queue
    )
    return workflow


REVIEWS: tuple[Callable[[World], Awaitable[str]], ...] = (review_attested, review_lapsed)


async def handed_over(world: World) -> str:
    """An attempt that an owner's worker makes."""

    @activity.defn(name="do.it")
    async def do_it(_handed: Handed) -> str:
        return "sealed"

    async with Worker(plain(world.services.temporal), task_queue="recorded", activities=[do_it]):
        workflow = await _handed(world, "recorded", start_within=30)
        await world.services.temporal.get_workflow_handle(workflow).result()
    return workflow


async def handed_to_nobody(world: World) -> str:
    """One whose task queue nobody polls."""
    return await _handed(world, "nobodys", start_within=1)


async def _handed(world: World, queue: str, *, start_within: float) -> str:
    id_ = str(uuid.uuid4())
    errand = Errand(Handed(id_, 1, "made-up"), queue, "do.it", start_within, timeout=5)
    ours = execution_queue(world.services.task_queue)
    await plain(world.services.temporal).start_workflow(
        ExecutionWorkflow.run, errand, id=workflow_id(id_, 1), task_queue=ours
    )
    return workflow_id(id_, 1)


ATTEMPTS: tuple[Callable[[World], Awaitable[str]], ...] = (handed_over, handed_to_nobody)


async def undone_many(world: World) -> str:
    """Four under one signature: one fails, so that one is left alone."""
    thing = uuid.uuid4().hex
    originals = [await _done(world, thing), await _done(world, thing), await _done(world), await _done(world)]
    world.desk.script(f"{thing}-undone", 400)
    rollback = await many.undo_all(world, await many.opened(world), chosen=originals)
    await world.say("marco", rollback)
    await world.until(rollback, "failed")
    return f"incident-{rollback['id']}"


async def undone_after_a_pause(world: World) -> str:
    """Two of one thing, paused while the first is under way."""
    thing = uuid.uuid4().hex
    originals, incident = [await _done(world, thing), await _done(world, thing)], await many.opened(world)
    rollback = await many.undo_all(world, incident, chosen=originals)
    world.desk.script(f"{thing}-undone", 0)
    await world.say("marco", rollback)
    await world.desk.called(f"{thing}-undone")
    await incidents.pause(world.services, world.person("nora"), incident.id)
    world.desk.release(f"{thing}-undone")
    async for attempt in many.patiently():
        with attempt:
            assert (await world.look(rollback))["execution"]["result"]["succeeded"] == 1
    await incidents.go_on(world.services, world.person("nora"), incident.id)
    await world.until(rollback, "succeeded")
    return f"incident-{rollback['id']}"


async def _done(world: World, thing: str | None = None) -> View:
    shown = await world.ask("do.once", thing=thing or uuid.uuid4().hex)
    await world.say("dana", shown)
    return await world.until(shown, "succeeded")


INCIDENTS: tuple[Callable[[World], Awaitable[str]], ...] = (undone_many, undone_after_a_pause)


async def _record(world: World, story: Callable[[World], Awaitable[View]]) -> None:
    shown = await story(world)
    await _keep(world, story.__name__, temporal.workflow_id(uuid.UUID(shown["id"])))


async def _keep(world: World, story: str, workflow: str) -> None:
    handle = world.services.temporal.get_workflow_handle(workflow)
    with suppress(WorkflowFailureError):  # a story may end so
        await handle.result()
    history = json.loads((await handle.fetch_history()).to_json(), object_hook=_nowhere)
    file = HERE / f"{GENERATION}-{story.replace('_', '-')}.json"
    file.write_text(json.dumps({"workflow_id": handle.id, "history": history}, indent=1) + "\n")


def _nowhere(value: dict[str, Any]) -> dict[str, Any]:
    """Without the traces of failures, which name the folders of this machine."""
    return {**value, "stackTrace": ""} if "stackTrace" in value else value


async def main() -> None:
    """Tell each story once, for real, and write its history beside this file."""
    with tempfile.TemporaryDirectory(prefix="interlock-record-") as place:
        async with Postgres.start(Path(place)) as postgres, TemporalServer.start() as server, desk() as target:
            await postgres.create_database("record")
            await upgrade(postgres.url("record"))
            create_missing(Path(place) / "keys")
            rings = KeyRings.load(Path(place) / "keys")
            ctx = await build_context(postgres.url("record"), rings, target.url)
            client = await Client.connect(server.address, data_converter=pydantic_data_converter, identity="recorder")
            async with running(ctx, client, rings, target) as world:
                for story in STORIES:
                    await _record(world, story)
                for telling in (*REVIEWS, *ATTEMPTS, *INCIDENTS):
                    await _keep(world, telling.__name__, await telling(world))
            await ctx.database.close()


if __name__ == "__main__":
    asyncio.run(main())
