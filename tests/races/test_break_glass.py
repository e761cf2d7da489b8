"""Break-glass against a denial, and against a stop: one of the two comes first, and what is told agrees with it.

Twenty rounds each; a hundred with ``FULL_ROUNDS=1``.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from app.domain.errors import Conflict
from app.use_cases.views import View
from tests.api.conftest import GO_ON
from tests.races.racing import Figure, insist, instant
from tests.races.stopping import rounds
from tests.steps.breaking import broken
from tests.steps.words import sql
from tests.world import World

ROUNDS = rounds(20, 100)
SKEW = 0.01
"""Seconds over which the two are spread at random, around where either has come first so far."""

NUDGE = 0.008
"""Seconds by which break-glass sets out later after it came first, or earlier: so both do, on any machine."""

FINAL = ("succeeded", "failed", "denied", "revoked")


@pytest.fixture(autouse=True)
async def as_before(world: World) -> AsyncIterator[None]:
    yield
    await sql(world, "delete from review")
    for statement in GO_ON:
        await sql(world, statement)


async def both(
    n: int, behind: float, one: Callable[[], Awaitable[View]], other: Callable[[], Awaitable[View]]
) -> list[bool]:
    """Who got through; what is refused is refused because of the other. ``behind``: how much later the one sets out."""
    chance = random.Random(n)  # noqa: S311  not for secrets

    async def run(deed: Callable[[], Awaitable[View]], after: float) -> bool:
        await instant(after)
        try:
            await insist(deed)
        except Conflict:
            return False
        return True

    first, second = max(behind, 0.0), max(-behind, 0.0)
    after = [lag + chance.uniform(0, SKEW) for lag in (first, second)]
    return list(await asyncio.gather(run(one, after[0]), run(other, after[1])))


def calls(world: World, thing: str) -> int:
    return len(world.desk.seen[thing])


async def test_against_a_denial_one_of_the_two_counts(world: World, record_property: Figure) -> None:
    ways: Counter[str] = Counter()
    behind = 0.0
    for n in range(ROUNDS):
        thing, key = uuid.uuid4().hex, uuid.uuid4().hex
        shown = await world.ask("do.high", thing=thing)

        async def breaks(shown: View = shown) -> View:
            return await broken(world, shown)

        async def denies(shown: View = shown, key: str = key) -> View:
            return await world.say("dana", shown, "deny", key=key)

        released, denied = await both(n, behind, breaks, denies)
        behind += NUDGE if released else -NUDGE
        assert released is not denied
        seen = await world.until(shown, *FINAL)
        assert seen["status"] == ("succeeded" if released else "denied")
        assert calls(world, thing) == (1 if released else 0)
        assert ("glass-broken" in await world.kinds(shown)) is released
        ways[seen["status"]] += 1
    record_property("figure", f"break-glass against a denial: {ROUNDS} rounds, {dict(ways)}")
    assert min(ways["succeeded"], ways["denied"]) >= 1, ways


async def test_against_a_stop_nothing_starts_after_it(world: World, record_property: Figure) -> None:
    ways: Counter[str] = Counter()
    behind = 0.0
    for n in range(ROUNDS):
        thing = uuid.uuid4().hex
        shown = await world.ask("do.high", thing=thing)

        async def breaks(shown: View = shown) -> View:
            return await broken(world, shown)

        async def stops() -> View:
            return await world.suspend("nora")

        released, stopped = await both(n, behind, breaks, stops)
        behind += NUDGE if released else -NUDGE
        assert stopped
        seen = await world.until(shown, *FINAL)
        kinds = await world.kinds(shown)
        assert ("glass-broken" in kinds) is released
        ran = "started" in kinds
        assert seen["status"] == ("succeeded" if ran else "revoked")
        assert calls(world, thing) == (1 if ran else 0)
        assert released or not ran
        ways[f"{seen['status']}, {'broken' if released else 'not broken'}"] += 1
        for statement in GO_ON:
            await sql(world, statement)
    record_property("figure", f"break-glass against a stop: {ROUNDS} rounds, {dict(ways)}")
    assert len(ways) >= 2, ways
