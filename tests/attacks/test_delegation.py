"""Delegation under attack: to get round an exclusion, to count twice, to be called in for what is pending."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.domain.errors import Forbidden, NotFound
from app.use_cases import act, read
from tests.properties.quiet import decided, ended, leave, refused, signed, starts, status
from tests.steps.delegating import HOUR, away, back, entry_of, everybody_back
from tests.steps.words import SAID_503, change, id_of, lost, resumption, sql, undo
from tests.world import World

LONG_AGO = "update execution_attempt set started_at = started_at - interval '5 minutes'"


@pytest.fixture(autouse=True)
async def as_before(world: World) -> AsyncIterator[None]:
    """Nobody is away, all are active, nothing is suspended."""
    yield
    await everybody_back(world)


# What it is for.


async def test_a_delegate_decides_and_it_runs(world: World) -> None:
    await away(world, "dana", "eve")
    shown = await lost(world, "do.high")
    seen = await world.look(shown)
    assert "eve" in seen["may_decide"]
    assert [(one["person"], one["delegate"]) for one in seen["away"]] == [("dana", "eve")]
    await signed(world, "eve", shown)
    assert [one["stands_for"] for one in (await world.look(shown))["decisions"]] == [["dana"]]
    [[pid]] = await sql(world, "select pid::text from person where id = 'dana'")
    assert (await entry_of(world, shown, "decided"))["stands_for"] == [pid]
    assert await starts(world, shown)


async def test_who_is_away_may_still_decide(world: World) -> None:
    await away(world, "dana", "eve")
    shown = await lost(world, "do.high")
    await signed(world, "dana", shown)
    assert await starts(world, shown)
    assert "stands_for" not in await entry_of(world, shown, "decided")


# Getting round an exclusion: outsiders in the right of who is excluded, and others in their own.


async def test_who_made_the_credential_sends_nobody(world: World) -> None:
    await sql(world, "update client_credential set made_by = 'dana'")
    for to in ("eve", "marco"):
        given = await away(world, "dana", to)
        shown = await lost(world, "do.high")
        assert await refused(world, to, shown) == {"delegate-excluded"}
        assert to not in (await world.look(shown))["may_decide"]
        await back(world, given)


async def test_for_whom_the_bot_acts_sends_nobody(world: World) -> None:
    for to in ("eve", "marco"):
        given = await away(world, "mia", to)
        shown = await lost(world, "do.high", behalf="customer:mia")
        assert await refused(world, to, shown) == {"delegate-excluded"}
        await back(world, given)


async def test_who_benefits_sends_nobody(world: World) -> None:
    for to in ("eve", "marco"):
        given = await away(world, "mia", to)
        shown = await lost(world, "do.moderate", payee="customer:mia")
        assert await refused(world, to, shown) == {"delegate-excluded"}
        await back(world, given)


@pytest.mark.parametrize("action", ["do.high", "do.moderate"])
async def test_the_bots_owner_sends_nobody(world: World, action: str) -> None:
    """Nor, below high risk, where one vote is all that the stage asks for."""
    for to in ("eve", "marco"):
        given = await away(world, "olivia", to)
        shown = await lost(world, action)
        assert await refused(world, to, shown) == {"delegate-excluded"}
        await back(world, given)


async def test_below_high_risk_the_owners_delegate_is_no_other_vote(world: World) -> None:
    """A stage of two wants one vote that stands further off: an owner and another owner's delegate are not enough."""
    await away(world, "olivia", "eve")
    shown = await lost(world, "do.moderate", amount=2000)
    for who in ("eve", "tom"):
        assert await decided(world, who, shown) == "record"
    assert await status(world, shown) == "held"
    assert await decided(world, "marco", shown) == "record"
    assert await status(world, shown) == "approved"


async def test_who_approved_sends_nobody_to_sign_its_rollback(world: World) -> None:
    shown = await ended(world)  # by dana
    await away(world, "dana", "eve")
    await away(world, "ivan", "max")
    undoing = await undo(world, "ivan", shown)
    for who in ("eve", "max"):  # nor does who asks for it
        assert await refused(world, who, undoing) == {"delegate-excluded"}


async def test_in_whose_right_it_was_approved_signs_no_rollback_of_it(world: World) -> None:
    given = await away(world, "dana", "eve")
    shown = await ended(world, who=("eve",))
    await back(world, given)
    undoing = await undo(world, "ivan", shown)
    assert await refused(world, "dana", undoing) == {"rollback-approver"}


async def test_who_asks_for_a_change_sends_nobody(world: World) -> None:
    await away(world, "ada", "eve")
    await away(world, "olivia", "ben")
    await world.suspend()
    for who in ("eve", "ben"):
        assert await refused(world, who, await resumption(world, "ada")) == {"delegate-excluded"}


async def test_the_exclusion_stays_when_who_is_excluded_leaves(world: World) -> None:
    await away(world, "mia", "marco")
    shown = await lost(world, "do.high", behalf="customer:mia")
    await leave(world, "mia")
    assert await refused(world, "marco", shown) == {"delegate-excluded"}


async def test_who_is_excluded_sends_nobody_to_settle(world: World, rules: Path) -> None:
    await change(world, rules, "members: [ivan, nora], may", "members: [ivan, nora, max], may", "people.yaml")
    await away(world, "mia", "max")
    shown = await ended(world, "do.once", SAID_503, behalf="customer:mia")
    await sql(world, LONG_AGO)
    with pytest.raises(Forbidden) as error:
        await act.settle(world.services, world.person("max"), id_of(shown), status="failed", reason="I looked")
    assert {broken.invariant for broken in error.value.violations} == {"delegate-excluded"}


# When it does not count.


async def test_nobody_is_called_in_for_what_is_pending(world: World) -> None:
    shown = await lost(world, "do.high")
    await away(world, "dana", "greta")
    assert await refused(world, "greta", shown) == {"not-eligible"}
    assert [(one["person"], one["delegate"]) for one in (await world.look(shown))["away"]] == [("dana", None)]
    with pytest.raises(NotFound):
        await read.read(world.services, world.person("greta"), id_of(shown))


async def test_not_before_it_begins(world: World) -> None:
    await away(world, "dana", "eve", begin=HOUR)
    shown = await lost(world, "do.high")
    assert await refused(world, "eve", shown) == {"not-eligible"}
    assert (await world.look(shown))["away"] == []


async def test_a_right_that_was_given_is_not_passed_on(world: World) -> None:
    await away(world, "dana", "eve")
    await away(world, "eve", "max")
    shown = await lost(world, "do.high")
    assert await refused(world, "max", shown) == {"not-eligible"}
    await signed(world, "eve", shown)


async def test_a_loop_makes_nobody_more(world: World) -> None:
    await away(world, "dana", "eve")
    await away(world, "eve", "dana")
    shown = await lost(world, "do.two")
    assert await decided(world, "eve", shown) == "record"
    assert await refused(world, "dana", shown) == {"one-person-one-vote"}
    assert await status(world, shown) == "held"


async def test_who_joins_the_group_after_admission_lends_nothing(world: World, rules: Path) -> None:
    await away(world, "max", "eve")
    shown = await lost(world, "do.high")
    await change(world, rules, "members: [dana, marco,", "members: [max, dana, marco,", "people.yaml")
    assert await refused(world, "eve", shown) == {"not-eligible"}


async def test_who_left_the_group_lends_nothing(world: World, rules: Path) -> None:
    await away(world, "dana", "eve")
    shown = await lost(world, "do.high")
    await change(world, rules, "members: [dana, marco, priya,", "members: [marco, priya,", "people.yaml")
    assert await refused(world, "eve", shown) == {"not-eligible"}


async def test_an_ended_one_is_over(world: World) -> None:
    given = await away(world, "dana", "greta")
    shown = await lost(world, "do.high")
    assert (await read.read(world.services, world.person("greta"), id_of(shown)))["status"] == "held"
    await back(world, given)
    assert await refused(world, "greta", shown) == {"not-eligible"}
    with pytest.raises(NotFound):
        await read.read(world.services, world.person("greta"), id_of(shown))
