"""The guards of letting people go and of linking accounts for others, each against the steps alone."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.db import ledger, links
from app.domain.ask import Ask
from app.domain.errors import Forbidden, NotOpenToThis, OffSchema
from app.governance.built_in import LINK, OFF_BOARD
from app.steps.start import start
from app.steps.tick import tick
from app.use_cases import changes
from app.use_cases.actors import SlackAccount, slack_actor
from app.use_cases.governance import install
from app.use_cases.seats import seats_of
from tests.properties.quiet import approved, ended, leave, refused, signed, status
from tests.steps.breaking import broken, forbidden, still
from tests.steps.delegating import away
from tests.steps.leaving import (
    active,
    as_at_first,
    asked,
    gone,
    holders,
    link_asked,
    members,
    run,
    three_administrators,
)
from tests.steps.words import admitted, change, id_of, lost, resumption, sql, undo, vote
from tests.world import RULES, World

WAITING = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


@pytest.fixture(autouse=True)
async def usual(world: World) -> AsyncIterator[None]:
    await as_at_first(world)
    yield
    await as_at_first(world)


async def at_the_door(world: World, who: str, action: str = OFF_BOARD, **parameters: Any) -> Any:
    """An ask as people make it: what is refused at the door is raised."""
    return await changes.ask_change(
        world.services, world.person(who), uuid.uuid4().hex, action=action, parameters=parameters, reason="so"
    )


PAIR = {"groups__pair": "zoe"}
"""Olivia is one of two of whom a plan asks two: somebody must take her place there."""


async def test_seats_go_to_the_successor_and_groups_to_nobody(world: World) -> None:
    ended = await gone(world, "olivia", "rita", **PAIR)
    assert (await holders(world))["business"] == (await holders(world, "other-bot"))["business"] == "rita"
    assert not {"olivia", "rita"} & await members(world, "leads")
    assert await members(world, "pair") == {"mia", "zoe"}
    assert not await active(world, "olivia")
    result = ended["execution"]["result"]
    assert result["policy_version"] != result["replaced"] == ended["verdict"]["policy_version"]


async def test_each_place_to_another(world: World) -> None:
    await gone(world, "olivia", "rita", groups__leads="max", bots__bot__business="lena", **PAIR)
    assert (await holders(world))["business"] == "lena"
    assert (await holders(world, "other-bot"))["business"] == "rita"
    assert "max" in await members(world, "leads")


async def test_who_sits_nowhere(world: World) -> None:
    ended = await gone(world, "zoe")
    result = ended["execution"]["result"]
    assert result["policy_version"] == result["replaced"]
    assert not await active(world, "zoe")


async def test_neither_who_asked_nor_who_leaves_signs(world: World, rules_copy: Path) -> None:
    await three_administrators(world, rules_copy)
    shown = await asked(world, "ben")
    assert "governance-change" in await refused(world, "ada", shown)
    assert "governance-change" in await refused(world, "ben", shown)
    assert await refused(world, "olivia", shown) == {"not-eligible"}
    assert await refused(world, "zoe", shown) == set()


async def test_nor_their_delegate(world: World, rules_copy: Path) -> None:
    await three_administrators(world, rules_copy)
    await away(world, "ben", "zoe")
    assert "delegate-excluded" in await refused(world, "zoe", await asked(world, "ben"))


async def test_who_leaves_may_ask_and_not_sign(world: World, rules_copy: Path) -> None:
    await three_administrators(world, rules_copy)
    shown = await asked(world, "ada")
    assert "governance-change" in await refused(world, "ada", shown)
    await vote(world, "ben", shown)
    assert (await run(world, shown))["status"] == "succeeded"
    assert await members(world, "admins") == {"ben", "zoe"}


async def test_only_an_administrator_asks(world: World) -> None:
    with pytest.raises(Forbidden):
        await at_the_door(world, "dana", person="zoe")
    shown = await asked(world, "zoe", who="dana")
    assert (shown["status"], shown["verdict"]["code"]) == ("denied", "not-entitled")


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"person": "nobody"}, "no person 'nobody'"),
        ({"person": "olivia", "to": "nobody"}, "no active person 'nobody'"),
        ({"person": "olivia", "to": "olivia"}, "takes nothing over"),
        ({"person": "olivia", "to": "max", "seats": {"groups.pair": "nobody"}}, "no active person 'nobody'"),
        ({"person": "olivia", "to": "max", "seats": {"groups.finance": "zoe"}}, "groups.finance: olivia does not sit"),
        ({"person": "olivia", "seats": {"groups.pair": "zoe"}}, "bots.bot.business: the seat would be empty"),
        ({"person": "tom", "seats": {"bots.bot.deployed_by": "zoe"}}, "bots.other-bot.deployed_by: the seat would be"),
        ({"person": "olivia", "to": "sam", "seats": {"groups.pair": "zoe"}}, "security must differ; sam holds both"),
        ({"person": "olivia", "to": "max"}, "groups.pair: the plan dead-end asks 2 of them, and 1 would be left"),
        ({"person": "greta"}, "groups.managers: nobody would be left"),
        ({"person": "ben"}, "at least two distinct persons must be in groups that may"),
        ({"person": "ben", "seats": {"groups.admins": "ada"}}, "at least two distinct persons"),
    ],
)
async def test_what_would_be_out_of_order(world: World, wish: dict[str, Any], says: str) -> None:
    """Said by name, at the door and by the step as well: it may have come to be so in between."""
    with pytest.raises(OffSchema, match=says):
        await at_the_door(world, "ada", **wish)
    shown = await admitted(world, Ask("governance", "person", "ada", None, OFF_BOARD, wish, reason="They leave"))
    assert (shown["status"], shown["verdict"]["code"]) == ("denied", "not-in-order")
    assert says in shown["verdict"]["reason"]


async def test_who_has_left_already(world: World) -> None:
    first, second = await asked(world, "zoe"), await asked(world, "zoe")
    await signed(world, "ben", first)
    await run(world, first)
    await tick(world.ctx, id_of(second))
    assert (await world.look(second))["ended_why"] == "rules-changed"
    with pytest.raises(NotOpenToThis, match="left already"):
        await at_the_door(world, "ada", person="zoe")
    third = await asked(world, "zoe")
    assert (third["status"], third["verdict"]["code"]) == ("denied", "not-in-order")


async def test_a_successor_who_has_left(world: World) -> None:
    await leave(world, "max")
    with pytest.raises(OffSchema, match="no active person 'max'"):
        await at_the_door(world, "ada", person="olivia", to="max", seats={"groups.pair": "zoe"})


async def test_what_was_signed_on_other_rules_is_revoked(world: World, rules_copy: Path) -> None:
    shown = await asked(world, "olivia", "max", **PAIR)
    await signed(world, "ben", shown)
    await change(world, rules_copy, "title: Another bot", "title: Still another bot")
    ended = await run(world, shown)
    assert (ended["status"], ended["ended_why"]) == ("revoked", "rules-changed")
    assert await active(world, "olivia")


async def test_a_successor_who_leaves_in_between(world: World) -> None:
    shown = await asked(world, "olivia", "max", **PAIR)
    await signed(world, "ben", shown)
    await leave(world, "max")
    assert (await run(world, shown))["ended_why"] == "rules-changed"


async def test_who_asked_has_left(world: World) -> None:
    shown = await asked(world, "olivia", "max", **PAIR)
    await signed(world, "ben", shown)
    await leave(world, "ada")
    assert (await run(world, shown))["ended_why"] == "not-entitled"


async def test_of_two_at_once_the_second_fails(world: World) -> None:
    first, second = await asked(world, "greta", groups__managers="max"), await asked(world, "olivia", "max", **PAIR)
    for shown in (first, second):
        await signed(world, "ben", shown)
    async with world.ctx.database.transaction() as session:
        await ledger.lock_stream(session, "installation")
        running = [asyncio.create_task(start(world.ctx, id_of(shown), "one")) for shown in (first, second)]
        async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(30), reraise=True):
            with attempt:
                assert len(await sql(world, WAITING)) == 2
    await asyncio.gather(*running)
    assert {await status(world, first), await status(world, second)} == {"failed", "succeeded"}


async def test_what_they_asked_is_revoked(world: World) -> None:
    done = await ended(world)
    await world.suspend(bot="other-bot")
    resume, back = await resumption(world, "nora", "other-bot"), await undo(world, "nora", done)
    assert resume["status"] == back["status"] == "held"
    found = await gone(world, "nora")
    assert set(found["execution"]["result"]["revokes"]) == {resume["id"], back["id"]}
    for shown in (resume, back):
        await tick(world.ctx, id_of(shown))
        seen = await world.look(shown)
        assert (seen["status"], seen["ended_why"]) == ("revoked", "asker-left")


async def test_a_change_of_theirs_that_was_signed_does_not_run(world: World) -> None:
    await world.suspend(bot="other-bot")
    shown = await resumption(world, "nora", "other-bot")
    await signed(world, "ben", shown)
    await gone(world, "nora")
    assert (await run(world, shown))["ended_why"] == "asker-left"


async def test_their_vote_is_void(world: World) -> None:
    shown = await lost(world, "do.two")
    await vote(world, "mia", shown)
    assert (await world.look(shown))["decisions"]
    await gone(world, "mia", **PAIR)
    await tick(world.ctx, id_of(shown))
    seen = await world.look(shown)
    assert [said["standing"] for said in seen["decisions"]] == [False]
    assert "vote-void" in await world.kinds(shown)
    await vote(world, "dana", shown)
    assert await status(world, shown) == "held"
    await signed(world, "marco", shown)


async def test_their_vote_does_not_come_back_with_them(world: World) -> None:
    shown = await lost(world, "do.two")
    await vote(world, "mia", shown)
    assert (await world.look(shown))["decisions"]
    await gone(world, "mia", **PAIR)
    await tick(world.ctx, id_of(shown))
    await install(world.ctx, RULES, replace=True, by="zoe")
    await vote(world, "dana", shown)
    assert await status(world, shown) == "held"


async def test_what_was_approved_by_them_is_held_again(world: World) -> None:
    shown = await approved(world, "do.moderate", ("dana",))
    await gone(world, "dana", "max")
    assert (await start(world.ctx, id_of(shown), "one")).go is None
    assert await status(world, shown) == "held"


async def test_their_delegations_end(world: World) -> None:
    """Given and received; nor do they come back when the person does."""
    given, got = await away(world, "dana", "max"), await away(world, "priya", "dana")
    found = await gone(world, "dana")
    assert found["execution"]["result"]["delegations_ended"] == 2
    ends = "select id::text from delegation where ended_at is not null and ended_by = 'ada' order by 1"
    assert [row[0] for row in await sql(world, ends)] == sorted([given["id"], got["id"]])
    shown = await lost(world, "do.moderate")
    assert await refused(world, "max", shown) == {"not-eligible"}
    await install(world.ctx, RULES, replace=True, by="zoe")
    assert await refused(world, "max", await lost(world, "do.moderate")) == {"not-eligible"}


async def test_who_took_a_place_does_not_decide_there(world: World) -> None:
    """Asker and signer are the authors of these rules."""
    await gone(world, "olivia", "max", groups__leads="ada", **PAIR)
    shown = await lost(world, "do.moderate")
    assert await refused(world, "ada", shown) == {"policy-author"}
    await gone(world, "marco", groups__leads="ben")
    assert await refused(world, "ben", await lost(world, "do.moderate")) == {"policy-author"}
    assert await refused(world, "dana", shown) == set()


async def test_who_took_a_responders_place_does_not_break_the_glass(world: World) -> None:
    await gone(world, "nora", groups__responders="ada")
    shown = await still(world, "do.high")
    assert await forbidden(world, shown, "ada") == {"policy-author"}
    assert (await broken(world, shown, "ivan"))["status"] == "approved"


async def test_nor_of_what_waited_already(world: World) -> None:
    shown = await still(world, "do.high")
    await gone(world, "nora", groups__responders="ada")
    assert await forbidden(world, shown, "ada") == {"policy-author"}
    assert (await broken(world, shown, "ivan"))["status"] == "approved"


async def test_who_let_themselves_into_a_stage_that_was_added(world: World, rules_copy: Path) -> None:
    """It waits for its start; Ada takes a place in finance, and then finance is asked as well."""
    shown = await approved(world, "do.moderate")
    await gone(world, "fiona", groups__finance="ada")
    people, desk = rules_copy / "people.yaml", rules_copy / "desk.yaml"
    people.write_text(people.read_text().replace("members: [fiona, felix, dana]", "members: [ada, felix, dana]"))
    more = "rules:\n  - {name: more, when: 'action.name == \"do.moderate\"', hold: stages}\n"
    desk.write_text(desk.read_text().replace("rules:\n", more))
    await install(world.ctx, rules_copy, replace=True, by="zoe")
    assert (await start(world.ctx, id_of(shown), "one")).go is None
    assert (await world.look(shown))["plan"]["stages"][-1]["group"] == "finance"
    assert await refused(world, "ada", shown) == {"policy-author"}
    assert await refused(world, "felix", shown) == set()


async def test_who_they_were_as_a_payee_is_remembered(world: World, rules_copy: Path) -> None:
    """Mia comes back a day later, and nobody says any more that she is employee:mia."""
    await gone(world, "mia", **PAIR)
    await change(world, rules_copy, ', "employee:mia"', "", "people.yaml")
    shown = await lost(world, "do.moderate", payee="employee:mia")
    assert await refused(world, "mia", shown) == {"beneficiary"}


async def test_who_sees_where_somebody_sits(world: World) -> None:
    for who in ("ada", "anya", "olivia"):
        found = await seats_of(world.services, world.person(who), "olivia")
        assert {one["place"] for one in found["seats"]} >= {"bots.bot.business", "bots.other-bot.business"}
    for who in ("dana", "ivan", "sam"):
        with pytest.raises(Forbidden):
            await seats_of(world.services, world.person(who), "olivia")


async def test_an_account_is_linked_by_two_others(world: World, rules_copy: Path) -> None:
    await three_administrators(world, rules_copy)
    shown = await link_asked(world, "zoe", "T0/U0NEW")
    for who in ("ada", "zoe"):
        assert "governance-change" in await refused(world, who, shown)
    assert await refused(world, "olivia", shown) == {"not-eligible"}
    await signed(world, "ben", shown)
    assert (await run(world, shown))["status"] == "succeeded"
    found = await slack_actor(world.services, SlackAccount("T0", "U0NEW"))
    assert (found.kind, found.id) == ("person", "zoe")


async def test_only_an_administrator_asks_for_a_link(world: World) -> None:
    with pytest.raises(Forbidden):
        await at_the_door(world, "dana", LINK, person="zoe", identity={"slack": "T0/U0NEW"})
    shown = await link_asked(world, "zoe", "T0/U0NEW", who="dana")
    assert (shown["status"], shown["verdict"]["code"]) == ("denied", "not-entitled")


async def test_an_account_of_somebody_is_not_linked_again(world: World) -> None:
    with pytest.raises(NotOpenToThis, match="dana's already"):
        await at_the_door(world, "ada", LINK, person="zoe", identity={"slack": "T0/U0DANA"})
    shown = await link_asked(world, "zoe", "T0/U0DANA")
    assert (shown["status"], shown["verdict"]["code"]) == ("denied", "not-in-order")


async def test_an_account_that_was_taken_meanwhile(world: World) -> None:
    first, second = await link_asked(world, "zoe", "T0/U0NEW"), await link_asked(world, "max", "T0/U0NEW")
    for shown in (first, second):
        await signed(world, "ben", shown)
    assert (await run(world, first))["status"] == "succeeded"
    assert (await run(world, second))["ended_why"] == "not-in-order"
    assert (await slack_actor(world.services, SlackAccount("T0", "U0NEW"))).id == "zoe"


async def test_an_account_that_is_taken_at_the_same_moment(world: World) -> None:
    """The other is not committed when this looks: the insert waits, and then finds it taken."""
    shown = await link_asked(world, "zoe", "T0/U0NEW")
    await signed(world, "ben", shown)
    async with world.ctx.database.transaction() as session:
        await links.claim(session, "T0", "U0NEW", "max")
        running = asyncio.create_task(start(world.ctx, id_of(shown), "one"))
        async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(30), reraise=True):
            with attempt:
                assert await sql(world, WAITING)
    await running
    assert await status(world, shown) == "failed"
    assert (await slack_actor(world.services, SlackAccount("T0", "U0NEW"))).id == "max"


@pytest.mark.parametrize(("who", "why"), [("ada", "not-entitled"), ("zoe", "not-in-order")])
async def test_a_link_when_somebody_has_left(world: World, who: str, why: str) -> None:
    shown = await link_asked(world, "zoe", "T0/U0NEW")
    await signed(world, "ben", shown)
    await leave(world, who)
    assert (await run(world, shown))["ended_why"] == why
