"""Rounds of a race: contenders released together through different API processes, many rounds in flight.

Forty-eight rounds; two hundred with ``FULL_ROUNDS=1``.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from app.domain.errors import InterlockError, RateLimited, Unavailable
from app.use_cases import act
from app.use_cases.actors import Actor
from app.use_cases.views import View
from tests.races.stopping import rounds
from tests.races.till import Till
from tests.world import World

ROUNDS = rounds(48, 200)
AT_ONCE = 16
"""Rounds in flight."""

LEAST = rounds(2, 10)
"""How often each way must have come about, or it was no race."""

SKEW = 0.02
"""Seconds over which the contenders of a round are spread, at random but the same in every run: so both may win."""

NO_ANSWER, STOP = retry_if_exception_type((Unavailable, RateLimited)), stop_after_delay(120)
"""On a machine that is too busy an answer may not come in time: it may be recorded, and said again it counts once."""

T = TypeVar("T")
Figure = Callable[[str, object], None]


@dataclass(frozen=True, slots=True)
class Told:
    """What one contender was told. ``who``: the person, or the bot; ``verb``: what they tried to do.

    ``after``: seconds after the common start at which they set out; ``tries``: how often they had to say it.
    """

    who: str
    verb: str
    answer: View | InterlockError
    after: float = 0.0
    tries: int = 1

    @property
    def won(self) -> bool:
        """True when the answer is the request, not a refusal."""
        return not isinstance(self.answer, InterlockError)

    @property
    def view(self) -> View:
        """The request as a winner was shown it."""
        assert not isinstance(self.answer, InterlockError), self
        return self.answer


@dataclass(frozen=True, slots=True)
class Contender:
    """Who tries what, and how. ``behind``: seconds to set out later than chance would have it."""

    who: str
    verb: str
    deed: Callable[[], Awaitable[View]]
    behind: float = 0.0

    def later(self, seconds: float) -> Contender:
        """The same, behind the others."""
        return replace(self, behind=seconds)

    async def run(self, barrier: asyncio.Barrier, after: float) -> Told:
        """Wait for the others, do it. Only typed refusals are an answer; without one it is said again, as one must."""
        await barrier.wait()
        await instant(after)
        try:
            answer, tries = await insist(self.deed)
        except InterlockError as error:
            return Told(self.who, self.verb, error, after)
        return Told(self.who, self.verb, answer, after, tries)


async def insist(deed: Callable[[], Awaitable[T]]) -> tuple[T, int]:
    """Do it until there is an answer; beside it, how often that took. A refusal is one, and raises."""
    tries = 0
    async for attempt in AsyncRetrying(retry=NO_ANSWER, wait=wait_fixed(0.1), stop=STOP, reraise=True):
        with attempt:
            tries += 1
            answer = await deed()
    return answer, tries


async def instant(seconds: float) -> None:
    """Until so long from now: when to set out is what a race is about, there is no condition to wait for."""
    come = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, come.set)
    await come.wait()


async def asked(door: World, action: str, thing: str | None = None) -> View:
    """A request that the bot has just made."""
    key, about = uuid.uuid4().hex, thing or uuid.uuid4().hex
    return (await insist(lambda: door.ask(action, key, thing=about)))[0]


async def said(door: World, who: str, shown: View) -> View:
    """The request, when this person has approved it."""
    key = uuid.uuid4().hex
    return (await insist(lambda: door.say(who, shown, key=key)))[0]


def says(door: World, who: str | Actor, shown: View, verb: str, key: str | None = None) -> Contender:
    """A person who decides; under one key, so that what is said again for want of an answer is known for the same."""
    name, once = who if isinstance(who, str) else str(who.id), key or uuid.uuid4().hex
    return Contender(name, verb, lambda: door.say(who, shown, verb, key=once))


def cancels(door: World, who: Actor, shown: View) -> Contender:
    """A bot or a person who cancels."""
    return Contender(str(who.id), "cancel", lambda: act.cancel(door.services, who, uuid.UUID(shown["id"]), None))


def upset(told: list[Told]) -> bool:
    """True when who set out later won: where that never happens there was no race."""
    return any(one.won and not other.won and one.after > other.after for one in told for other in told)


@dataclass(slots=True)
class Arena:
    """Two API processes, each with connections of its own, before one worker.

    ``till``: the target of `do.keyed`; ``again``: how often a contender had to say it again.
    """

    doors: tuple[World, World]
    till: Till
    again: int = 0

    def door(self, n: int) -> World:
        """One of the two, by turns."""
        return self.doors[n % 2]

    async def race(self, n: int, *contenders: Contender) -> list[Told]:
        """All at once; what each was told, in the order given. ``n``: the round, which seeds who sets out first."""
        barrier, chance = asyncio.Barrier(len(contenders)), random.Random(n)  # noqa: S311  not for secrets
        running: dict[int, asyncio.Task[Told]] = {}
        for place in chance.sample(range(len(contenders)), len(contenders)):
            running[place] = asyncio.create_task(
                contenders[place].run(barrier, chance.uniform(0, SKEW) + contenders[place].behind)
            )
        told = list(await asyncio.gather(*(running[place] for place in range(len(contenders)))))
        self.again += sum(answer.tries - 1 for answer in told)
        return told

    async def rounds(self, play: Callable[[int], Awaitable[str]], at_once: int = AT_ONCE) -> tuple[Counter[str], str]:
        """Play all rounds, so many in flight; how many ended which way, and the same with the time as a sentence."""
        ended: Counter[str] = Counter()
        self.again, begun, slots = 0, time.monotonic(), asyncio.Semaphore(at_once)

        async def one(n: int) -> None:
            async with slots:
                ended[await play(n)] += 1

        async with asyncio.TaskGroup() as group:
            for n in range(ROUNDS):
                group.create_task(one(n))
        assert ended.total() == ROUNDS
        ways = ", ".join(f"{count} {way}" for way, count in sorted(ended.items()))
        again = f" ({self.again} said again for want of an answer)" if self.again else ""
        return ended, f"{ROUNDS} rounds in {time.monotonic() - begun:.1f} s: {ways}{again}"
