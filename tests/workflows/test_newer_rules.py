"""Rules that changed between the yes and the start: stricter ones ask again, denying ones revoke."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from app.steps.start import start
from app.use_cases.governance import install
from app.use_cases.views import View
from tests.workflows.test_stale_authority import let_go, waiting
from tests.world import RULES, World


async def change(world: World, rules_copy: Path, old: str, new: str) -> None:
    """Put other rules in force."""
    file = rules_copy / "desk.yaml"
    source = file.read_text()
    assert old in source
    file.write_text(source.replace(old, new))
    await install(world.ctx, rules_copy, replace=True, by="ada")


async def restarted(world: World, shown: View) -> View:
    """What becomes of an approved request at its start under the newer rules."""
    await start(world.ctx, uuid.UUID(shown["id"]), "somebody")
    return await world.look(shown)


RULE = "  - {name: allowed,"


@pytest.mark.aisvs("9.5.6")
async def test_a_newer_rule_that_denies_revokes(world: World, rules_copy: Path) -> None:
    shown = await waiting(world)
    await change(
        world, rules_copy, RULE, "  - {name: stop, when: 'action.name == \"do.once\"', deny: No more}\n" + RULE
    )
    assert (await restarted(world, shown))["ended_why"] == "policy-stricter"
    await install(world.ctx, RULES, replace=True, by="ada")
    await let_go(world, shown)


async def test_a_newer_rule_that_asks_for_more_holds_for_what_is_missing(world: World, rules_copy: Path) -> None:
    shown = await waiting(world)
    await change(world, rules_copy, RULE, "  - {name: more, when: 'action.name == \"do.once\"', hold: stages}\n" + RULE)
    seen = await restarted(world, shown)
    assert seen["status"] == "held"
    assert [(s["group"], s["status"]) for s in seen["plan"]["stages"]] == [("leads", "passed"), ("finance", "open")]
    await let_go(world, shown)
    await world.say("fiona", shown)
    await world.until(shown, "succeeded")
    await install(world.ctx, RULES, replace=True, by="ada")


async def test_a_changed_definition_of_the_action_revokes(world: World, rules_copy: Path) -> None:
    shown = await waiting(world)
    await change(world, rules_copy, "title: Something that must not be repeated", "title: Something else entirely")
    assert (await restarted(world, shown))["ended_why"] == "action-changed"
    await install(world.ctx, RULES, replace=True, by="ada")
    await let_go(world, shown)
