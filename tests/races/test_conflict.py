"""Two requests with one conflict key: both happen, one after the other, however their starts and ends meet."""

from __future__ import annotations

import uuid
from functools import partial

from app.domain.clocks import moment
from app.use_cases.views import View
from tests.races.agree import Facts, agree
from tests.races.racing import AT_ONCE, LEAST, Arena, Figure, asked, says

WOKEN_WITHIN = 40
"""Seconds, on a very busy machine; the fallback poll comes a minute after the block."""


async def let_go(arena: Arena, n: int, thing: str, pair: tuple[View, View]) -> None:
    """End the first call: at once, as the second start comes or has been turned back, by turns."""
    if n % 2:
        first = await arena.till.called(thing)
        await arena.door(n).blocked(next(shown for shown in pair if shown["id"] != first))
    arena.till.let_go[thing].set()


async def test_two_requests_with_one_conflict_key(arena: Arena, record_property: Figure) -> None:
    """The second is woken when the first is done: it does not wait for the minute of the fallback poll."""

    async def play(n: int) -> str:
        one, other, thing = arena.door(n), arena.door(n + 1), uuid.uuid4().hex
        pair = (await asked(one, "do.keyed", thing=thing), await asked(other, "do.keyed", thing=thing))
        if n % 4 == 0:
            arena.till.let_go[thing].set()
        told = await arena.race(n, says(one, "dana", pair[0], "approve"), says(other, "marco", pair[1], "approve"))
        await let_go(arena, n, thing, pair)
        found = [
            await agree(one, shown, [answer], partial(calls_of, arena, thing, shown["id"]))
            for shown, answer in zip(pair, told, strict=True)
        ]
        in_order(found, arena.till.came[thing])
        assert thing not in arena.till.overlaps
        waited = max(facts.run.events["ACTIVITY_TASK_COMPLETED"] for facts in found) > 1
        return "second turned back first" if waited else "second came when first was done"

    ended, sentence = await arena.rounds(play, at_once=AT_ONCE // 2)
    record_property("figure", f"two requests with one conflict key: {sentence}")
    assert ended["second turned back first"] >= LEAST, sentence


def calls_of(arena: Arena, thing: str, request_id: str) -> list[str]:
    """The calls for this thing that came under this request's key."""
    return [key for key in arena.till.came[thing] if key == request_id]


def in_order(found: list[Facts], came: list[str]) -> None:
    """Both succeeded, the second started after the first had ended, and the target saw them in that order."""
    assert [facts.status for facts in found] == ["succeeded", "succeeded"]
    first, second = sorted(found, key=lambda facts: at(facts, "started"))
    assert at(first, "succeeded") <= at(second, "started"), (first.entries, second.entries)
    assert at(second, "started") - at(first, "succeeded") < WOKEN_WITHIN
    assert came == [first.id, second.id]


def at(facts: Facts, kind: str) -> float:
    """When the request's one entry of this kind was written."""
    (entry,) = (entry for entry in facts.entries if entry["kind"] == kind)
    return moment(entry["at"]).timestamp()
