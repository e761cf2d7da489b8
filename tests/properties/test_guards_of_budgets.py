"""Each guard of the budgets once, on the database alone: what counts, what does not, and what comes of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.domain.budget import to_the_second
from app.domain.clocks import moment
from app.use_cases import stop
from app.use_cases.views import View
from tests.properties.quiet import cancel, decided, later, starts
from tests.steps.budgeted import ask, code, with_budgets
from tests.steps.words import id_of, sql, vote
from tests.world import World

pytestmark = pytest.mark.usefixtures("as_before")

ASKS = 'name: asks, action: "do.*", count: requests, at_most: 2, over: 1h'
WAITING = 'name: waiting, action: "*", count: holds, at_most: 2'
SPENT = 'name: spent, action: "do.*", sum: parameters.amount, at_most: 100, over: 24h'


async def said(world: World, bot: str, *asks: dict[str, Any]) -> list[str]:
    """What each of these asks, one after the other, comes to."""
    return [code(await ask(world, bot, **one)) for one in asks]


def reason(shown: View) -> str:
    assert code(shown) == "over-budget"
    assert (shown["status"], shown["plan"]) == ("denied", None)
    return str(shown["verdict"]["reason"])


# How often.


async def test_so_many_in_a_span_and_no_more(world: World, rules_copy: Path) -> None:
    """What is over is denied, by the budget's name and with the moment at which there is room again."""
    bot = await with_budgets(world, rules_copy, ASKS)
    first = await ask(world, bot)
    assert code(await ask(world, bot, "do.high", mode="allow")) == "allow", "what is allowed counts as well"
    frees_up = to_the_second(moment(first["created_at"]) + timedelta(hours=1))
    expected = f"The budget asks allows 2 requests over 1h; it frees up at {frees_up}, if nothing else is asked."
    assert reason(await ask(world, bot)) == expected


async def test_there_is_room_again_at_the_moment_that_was_told(world: World, rules_copy: Path) -> None:
    bot = await with_budgets(world, rules_copy, ASKS)
    await ask(world, bot)
    await ask(world, bot, ctx=later(world, timedelta(minutes=10)))
    assert code(await ask(world, bot, ctx=later(world, timedelta(minutes=59)))) == "over-budget"
    assert code(await ask(world, bot, ctx=later(world, timedelta(minutes=61)))) == "hold"
    told = reason(await ask(world, bot, ctx=later(world, timedelta(minutes=62))))
    now = (await sql(world, "select clock_timestamp()"))[0][0]
    freed = moment(told.split(" frees up at ")[1].split(",")[0])
    assert timedelta(minutes=69) < freed - now < timedelta(minutes=70, seconds=1)


EARLIER = "update request set created_at = created_at - make_interval(mins => :minutes) where id = :id"


async def test_there_is_room_again_after_the_budget_was_lowered(world: World, rules_copy: Path) -> None:
    """What is told is when enough of what counts has left the span, not when the first has."""
    source = rules_copy / "desk.yaml"
    as_it_was = source.read_text()
    bot = await with_budgets(world, rules_copy, ASKS.replace("2", "9"))
    asked = [await ask(world, bot) for _ in range(4)]
    for n, shown in enumerate(asked[:2]):  # else all four may be of the same second, in which moments are told
        await sql(world, EARLIER, minutes=20 - 10 * n, id=id_of(shown))
    source.write_text(as_it_was)
    await with_budgets(world, rules_copy, ASKS, name=bot)
    frees_up = to_the_second(moment(asked[2]["created_at"]) + timedelta(hours=1))
    assert f"frees up at {frees_up}" in reason(await ask(world, bot))


async def test_who_cancels_and_asks_again_gets_no_further(world: World, rules_copy: Path) -> None:
    bot = await with_budgets(world, rules_copy, ASKS)
    for _ in range(2):
        await cancel(world, world.bot(bot), await ask(world, bot))
    assert code(await ask(world, bot)) == "over-budget"


async def test_what_people_deny_was_asked_all_the_same(world: World, rules_copy: Path) -> None:
    bot = await with_budgets(world, rules_copy, ASKS)
    for _ in range(2):
        assert await decided(world, "dana", await ask(world, bot), "deny") == "record"
    assert code(await ask(world, bot)) == "over-budget"


async def test_what_is_denied_at_once_takes_nothing(world: World, rules_copy: Path) -> None:
    """Neither what the rules deny nor what is over: the budget could never free up."""
    bot = await with_budgets(world, rules_copy, ASKS)
    assert await said(world, bot, {"mode": "deny"}, {"mode": "err"}, {}) == ["rule", "rule-error", "hold"]
    assert await said(world, bot, {}, {}, {}) == ["hold", "over-budget", "over-budget"]
    assert code(await ask(world, bot, ctx=later(world, timedelta(minutes=61)))) == "hold"


# How much is held at once.


async def test_so_many_are_held_at_once_and_no_more(world: World, rules_copy: Path) -> None:
    bot = await with_budgets(world, rules_copy, WAITING)
    first = await ask(world, bot)
    await ask(world, bot, "do.high")
    expected = "The budget waiting allows 2 held at once; it frees up as people decide them."
    assert reason(await ask(world, bot, "do.two")) == expected
    await vote(world, "dana", first)
    assert await said(world, bot, {}, {}) == ["hold", "over-budget"]


async def test_what_is_allowed_is_not_held_up(world: World, rules_copy: Path) -> None:
    """It neither counts nor is denied."""
    bot = await with_budgets(world, rules_copy, WAITING)
    allow, hold = {"mode": "allow"}, {"mode": "hold"}
    assert await said(world, bot, allow, hold, allow, hold) == ["allow", "hold", "allow", "hold"]
    assert await said(world, bot, hold, allow) == ["over-budget", "allow"]


async def test_what_a_stop_has_ended_is_held_no_more(world: World, rules_copy: Path) -> None:
    """Though nobody has recorded it yet."""
    bot = await with_budgets(world, rules_copy, WAITING)
    held = [await ask(world, bot) for _ in range(2)]
    await stop.suspend(world.services, world.person("ivan"), bot, "It runs amok")
    await sql(world, "update bot set suspended_at = null")
    assert {(await world.row(shown)).status for shown in held} == {"held"}
    assert await said(world, bot, {}, {}, {}) == ["hold", "hold", "over-budget"]


# How much in all.


async def test_so_much_in_a_span_and_no_more(world: World, rules_copy: Path) -> None:
    """The ask itself is part of it; what runs and what waits count alike."""
    bot = await with_budgets(world, rules_copy, SPENT)
    first = await ask(world, bot, amount=60)
    assert await said(world, bot, {"amount": 30, "mode": "allow"}, {"amount": 10}) == ["allow", "hold"]
    frees_up = to_the_second(moment(first["created_at"]) + timedelta(hours=24))
    expected = f"The budget spent allows 100 of amount over 24h; it frees up at {frees_up}, if nothing else is asked."
    assert reason(await ask(world, bot, amount=1)) == expected
    assert reason(await ask(world, bot, amount=61)).count(to_the_second(moment(first["created_at"]))) == 0
    assert reason(await ask(world, bot, amount=101)).endswith("and this request alone is more.")
    assert code(await ask(world, bot, amount=0)) == "hold"
    assert code(await ask(world, bot, amount=60, ctx=later(world, timedelta(hours=24, minutes=1)))) == "hold"


async def test_what_came_to_nothing_moved_nothing(world: World, rules_copy: Path) -> None:
    bot = await with_budgets(world, rules_copy, SPENT)
    await cancel(world, world.bot(bot), await ask(world, bot, amount=100))
    assert await decided(world, "dana", await ask(world, bot, amount=100), "deny") == "record"
    assert await said(world, bot, {"amount": 100}, {"amount": 1}) == ["hold", "over-budget"]


async def test_what_runs_counts(world: World, rules_copy: Path) -> None:
    bot = await with_budgets(world, rules_copy, SPENT)
    assert await starts(world, await ask(world, bot, amount=100, mode="allow"))
    assert await said(world, bot, {"amount": 1}) == ["over-budget"]


async def test_an_amount_below_nothing_makes_no_room(world: World, rules_copy: Path) -> None:
    bot = await with_budgets(world, rules_copy, SPENT)
    asks = ({"amount": -50}, {"amount": 100}, {"amount": -50}, {"amount": 1})
    assert await said(world, bot, *asks) == ["hold", "hold", "hold", "over-budget"]


async def test_an_amount_that_is_not_said_is_too_much(world: World, rules_copy: Path) -> None:
    bot = await with_budgets(world, rules_copy, SPENT)
    expected = "The budget spent adds up amount, and this request has no whole number there."
    assert reason(await ask(world, bot)) == expected


@pytest.mark.parametrize("unknown", [{}, {"amount": "7"}, {"amount": 7.5}], ids=["absent", "a word", "not whole"])
async def test_an_amount_that_was_not_said_before_there_was_a_budget_is_too_much(
    world: World, rules_copy: Path, unknown: dict[str, Any]
) -> None:
    source = rules_copy / "desk.yaml"
    as_it_was = source.read_text()
    bot = await with_budgets(world, rules_copy, ASKS)
    before = await ask(world, bot, "do.high", **unknown)
    source.write_text(as_it_was)
    await with_budgets(world, rules_copy, SPENT, name=bot)
    frees_up = to_the_second(moment(before["created_at"]) + timedelta(hours=24))
    assert reason(await ask(world, bot, amount=1)).endswith(
        f"an earlier request has no whole number there; it frees up at {frees_up}, if nothing else is asked."
    )


# Whose, and of what.


@pytest.mark.parametrize("budget", [ASKS.replace("at_most: 2", "at_most: 1"), WAITING.replace("2", "1"), SPENT])
async def test_it_is_of_one_bot_and_of_what_it_covers(world: World, rules_copy: Path, budget: str) -> None:
    """All its actions and credentials together, and nobody else's."""
    one = await with_budgets(world, rules_copy, budget.replace('"*"', '"do.*"'))
    other = await with_budgets(world, rules_copy, budget.replace('"*"', '"do.*"'))
    full: dict[str, Any] = {"amount": 100}
    assert code(await ask(world, one, amount=100)) == "hold"
    assert code(await ask(world, one, "do.high", client="other-client", **full)) == "over-budget"
    assert code(await ask(world, one, "look.up", mode="hold", **full)) == "hold", "not covered"
    assert code(await ask(world, other, **full)) == "hold"
    assert code(await ask(world, "bot", **full)) == "hold", "no budget"


async def test_what_is_not_covered_does_not_count(world: World, rules_copy: Path) -> None:
    bot = await with_budgets(world, rules_copy, ASKS, SPENT, WAITING.replace('"*"', '"do.*"'))
    for _ in range(3):
        assert code(await ask(world, bot, "look.up", mode="hold", amount=100)) == "hold"
    assert await said(world, bot, {"amount": 50}, {"amount": 50}) == ["hold", "hold"]


async def test_the_first_that_is_over_is_named(world: World, rules_copy: Path) -> None:
    bot = await with_budgets(world, rules_copy, SPENT, WAITING, ASKS)
    assert await said(world, bot, {"amount": 50}, {"amount": 50}) == ["hold", "hold"]
    assert reason(await ask(world, bot, amount=50)).startswith("The budget asks allows 2 requests")


@pytest.mark.parametrize("budget", [WAITING.replace("2", "1"), SPENT], ids=["held", "amount"])
async def test_what_it_supersedes_does_not_count(world: World, rules_copy: Path, budget: str) -> None:
    bot = await with_budgets(world, rules_copy, budget)
    old = await ask(world, bot, amount=100)
    new = await ask(world, bot, amount=100, supersedes=old["id"])
    assert (code(new), (await world.look(old))["status"]) == ("hold", "cancelled")
    assert code(await ask(world, bot, amount=100, supersedes=old["id"])) == "over-budget", "it is over already"


async def test_what_has_started_counts_whatever_would_supersede_it(world: World, rules_copy: Path) -> None:
    bot = await with_budgets(world, rules_copy, SPENT)
    old = await ask(world, bot, amount=100, mode="allow")
    assert await starts(world, old)
    assert code(await ask(world, bot, amount=100, supersedes=old["id"])) == "superseded-started"


async def test_superseding_takes_of_how_often(world: World, rules_copy: Path) -> None:
    bot = await with_budgets(world, rules_copy, ASKS)
    old = await ask(world, bot)
    new = await ask(world, bot, supersedes=old["id"])
    assert code(await ask(world, bot, supersedes=new["id"])) == "over-budget"
    assert (await world.look(new))["status"] == "held", "what is denied supersedes nothing"


# What comes first.


async def test_what_is_denied_anyway_is_denied_as_ever(world: World, rules_copy: Path) -> None:
    none = 'name: none, action: "do.*", count: requests, at_most: 0, over: 1h'
    bot = await with_budgets(world, rules_copy, none)
    assert await said(world, bot, {"mode": "deny"}, {"mode": "err"}) == ["rule", "rule-error"]
    assert code(await ask(world, bot, "undo.well")) == "not-entitled"
    assert reason(await ask(world, bot)) == "The budget none allows 0 requests over 1h, and this request alone is more."


async def test_whatever_the_rules_say_what_is_over_is_denied(world: World, rules_copy: Path) -> None:
    bot = await with_budgets(world, rules_copy, ASKS)
    assert await said(world, bot, {}, {}) == ["hold", "hold"]
    shown = await ask(world, bot, mode="allow")
    assert code(shown) == "over-budget"
    assert {"name": "allowed", "outcome": "allow"} in shown["verdict"]["rules"]


async def test_the_fast_path_knows_budgets(world: World, rules_copy: Path) -> None:
    bot = await with_budgets(world, rules_copy, ASKS.replace("do.", "look."), WAITING.replace("2", "0"))
    for _ in range(2):
        assert (await ask(world, bot, "look.up", fast=True))["status"] == "executing"
    assert code(await ask(world, bot, "look.up", fast=True)) == "over-budget"
    assert reason(await ask(world, bot, "do.moderate", fast=True)).startswith("The budget waiting allows 0 held")


async def test_a_clock_that_was_set_back_frees_nothing(world: World, rules_copy: Path) -> None:
    bot = await with_budgets(world, rules_copy, ASKS, SPENT)
    for _ in range(2):
        await ask(world, bot, amount=10, ctx=later(world, timedelta(minutes=5)))
    assert code(await ask(world, bot, amount=10)) == "over-budget"
