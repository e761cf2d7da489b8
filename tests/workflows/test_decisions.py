"""Decisions: stages in order, quorum of distinct persons, deny, abstain, withdrawal, repeats, the wrong digest."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from app.db import requests
from app.domain.errors import (
    Closed,
    DecisionStands,
    DigestDiffers,
    Forbidden,
    IdempotencyKeyReused,
    Malformed,
    NotFound,
    RateLimited,
)
from app.domain.request import Level
from app.use_cases import refusals
from app.use_cases.actors import Actor
from app.use_cases.views import View
from tests.world import World


async def refused(world: World, who: str | Actor, shown: View, **more: Any) -> list[str]:
    """The invariants by whose names this decision is refused."""
    with pytest.raises(Forbidden) as caught:
        await world.say(who, shown, **more)
    return [violation.invariant for violation in caught.value.violations]


async def test_quorum_counts_distinct_persons(world: World) -> None:
    shown = await world.ask("do.two")
    await world.say(world.person("dana", account="web"), shown)
    again = await world.say(world.person("dana", account="slack"), shown)
    assert again["status"] == "held"
    assert again["plan"]["stages"][0]["approvals"] == 1
    await world.say("marco", shown)
    assert (await world.until(shown, "succeeded"))["plan"]["stages"][0]["approvals"] == 2


async def test_stages_in_order_with_level_reason_and_no_repeat(world: World) -> None:
    shown = await world.ask("do.stages")
    assert await refused(world, "fiona", shown) == ["not-eligible"]
    first = await world.say("dana", shown)
    assert [stage["status"] for stage in first["plan"]["stages"]] == ["passed", "open"]
    assert await refused(world, "dana", shown) == ["stage-repeat"]
    assert await refused(world, world.person("fiona", Level.CLICK), shown) == ["weak-authentication"]
    with pytest.raises(Malformed, match="wants a reason"):
        await world.say("fiona", shown, reason=None)
    await world.say("fiona", shown)
    done = await world.until(shown, "succeeded")
    assert [made["person"] for made in done["decisions"]] == ["dana", "fiona"]
    assert done["refusals"] == 3


async def test_deny_is_final_and_needs_a_reason(world: World) -> None:
    shown = await world.ask("do.moderate")
    with pytest.raises(Malformed, match="needs a reason"):
        await world.say("dana", shown, "deny", reason="  ")
    assert (await world.say("dana", shown, "deny"))["status"] == "denied"
    with pytest.raises(Closed) as caught:
        await world.say("marco", shown)
    assert (caught.value.status, caught.value.standing) == ("denied", None)
    assert (await world.say("dana", shown, "deny"))["status"] == "denied"
    assert world.desk.seen[shown["parameters"]["thing"]] == []


async def test_a_decision_stands(world: World) -> None:
    shown = await world.ask("do.two")
    await world.say("dana", shown, "abstain")
    with pytest.raises(DecisionStands) as caught:
        await world.say("dana", shown)
    assert caught.value.standing == "abstain"
    assert (await world.say("dana", shown, "abstain"))["status"] == "held"


async def test_an_approval_may_be_withdrawn_until_execution_starts(world: World) -> None:
    shown = await world.ask("do.stages")
    await world.say("dana", shown)
    after = await world.say("dana", shown, "deny")
    assert after["status"] == "denied"
    assert [(made["decision"], made["standing"]) for made in after["decisions"]] == [("approve", False), ("deny", True)]
    assert await world.kinds(shown) == ["admitted", "decided", "stage-passed", "withdrawn", "denied"]


async def test_a_withdrawal_after_the_start_is_too_late(world: World) -> None:
    thing = uuid.uuid4().hex
    world.desk.script(thing, 0)
    shown = await world.ask("do.moderate", thing=thing)
    await world.say("dana", shown)
    await world.desk.called(thing)
    with pytest.raises(Closed) as caught:
        await world.say("dana", shown, "deny")
    assert (caught.value.status, caught.value.standing) == ("executing", "approve")
    world.desk.release(thing)
    await world.until(shown, "succeeded")


async def test_what_was_seen_must_be_what_is(world: World) -> None:
    shown = await world.ask("do.moderate")
    with pytest.raises(DigestDiffers):
        await world.say("dana", {**shown, "digest": "sha256:" + "0" * 64})
    assert (await world.look(shown))["status"] == "held"


async def test_a_double_click_counts_once(world: World) -> None:
    shown = await world.ask("do.two")
    clicks = [world.say("dana", shown, key="click-1") for _ in range(3)]
    assert {answer["status"] for answer in await asyncio.gather(*clicks)} == {"held"}
    assert (await world.kinds(shown)).count("decided") == 1
    with pytest.raises(IdempotencyKeyReused):
        await world.say("dana", shown, "deny", key="click-1")


async def test_two_approvers_at_once_on_a_quorum_of_one(world: World) -> None:
    shown = await world.ask("do.moderate")
    answers = await asyncio.gather(world.say("dana", shown), world.say("marco", shown), return_exceptions=True)
    assert len([answer for answer in answers if isinstance(answer, Closed)]) == 1
    await world.until(shown, "succeeded")
    assert len(world.desk.seen[shown["parameters"]["thing"]]) == 1


async def test_no_approval_reaches_a_request_that_is_not_there(world: World) -> None:
    shown = await world.ask("do.moderate")
    with pytest.raises(NotFound):
        await world.say("dana", {**shown, "id": str(uuid.uuid4())})


async def test_refusals_are_coalesced_and_rate_limited(world: World) -> None:
    shown = await world.ask("do.moderate")
    for _ in range(refusals.PER_MINUTE):
        assert await refused(world, "fiona", shown) == ["not-eligible"]
    with pytest.raises(RateLimited):
        await world.say("fiona", shown)
    assert (await world.kinds(shown)).count("refused") == 1
    async with world.ctx.database.transaction() as session:
        assert await requests.refusal_count(session, uuid.UUID(shown["id"])) == refusals.PER_MINUTE + 1
