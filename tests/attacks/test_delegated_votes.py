"""Delegation under attack: how often a pair counts, and what becomes of a vote when its ground has gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import Forbidden
from app.steps.start import start
from app.steps.tick import tick
from app.use_cases import act, delegations, read
from app.use_cases.delegations import Wish
from tests.properties.quiet import decided, ended, later, leave, refused, signed, starts, status
from tests.steps.delegating import HOUR, away, back, entry_of, everybody_back
from tests.steps.words import SAID_503, change, id_of, lost, sql, vote
from tests.world import World

LONG_AGO = "update execution_attempt set started_at = started_at - interval '5 minutes'"


@pytest.fixture(autouse=True)
async def as_before(world: World) -> AsyncIterator[None]:
    """Nobody is away, all are active, nothing is suspended."""
    yield
    await everybody_back(world)


# The two of them count once.


@pytest.mark.parametrize("order", [("dana", "eve"), ("eve", "dana")])
async def test_both_together_are_no_quorum_of_two(world: World, order: tuple[str, str]) -> None:
    await away(world, "dana", "eve")
    shown = await lost(world, "do.two")
    assert await decided(world, order[0], shown) == "record"
    assert await refused(world, order[1], shown) == {"one-person-one-vote"}
    assert order[1] not in (await world.look(shown))["may_decide"]
    await signed(world, "marco", shown)


async def test_two_members_of_one_group_count_once_while_one_stands_in(world: World) -> None:
    await away(world, "dana", "marco")
    shown = await lost(world, "do.two")
    assert await decided(world, "marco", shown) == "record"
    assert await refused(world, "dana", shown) == {"one-person-one-vote"}


async def test_votes_of_two_who_become_a_pair_count_once_at_the_start(world: World) -> None:
    """Their delegation was given before, and begins between the votes and the start."""
    await away(world, "dana", "marco", begin=HOUR)
    shown = await lost(world, "do.two")
    await vote(world, "dana", shown)
    await signed(world, "marco", shown)
    await sql(world, "update delegation set starts_at = created_at")
    assert not await starts(world, shown)
    assert await status(world, shown) == "held"
    await signed(world, "priya", shown)
    assert await starts(world, shown)


async def test_one_who_stands_in_for_two_is_one_vote(world: World) -> None:
    await away(world, "dana", "eve")
    await away(world, "marco", "eve")
    shown = await lost(world, "do.two")
    assert await decided(world, "eve", shown) == "record"
    assert [one["stands_for"] for one in (await world.look(shown))["decisions"]] == [["dana", "marco"]]
    for who in ("dana", "marco"):
        assert await refused(world, who, shown) == {"one-person-one-vote"}
    assert await status(world, shown) == "held"
    await signed(world, "priya", shown)


@pytest.mark.parametrize("first", ["dana", "felix"])
async def test_the_two_of_them_do_not_decide_two_stages(world: World, first: str) -> None:
    await away(world, "dana", "felix")
    shown = await lost(world, "do.stages")
    assert await decided(world, first, shown) == "record"
    for who in ("dana", "felix"):
        assert await refused(world, who, shown) == {"stage-repeat"}
    await signed(world, "fiona", shown)


async def test_the_two_of_them_do_not_settle_high_risk(world: World) -> None:
    shown = await ended(world, "do.grave", SAID_503)
    await sql(world, LONG_AGO)
    await sql(
        world,
        "insert into delegation select gen_random_uuid(), 'ivan', 'nora', now() - interval '1 day', "
        "now() + interval '1 day', 'Holidays', now() - interval '1 day'",
    )
    for who in ("ivan", "nora"):
        seen, settled = await act.settle(
            world.services, world.person(who), id_of(shown), status="failed", reason="I looked"
        )
        assert (settled, seen["settle"]["have"]) == (False, 1)
    assert await status(world, shown) == "unknown"


async def test_the_delegate_of_who_approved_does_not_settle(world: World) -> None:
    await away(world, "dana", "nora")
    shown = await ended(world, "do.once", SAID_503)
    await sql(world, LONG_AGO)
    with pytest.raises(Forbidden) as error:
        await act.settle(world.services, world.person("nora"), id_of(shown), status="failed", reason="I looked")
    assert {broken.invariant for broken in error.value.violations} == {"stage-repeat"}


# Judged again before it runs.


async def test_a_vote_by_a_delegation_that_was_ended_since_is_void(world: World) -> None:
    given = await away(world, "dana", "eve")
    shown = await lost(world, "do.high")
    await signed(world, "eve", shown)
    await back(world, given, "eve")
    assert not await starts(world, shown)
    assert await status(world, shown) == "held"
    assert (await entry_of(world, shown, "vote-void"))["violation"] == "stale-authority"
    await signed(world, "dana", shown)  # her own right was never used


async def test_a_vote_by_a_delegation_that_has_run_out_is_void(world: World) -> None:
    await away(world, "dana", "eve", span=HOUR)
    shown = await lost(world, "do.high")
    await signed(world, "eve", shown)
    assert (await start(later(world, 2 * HOUR), id_of(shown), "one")).go is None
    assert await status(world, shown) == "held"
    assert (await entry_of(world, shown, "vote-void"))["violation"] == "stale-authority"


async def test_a_vote_for_who_has_left_is_void(world: World) -> None:
    await away(world, "dana", "eve")
    shown = await lost(world, "do.high")
    await signed(world, "eve", shown)
    await leave(world, "dana")
    assert not await starts(world, shown)
    assert await status(world, shown) == "held"
    assert await refused(world, "eve", shown) == {"not-eligible"}


async def test_a_delegate_who_has_left_is_void(world: World) -> None:
    await away(world, "dana", "eve")
    shown = await lost(world, "do.high")
    await signed(world, "eve", shown)
    await leave(world, "eve")
    assert not await starts(world, shown)
    assert await status(world, shown) == "held"


async def test_a_vote_in_ones_own_right_stands_when_the_delegation_ends(world: World) -> None:
    given = await away(world, "dana", "marco")
    shown = await lost(world, "do.high")
    await signed(world, "marco", shown)
    await back(world, given)
    assert await starts(world, shown)


async def test_a_delegate_may_take_back_what_they_said_after_it_has_ended(world: World) -> None:
    given = await away(world, "dana", "eve")
    shown = await lost(world, "do.high")
    await signed(world, "eve", shown)
    await back(world, given)
    assert await decided(world, "eve", shown, "deny") == "withdraw"
    assert await status(world, shown) == "denied"


async def test_a_delegates_no_is_final(world: World) -> None:
    await away(world, "dana", "eve")
    shown = await lost(world, "do.two")
    assert await decided(world, "eve", shown, "deny") == "record"
    assert await status(world, shown) == "denied"


async def test_a_quorum_that_only_a_pair_could_fill_is_out_of_reach(world: World, rules: Path) -> None:
    """It goes to the fallback at once, as when one of them could not decide at all."""
    await change(world, rules, "members: [mia, olivia]}", "members: [dana, eve]}", "people.yaml")
    await away(world, "dana", "eve")
    shown = await lost(world, "do.pair")
    await tick(world.ctx, id_of(shown))
    assert (await entry_of(world, shown, "escalated"))["why"] == "quorum-out-of-reach"


# Who gives it.


@pytest.mark.parametrize("kind", ["bot", "target", "unlinked"])
async def test_only_persons_give_end_or_see_it(world: World, kind: str) -> None:
    given = await away(world, "dana", "eve")
    who = world.bot() if kind == "bot" else type(world.bot())(kind, None, "someone", world.person("dana").level)
    wish = Wish("eve", None, await in_a_day(world), "Because")
    for call in (
        delegations.give(world.services, who, "key", wish),
        delegations.end(world.services, who, id_of(given)),
        delegations.end_own(world.services, who),
        delegations.read(world.services, who, id_of(given)),
        delegations.listing(world.services, who),
    ):
        with pytest.raises(Forbidden):
            await call


async def test_a_delegate_lists_what_they_may_decide_and_nothing_else(world: World) -> None:
    before = await lost(world, "do.high")
    given = await away(world, "dana", "greta")
    shown = await lost(world, "do.high")

    async def listed(*, mine: bool) -> set[str]:
        filters = read.Filters(decidable_by_me=mine)
        page = await read.listing(world.services, world.person("greta"), filters, cursor=None, limit=200)
        return {one["id"] for one in page["items"]}

    for mine in (False, True):
        assert await listed(mine=mine) & {before["id"], shown["id"]} == {shown["id"]}
    await back(world, given)
    for mine in (False, True):
        assert not await listed(mine=mine) & {before["id"], shown["id"]}


async def test_one_who_left_meanwhile_gives_nothing(world: World) -> None:
    who = world.person("dana")
    await leave(world, "dana")
    with pytest.raises(Forbidden) as error:
        await delegations.give(world.services, who, "key", Wish("eve", None, await in_a_day(world), "Because"))
    assert {broken.invariant for broken in error.value.violations} == {"unlinked-identity"}


async def in_a_day(world: World) -> Any:
    async with world.ctx.database.transaction() as session:
        return await world.ctx.clock.now(session) + timedelta(days=1)
