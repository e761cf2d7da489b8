"""A decision against what else ends a request: its expiry, and a cancel."""

from __future__ import annotations

import asyncio
from functools import partial

from app.domain.clocks import moment
from app.use_cases.views import View
from tests.races.agree import Facts, agree
from tests.races.racing import AT_ONCE, LEAST, ROUNDS, Arena, Figure, asked, cancels, insist, instant, says, upset
from tests.races.stopping import rounds
from tests.world import World

IN_TIME = rounds(1, 3)
"""How many rounds must have been decided before their deadline: on a busy machine most come too late for it."""


def verb_of(n: int) -> str:
    """Every fourth decision is a denial."""
    return "deny" if n % 4 == 0 else "approve"


def aim(n: int) -> float:
    """When decision ``n`` sets out, in seconds from the deadline.

    Two thirds come around the deadline itself, where the decision's own steps find out that time is over: the nearer
    the denser, for nobody knows how long they take on this machine. The others come where the workflow's timer goes
    off, a second later or, on a busy machine, two, and the tick meets the decision.
    """
    u = n / ROUNDS
    return 0.1 - 7 * u**3 if n % 3 < 2 else 0.85 + 1.5 * u**2


async def asked_in_time(one: World, other: World) -> tuple[View, float]:
    """A request, and how long it has to live; another, where the machine was too busy for that one to be a race."""
    for _ in range(5):
        shown = await asked(one, "do.brief")
        left, _ = await insist(partial(until_deadline, other, shown))
        if left > 1:
            return shown, left
    raise AssertionError("the machine is too slow for this deadline: nothing would race")


async def until_deadline(door: World, shown: View) -> float:
    """Seconds that are left by the clock of the database, which is the clock of every step."""
    async with door.ctx.database.transaction() as session:
        now = await door.ctx.clock.now(session)
    return (moment(shown["expires_at"]) - now).total_seconds()


async def test_a_decision_against_expiry(arena: Arena, record_property: Figure) -> None:
    """All holds have the same 15 s to live and run side by side; an approval just in time may be too late to start."""
    asking = asyncio.Semaphore(AT_ONCE)

    async def play(n: int) -> str:
        one, other = arena.door(n), arena.door(n + 1)
        async with asking:
            shown, left = await asked_in_time(one, other)
        await instant(left + aim(n))
        told = await arena.race(n, says(other, "dana", shown, verb_of(n)))
        facts = await agree(one, shown, told)
        in_time(facts)
        return f"expired by the {expired_by(facts)}" if facts.status == "expired" else facts.status

    ended, sentence = await arena.rounds(play, at_once=ROUNDS)
    record_property("figure", f"decision against expiry: {sentence}")
    late = sum(count for way, count in ended.items() if way.startswith("expired"))
    assert late >= LEAST, sentence
    assert ROUNDS - late >= IN_TIME, sentence


def expired_by(facts: Facts) -> str:
    """Who noticed that time is over: the step that records (there is an update), the judge before it, or the tick."""
    if facts.run.events["WORKFLOW_EXECUTION_UPDATE_ACCEPTED"] > 1:  # the first is `admitted`
        return "record"
    return "judge" if facts.run.events["WORKFLOW_EXECUTION_SIGNALED"] else "tick"


def in_time(facts: Facts) -> None:
    """What the entries say of time: nothing expired before its deadline, no start came after it."""
    for entry in facts.entries:
        at = moment(entry["at"])
        assert (at > facts.expires_at) == (entry["kind"] in ("expired", "lapsed")) or entry["kind"] in (
            "attempt-finished",
            "succeeded",
        ), (facts.id, entry, facts.expires_at)


async def test_a_decision_against_a_cancel(arena: Arena, record_property: Figure) -> None:
    """Its bot cancels, or a responder; an approval that was recorded may still be cancelled before the start."""

    async def play(n: int) -> str:
        one, other = arena.door(n), arena.door(n + 1)
        shown = await asked(one, "do.one")
        canceller = other.bot() if n % 2 else other.person("ivan")
        told = await arena.race(n, says(one, "dana", shown, verb_of(n)), cancels(other, canceller, shown))
        facts = await agree(one, shown, told)
        decided, cancelled = (answer.won for answer in told)
        assert decided or cancelled, told
        assert facts.status == ("cancelled" if cancelled else "succeeded" if verb_of(n) == "approve" else "denied")
        if decided and cancelled:
            return "approved and then cancelled"
        return f"{facts.status} by the {'later' if upset(told) else 'earlier'}"

    ended, sentence = await arena.rounds(play)
    record_property("figure", f"decision against cancel: {sentence}")
    lost = sum(count for way, count in ended.items() if way.startswith("cancelled"))
    kept = ROUNDS - lost - ended["approved and then cancelled"]
    assert min(lost, kept) >= LEAST, sentence
