"""Other rules are put in force by a signed request, judged under those before it; what waits is judged by both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.db import ledger
from app.domain.errors import Forbidden, NotOpenToThis, OffSchema, UnknownAction
from app.domain.ledger import verify_stream
from app.use_cases.governance import install
from tests.drafts import draft
from tests.world import RULES, World

TWO_LEADS = (
    "one: {stages: [{name: lead, group: leads, quorum: 1",
    "one: {stages: [{name: lead, group: leads, quorum: 2",
)
MORE_LEADS = ("members: [dana, marco, priya, olivia, mia, tom]", "members: [dana, marco, priya, olivia, mia, tom, zoe]")
NO_LEADS = ("members: [dana, marco, priya, olivia, mia, tom]", "members: [olivia, tom]")
PUBLISH = "interlock.policy.publish"


@pytest.fixture(autouse=True)
async def usual_rules(world: World) -> AsyncIterator[None]:
    """Each test begins with the rules of tests/rules."""
    yield
    await install(world.ctx, RULES, replace=True, by="ada")


async def in_force(world: World) -> str:
    async with world.ctx.database.transaction() as session:
        return (await world.ctx.rules.in_force(session)).version


async def installation(world: World) -> list[dict[str, Any]]:
    """The entries of the installation's stream, after checking that it is whole."""
    async with world.ctx.database.transaction() as session:
        stored = await ledger.read(session, "installation")
    assert verify_stream("installation", stored) == []
    return [json.loads(entry.body) for entry in stored]


async def test_asked_for_approved_and_in_force(world: World) -> None:
    before = await in_force(world)
    asked = await world.publish(draft(TWO_LEADS), by=None)
    assert (asked["kind"], asked["status"], asked["plan"]["name"]) == ("governance", "held", "interlock.publish")
    assert asked["verdict"]["policy_version"] == before == await in_force(world)
    assert (await world.look(asked))["may_decide"] == ["ben"]
    await world.say("ben", asked)
    ended = await world.until(asked, "succeeded")
    version = ended["execution"]["result"]["policy_version"]
    assert ended["execution"]["result"] == {"policy_version": version, "replaced": before}
    assert await in_force(world) == version != before
    last = (await installation(world))[-1]
    said = last["facts"]
    assert (last["kind"], said["policy_version"], said["replaced"]) == ("policy-installed", version, before)
    assert said["request"] == asked["id"]
    kinds = ["admitted", "decided", "stage-passed", "approved", "started", "attempt-finished", "succeeded"]
    assert await world.kinds(asked) == kinds
    later = await world.ask("do.moderate")
    assert later["plan"]["stages"][0]["quorum"] == 2


@pytest.mark.parametrize("who", ["ada", "olivia", "dana", "ivan"])
async def test_who_does_not_approve_it(world: World, who: str) -> None:
    asked = await world.publish(draft(TWO_LEADS), by=None)
    with pytest.raises(Forbidden) as error:
        await world.say(who, asked)
    expected = "governance-change" if who == "ada" else "not-eligible"
    assert expected in {violation.invariant for violation in error.value.violations}


async def test_only_an_administrator_asks(world: World) -> None:
    for who in ("dana", "olivia", "sam", "ivan"):
        with pytest.raises(Forbidden):
            await world.publish(draft(TWO_LEADS), who=who, by=None)


async def test_a_bot_does_not_ask(world: World) -> None:
    with pytest.raises(UnknownAction):
        await world.ask(PUBLISH, parameters={"files": draft(TWO_LEADS)})


async def test_what_is_wrong_is_said_and_nothing_is_stored(world: World) -> None:
    with pytest.raises(OffSchema, match="at least two distinct persons"):
        await world.publish(draft(("members: [ada, ben]", "members: [ada]")), by=None)
    broken = ("rules:\n", "rules:\n  - {name: broken, when: 'nonsense', allow: true}\n")
    with pytest.raises(OffSchema, match=r"desk.yaml: rules\[broken\].when"):
        await world.publish(draft(broken), by=None)
    for files in ({}, {"../x.yaml": ""}, {"x.txt": ""}):
        with pytest.raises(OffSchema):
            await world.publish(files, by=None)
    with pytest.raises(NotOpenToThis):
        await world.publish(draft(), by=None)


async def test_made_from_other_rules(world: World) -> None:
    old = await in_force(world)
    await world.publish(draft(TWO_LEADS))
    with pytest.raises(NotOpenToThis, match=old):
        await world.change("ada", PUBLISH, {"files": draft(MORE_LEADS), "base": old})
    asked = await world.change("ada", PUBLISH, {"files": draft(MORE_LEADS), "base": await in_force(world)})
    assert asked["status"] == "held"


async def test_of_two_that_wait_the_second_is_revoked(world: World) -> None:
    """It was made from rules that are gone: to put it in force would take the first back, unseen."""
    first = await world.publish(draft(TWO_LEADS), by=None)
    second = await world.publish(draft(MORE_LEADS), who="ben", by=None)
    await world.say("ben", first)
    await world.until(first, "succeeded")
    ended = await world.until(second, "revoked")
    assert ended["ended_why"] == "rules-changed"


async def test_two_that_are_approved_at_once(world: World) -> None:
    """One is in force in the end, and the other says that it is not."""
    drafts = [draft(TWO_LEADS), draft(MORE_LEADS), draft(TWO_LEADS, MORE_LEADS)]
    asked = [await world.publish(one, by=None) for one in drafts]
    await asyncio.gather(*(world.say("ben", one) for one in asked))
    ended = [await world.until(one, "succeeded", "failed", "revoked") for one in asked]
    [won] = [one for one in ended if one["status"] == "succeeded"]
    assert await in_force(world) == won["execution"]["result"]["policy_version"]


async def test_people_who_change_meanwhile_are_not_changed_back(world: World) -> None:
    asked = await world.publish(draft(TWO_LEADS), by=None)
    await world.publish(draft(("name: Zoe}", "name: Zoë}")), who="ben", by="ada")
    assert (await world.until(asked, "revoked"))["ended_why"] == "rules-changed"


async def test_who_asked_no_longer_administers(world: World) -> None:
    asked = await world.publish(draft(TWO_LEADS), by=None)
    await world.publish(draft(("members: [ada, ben]", "members: [ben, nora]")), who="ben", by="ada")
    assert (await world.until(asked, "revoked"))["ended_why"] == "not-entitled"


async def test_what_waits_keeps_its_version_and_needs_the_stricter(world: World) -> None:
    held = await world.ask("do.moderate")
    await world.publish(draft(TWO_LEADS))
    assert (await world.look(held))["plan"]["stages"][0]["quorum"] == 1
    await world.say("dana", held)
    again = await world.until(held, "held")
    async with asyncio.timeout(30):
        while again["plan"]["stages"][0]["quorum"] == 1:
            again = await world.look(held)
    await world.say("marco", held)
    await world.until(held, "succeeded")


async def test_what_waits_does_not_become_easier(world: World) -> None:
    await world.publish(draft(TWO_LEADS))
    held = await world.ask("do.moderate")
    await world.publish(draft())
    await world.say("marco", held)
    seen = await world.look(held)
    assert (seen["status"], seen["plan"]["stages"][0]["approvals"]) == ("held", 1)
    await world.say("priya", held)
    await world.until(held, "succeeded")


async def test_a_stage_that_too_few_can_pass_does_not_wait_for_its_deadline(world: World) -> None:
    """A group loses everybody who may decide: the request expires at once, as there is nowhere to escalate."""
    held = await world.ask("do.moderate")
    await world.publish(draft(NO_LEADS))
    ended = await world.until(held, "expired")
    assert ended["ended_why"] == "quorum-out-of-reach"
