"""Replay: the workflow's commands stay the same for every history that was ever recorded, and for live ones."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from app.codec import data_converter
from app.use_cases import temporal
from tests.world import World
from workflows.execution import ExecutionWorkflow
from workflows.incident import IncidentWorkflow
from workflows.request import RequestWorkflow
from workflows.review import OwnerReviewWorkflow

ALL = [RequestWorkflow, OwnerReviewWorkflow, ExecutionWorkflow, IncidentWorkflow]
COMMANDS = {
    "activityTaskScheduledEventAttributes": "activityType",
    "startChildWorkflowExecutionInitiatedEventAttributes": "workflowType",
}
RECORDED = sorted((Path(__file__).parents[1] / "histories").glob("*.json"))


def history(file: Path) -> WorkflowHistory:
    """A recorded history."""
    stored = json.loads(file.read_text())
    return WorkflowHistory.from_json(stored["workflow_id"], stored["history"])


def test_there_are_recorded_histories() -> None:
    assert len(RECORDED) >= 13


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
async def test_a_recorded_history_replays(file: Path) -> None:
    replayer = Replayer(workflows=ALL, data_converter=pydantic_data_converter)
    await replayer.replay_workflow(history(file))


@pytest.mark.parametrize("story", ["approved", "review-lapsed", "handed-over", "undone-many"])
async def test_another_history_is_noticed(story: str) -> None:
    file = next(file for file in RECORDED if file.stem.endswith(story))
    stored = json.loads(file.read_text())
    for event in stored["history"]["events"]:
        for attributes, what in COMMANDS.items():
            if attributes in event:
                event[attributes][what]["name"] = "something-else"
    replayer = Replayer(workflows=ALL, data_converter=pydantic_data_converter)
    with pytest.raises(NondeterminismError):
        await replayer.replay_workflow(WorkflowHistory.from_json(stored["workflow_id"], stored["history"]))


async def test_a_live_history_replays_and_holds_nothing_in_clear(world: World) -> None:
    shown = await world.ask("do.moderate", reason="a secret reason")
    await world.say("dana", shown, reason="another secret")
    await world.until(shown, "succeeded")
    handle = world.services.temporal.get_workflow_handle(temporal.workflow_id(uuid.UUID(shown["id"])))
    await handle.result()
    taken = await handle.fetch_history()
    assert len(taken.events) <= 40
    for personal in ("secret", shown["parameters"]["thing"], "customer:carl", "dana"):
        assert personal not in taken.to_json()
    await Replayer(workflows=[RequestWorkflow], data_converter=data_converter(world.rings.codec)).replay_workflow(taken)
