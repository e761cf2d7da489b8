"""The main job: a bot asks, people decide, the action runs once."""

from __future__ import annotations

import pytest

from tests.world import World


@pytest.mark.aisvs("9.2.1")
@pytest.mark.aisvs("12.4.2")
async def test_held_approved_executed(world: World) -> None:
    shown = await world.ask("do.moderate")
    assert shown["status"] == "held"
    assert "may_decide" not in shown
    await world.say("dana", shown)
    done = await world.until(shown, "succeeded")
    assert done["execution"]["result"] == {"done": shown["parameters"]["thing"]}
    assert len(world.desk.seen[shown["parameters"]["thing"]]) == 1
    assert await world.kinds(shown) == [
        "admitted", "decided", "stage-passed", "approved", "started", "attempt-finished", "succeeded",
    ]  # fmt: skip
