"""Reviews of break-glass under attack: by who had a part in it, by nobody in time, twice, too late."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from app.domain.errors import Forbidden, NotFound, NotOpenToThis
from app.domain.request import Level
from tests.api.conftest import GO_ON
from tests.attacks.test_break_glass import as_before, plan_says
from tests.properties.quiet import decided, leave, starts
from tests.steps.breaking import DAY, LATE, broken, reviewed, still, swept
from tests.steps.delegating import away
from tests.steps.words import change, sql, vote
from tests.world import World

__all__ = ["as_before"]

EXCEPTIONS = "exceptions: eve"


async def test_who_released_it_does_not_review_it(world: World, rules: Path) -> None:
    await change(world, rules, EXCEPTIONS, 'exceptions: "group:responders"')
    shown = await still(world, "do.high")
    seen = await broken(world, shown)
    assert seen["break_glass"]["review"]["reviewers"] == ["nora"]
    with pytest.raises(Forbidden):
        await reviewed(world, seen, "ivan")


async def test_nor_who_stands_in_for_them(world: World, rules: Path) -> None:
    await change(world, rules, EXCEPTIONS, 'exceptions: "group:responders"')
    await away(world, "ivan", "nora")
    seen = await broken(world, await still(world, "do.high"))
    assert seen["break_glass"]["review"]["reviewers"] == ["sam"]


async def test_nor_who_approved_it(world: World, rules: Path) -> None:
    await change(world, rules, EXCEPTIONS, "exceptions: dana")
    shown = await still(world, "do.two")
    await vote(world, "dana", shown)
    seen = await broken(world, shown)
    assert seen["break_glass"]["review"]["reviewers"] == ["sam"]
    with pytest.raises(Forbidden):
        await reviewed(world, seen, "dana")


async def test_nor_who_approved_it_since(world: World, rules: Path) -> None:
    """Named, and then asked for a signature when newer rules had it held again."""
    await change(world, rules, EXCEPTIONS, "exceptions: dana")
    shown = await still(world, "do.two")
    seen = await broken(world, shown)
    assert seen["break_glass"]["review"]["reviewers"] == ["dana"]
    await change(
        world,
        rules,
        "quorum: 2, within: 1h}], expires: 4h}",
        "quorum: 2, within: 1h}], expires: 4h, break_glass: never}",
    )
    assert not await starts(world, shown)
    assert await decided(world, "dana", shown) == "record"
    with pytest.raises(Forbidden) as error:
        await reviewed(world, seen, "dana")
    assert [one.invariant for one in error.value.violations] == ["stage-repeat"]


async def test_nor_who_was_not_named(world: World) -> None:
    seen = await broken(world, await still(world, "do.high"))
    for who in ("sam", "nora", "anya", "ada"):
        with pytest.raises(Forbidden):
            await reviewed(world, seen, who)
    with pytest.raises(NotFound):
        await reviewed(world, seen, "zoe")


async def test_nor_who_has_left_or_only_clicks(world: World) -> None:
    seen = await broken(world, await still(world, "do.high"))
    with pytest.raises(Forbidden) as error:
        await reviewed(world, seen, level=Level.CLICK)
    assert [one.invariant for one in error.value.violations] == ["weak-authentication"]
    await leave(world, "eve")
    with pytest.raises(Forbidden) as error:
        await reviewed(world, seen)
    assert [one.invariant for one in error.value.violations] == ["unlinked-identity"]


async def test_it_is_made_once(world: World) -> None:
    seen = await broken(world, await still(world, "do.high"))
    first = await reviewed(world, seen, word="unjustified")
    assert await reviewed(world, seen, word="unjustified") == first
    with pytest.raises(NotOpenToThis, match="unjustified"):
        await reviewed(world, seen)
    assert (await world.kinds(seen)).count("reviewed") == 1


async def test_in_nobodys_time_the_bot_is_suspended_exactly_once(world: World) -> None:
    seen = await broken(world, await still(world, "do.high"))
    assert await starts(world, seen)
    assert await swept(world, DAY / 2) == 0
    [[before]] = await sql(world, "select stop_epoch from bot where id = 'bot'")
    assert sorted(await asyncio.gather(*(swept(world) for _ in range(4)))) == [0, 0, 0, 1]
    [[epoch, since, reason]] = await sql(
        world, "select stop_epoch, suspended_at, stop_reason from bot where id = 'bot'"
    )
    assert (epoch, reason) == (before + 1, f"The break-glass of request {seen['id']} was not reviewed in time.")
    assert since is not None
    query = "select convert_from(body, 'utf8')::jsonb ->> 'kind' from entry where stream = 'bot:bot' order by n desc"
    kinds = [row[0] for row in await sql(world, f"{query} limit 2")]
    assert kinds == ["review-overdue", "suspended"]


async def test_a_bot_that_people_let_go_on_is_not_suspended_again_for_the_same(world: World) -> None:
    await broken(world, await still(world, "do.high"))
    assert await swept(world) == 1
    for statement in GO_ON:
        await sql(world, statement)
    assert await swept(world, LATE * 2) == 0
    assert (await sql(world, "select suspended_at from bot where id = 'bot'"))[0][0] is None


async def test_a_late_review_counts_and_lets_nothing_go_on(world: World) -> None:
    seen = await broken(world, await still(world, "do.high"))
    assert await swept(world) == 1
    assert (await reviewed(world, seen))["finding"] == "justified"
    assert (await sql(world, "select suspended_at from bot where id = 'bot'"))[0][0] is not None


async def test_a_shorter_time_counts(world: World, rules: Path) -> None:
    await plan_says(world, rules, "{review_within: 1h}")
    await broken(world, await still(world, "do.high"))
    assert await swept(world, DAY / 12) == 1
