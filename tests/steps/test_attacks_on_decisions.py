"""Attacks on decisions, newer rules and settling: each test states what must hold."""

from __future__ import annotations

import uuid
from contextlib import suppress
from pathlib import Path

import pytest

from app.domain.errors import Forbidden, InterlockError, Malformed
from app.domain.request import Level
from app.domain.subjects import subject
from app.steps.finish import finish
from app.steps.start import start
from app.steps.tick import tick
from app.use_cases import act
from app.use_cases.actors import Actor
from app.use_cases.views import View
from tests.steps.words import SAID_503, change, id_of, lost, sql, vote
from tests.world import World


async def test_whom_the_plan_lets_repeat_can_sign_the_next_stage(world: World, rules: Path) -> None:
    await change(world, rules, "  stages:\n    stages:\n", "  stages:\n    allow_repeat: true\n    stages:\n")
    shown = await world.ask("do.stages")
    await world.say("dana", shown)
    assert (await world.look(shown))["may_decide"] == ["dana", "felix", "fiona"]
    after = await world.say("dana", shown)
    assert after["plan"]["stages"][1]["approvals"] == 1


async def test_the_owner_of_the_bot_stays_its_owner_when_the_action_names_another(world: World, rules: Path) -> None:
    await change(
        world,
        rules,
        "    title: Something high\n    risk: high",
        "    title: Something high\n    owners: {business: zoe}\n    risk: high",
    )
    shown = await world.ask("do.high")
    with pytest.raises(Forbidden) as caught:
        await world.say("olivia", shown)
    assert [v.invariant for v in caught.value.violations] == ["bot-owner"]


async def test_a_reason_of_blanks_is_none(world: World) -> None:
    shown = await world.ask("do.stages")
    await world.say("dana", shown)
    with pytest.raises(Malformed):
        await world.say("fiona", shown, reason="   ")


async def test_an_account_that_was_linked_meanwhile_may_use_its_key_again(world: World) -> None:
    shown = await world.ask("do.two")
    account = "oidc:https://id.test#newcomer"
    with pytest.raises(Forbidden):
        await world.say(Actor("unlinked", None, account, Level.LOGIN), shown, key="k1")
    with suppress(InterlockError):
        await world.say(Actor("person", "dana", account, Level.LOGIN), shown, key="k1")


async def test_a_scheme_is_ascii() -> None:
    for spelled in ("cu\u017ftomer:olivia", "\u212austomer:x"):
        with pytest.raises(ValueError, match="not a subject"):
            subject(spelled)


async def test_a_read_between_does_not_launder_a_chain(world: World) -> None:
    grave = await world.ask("do.grave")
    read = await world.ask("look.up", parent=grave["id"])
    child = await world.ask("do.moderate", parent=read["id"], parameters={"mode": "allow"})
    assert (child["status"], child["risk"], child["reversibility"]) == ("held", "high", "irreversible")


async def test_who_came_into_a_group_later_does_not_decide_a_stage_that_was_there_before(
    world: World, rules: Path
) -> None:
    """Rules that add a second stage also bring zoe into the leads: the leads' stage was there before her."""
    shown = await lost(world, "do.moderate")
    await vote(world, "dana", shown)
    await change(
        world,
        rules,
        "members: [dana, marco, priya, olivia, mia, tom]",
        "members: [dana, marco, priya, olivia, mia, tom, zoe, max]",
        "people.yaml",
    )
    await change(
        world,
        rules,
        "  - {name: allowed,",
        "  - {name: more, when: 'action.name == \"do.moderate\"', hold: stages}\n  - {name: allowed,",
    )
    await start(world.ctx, id_of(shown), "one")
    assert (await world.look(shown))["status"] == "held"
    row = await world.row(shown)
    assert "max" not in row.members["leads"]


async def test_a_stage_that_newer_rules_added_can_escalate(world: World, rules: Path) -> None:
    shown = await lost(world, "do.moderate")
    await vote(world, "dana", shown)
    stage = "{name: finance, group: finance, quorum: 1, within: 1h, escalate_to: managers}"
    later = f"  later: {{stages: [{stage}], expires: 4h}}\n"
    (rules / "desk.yaml").write_text((rules / "desk.yaml").read_text() + later)
    await change(
        world,
        rules,
        "  - {name: allowed,",
        "  - {name: more, when: 'action.name == \"do.moderate\"', hold: later}\n  - {name: allowed,",
    )
    await start(world.ctx, id_of(shown), "one")
    assert (await world.look(shown))["status"] == "held"
    await sql(
        world,
        """update request set plan = jsonb_set(plan, '{stages,1,closes_at}',
              to_jsonb('2020-01-01T00:00:00.000000Z'::text)) where id = :id""",
        id=id_of(shown),
    )
    await tick(world.ctx, id_of(shown))
    seen = await world.look(shown)
    assert seen["status"] == "held"
    assert "greta" in seen["may_decide"]


async def test_what_newer_rules_found_is_not_kept_without_an_entry(world: World, rules: Path) -> None:
    """Judged again by newer rules, then blocked: the row says so, the ledger must too."""
    thing = uuid.uuid4().hex
    front, shown = await lost(world, "do.once", thing=thing), await lost(world, "do.once", thing=thing)
    for one in (front, shown):
        await vote(world, "dana", one)
    await start(world.ctx, id_of(front), "one")
    await change(world, rules, "title: Something in two stages", "title: Something quite else")
    before = (await world.row(shown)).policy_version, len(await world.kinds(shown))
    await start(world.ctx, id_of(shown), "one")
    after = (await world.row(shown)).policy_version, len(await world.kinds(shown))
    assert (after[0] == before[0]) or after[1] > before[1]


async def unknown(world: World, action: str = "do.grave") -> View:
    """A request with an unknown outcome that may be settled."""
    shown = await lost(world, action)
    await vote(world, "dana", shown)
    await start(world.ctx, id_of(shown), "one")
    await finish(world.ctx, id_of(shown), 1, "one", SAID_503)
    await sql(
        world,
        "update execution_attempt set started_at = started_at - interval '2 minutes' where request_id = :id",
        id=id_of(shown),
    )
    return await world.look(shown)


async def settle(world: World, who: str, shown: View, status: str = "failed") -> bool:
    return (await act.settle(world.services, world.person(who), id_of(shown), status=status, reason="looked"))[1]


async def test_whom_settling_is_refused_for_lack_of_a_role_is_on_the_ledger(world: World) -> None:
    shown = await unknown(world)
    assert shown["status"] == "unknown"
    with pytest.raises(Forbidden):
        await settle(world, "anya", shown)
    assert (await world.kinds(shown))[-1] == "refused"


async def test_refusals_of_settling_are_counted_and_limited(world: World, rules: Path) -> None:
    await change(world, rules, "members: [ivan, nora]", "members: [ivan, nora, dana]", "people.yaml")
    shown = await unknown(world)
    for _ in range(25):
        with pytest.raises(InterlockError):
            await settle(world, "dana", shown)
    assert (await world.kinds(shown)).count("refused") < 5
    assert (await world.look(shown))["refusals"] == 25


async def test_a_settlement_of_who_has_left_does_not_count(world: World) -> None:
    shown = await unknown(world)
    assert not await settle(world, "ivan", shown)
    await sql(world, "update person set active = false where id = 'ivan'")
    try:
        assert not await settle(world, "nora", shown)
    finally:
        await sql(world, "update person set active = true where id = 'ivan'")


async def test_the_same_settlement_again_changes_no_version(world: World) -> None:
    shown = await unknown(world)
    await settle(world, "ivan", shown)
    version = (await world.look(shown))["version"]
    await settle(world, "ivan", shown)
    assert (await world.look(shown))["version"] == version


async def test_who_approved_does_not_settle_even_if_the_vote_was_void(world: World, rules: Path) -> None:
    await change(world, rules, "members: [ivan, nora]", "members: [ivan, nora, dana]", "people.yaml")
    shown = await lost(world, "do.grave")
    await vote(world, "dana", shown)
    await sql(world, "update person set active = false where id = 'dana'")
    await start(world.ctx, id_of(shown), "one")
    await sql(world, "update person set active = true where id = 'dana'")
    await vote(world, "marco", shown)
    await start(world.ctx, id_of(shown), "one")
    await finish(world.ctx, id_of(shown), 1, "one", SAID_503)
    await sql(
        world,
        "update execution_attempt set started_at = started_at - interval '2 minutes' where request_id = :id",
        id=id_of(shown),
    )
    with pytest.raises(Forbidden):
        await settle(world, "dana", shown)
