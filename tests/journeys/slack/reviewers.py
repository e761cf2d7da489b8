"""The people in Slack: they click on cards as they stand, fill in forms, and click again when Slack failed them."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.fakes.slack.server import SlackFake
from tests.journeys.retail.approvers import excluded
from tests.journeys.retail.conversations import Json
from tests.journeys.slack.board import Board
from tests.journeys.slack.hands import GONE, TAKEN, Hands, Plan

CHANNELS = {"support-leads": "C0APPROVE", "finance": "C0FINANCE"}
PEOPLE = {"support-leads": ("dana", "marco", "priya"), "finance": ("fiona", "felix")}
"""Who decides. Mia and Olivia are leads too, and excluded: for her own orders, as owner of the bot."""
DENIES, BY_DETAILS, INTRUDES = 9, 4, 3
"""One request in so many is denied; is decided through Details; has people try who may not."""
REFUSED = {"anya": "unlinked-identity"}
"""Anya has no account in Slack that is linked to her."""
TRIES = 30


@dataclass(slots=True)
class Told:
    """What came of the decisions."""

    decided: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """By request: who said what, in the order of asking."""
    refused: list[tuple[str, str, str]] = field(default_factory=list)
    """Request, person, invariant."""
    reasons: list[str] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)


class Reviewers:
    """All of them. A request is seen to by as many as its stages want, each doing one thing at a time."""

    def __init__(self, fake: SlackFake, work: asyncio.TaskGroup, patience: float) -> None:
        """``work``: where the people's tasks run; ``patience``: seconds that a card may take to come."""
        self._fake, self._board, self._work, self._patience = fake, Board(fake), work, patience
        self._at_work: dict[str, asyncio.Lock] = {}
        self._turns = {group: itertools.cycle(people) for group, people in PEOPLE.items()}
        self._numbers = itertools.count(1)
        self.told = Told()

    async def take(self, shown: Json) -> None:
        """See to a held request."""
        self._work.create_task(self._review(shown, next(self._numbers)))

    async def _review(self, shown: Json, number: int) -> None:
        stages = shown["plan"]["stages"]
        decided = self.told.decided[shown["id"]] = []
        for stage in stages:
            group = stage["groups"][0]
            people = [next(self._turns[group]) for _ in range(stage["quorum"])]
            await self._until_shown(shown["id"], CHANNELS[group])
            if stage is stages[0]:
                await self._intrude(shown, CHANNELS[group], number)
            if stage is stages[-1] and number % DENIES == 0:
                await self._decide(people[0], shown, CHANNELS[group], "deny", number)
                decided.append((people[0], "deny"))
                return
            await asyncio.gather(
                *(self._decide(who, shown, CHANNELS[group], "approve", number + at) for at, who in enumerate(people))
            )
            decided.extend((who, "approve") for who in people)

    async def _until_shown(self, request_id: str, channel: str) -> None:
        """Until it has a button there that leads to a decision."""

        def ready() -> bool:
            return any(self._board.button(request_id, channel, action) for action in ("approve", "details"))

        await self._fake.until(ready, self._patience)

    async def _decide(self, who: str, shown: Json, channel: str, say: str, number: int) -> None:
        """Until it is decided, by that person's own hands, however often Slack fails."""
        reason = f"{who.title()} has read what {shown['on_behalf_of']} wrote: {shown['reason']}"
        self.told.reasons.append(reason)
        direct = self._board.button(shown["id"], channel, say) is not None and number % BY_DETAILS != 0
        plan = Plan(shown["id"], channel, say, reason, through=say if direct else "details")
        async with self._lock(who):
            for attempt in range(TRIES):
                said = await Hands(self._fake, self._board, slack_user(who)).carry_out(plan)
                if said is not None and (said.startswith(("Approved", "Denied")) or said == TAKEN):
                    self.told.counted[f"{say} by {'the card' if direct else 'Details'}"] += 1
                    return
                if said == GONE:
                    assert attempt, f"{who} finds nothing to click on for {shown['id']}"
                    return
                assert said is None or "again" in said, f"{who} is told about {shown['id']}: {said}"
                self.told.counted["clicked again"] += 1
        raise AssertionError(f"{who} could not decide {shown['id']} in {TRIES} tries")

    async def _intrude(self, shown: Json, channel: str, number: int) -> None:
        """Who may not decide tries, Mia whenever it is about her, and is told why not."""
        for who, invariant in intruders(shown):
            if who != "mia" and number % INTRUDES:
                continue
            if self._board.button(shown["id"], channel, "approve") is None:
                return  # in a digest it takes Details, which show the same to everybody
            plan = Plan(shown["id"], channel, "approve", "I may, I think", through="approve")
            async with self._lock(who):
                said = await Hands(self._fake, self._board, slack_user(who)).carry_out(plan)
            if said is None or "again" in said:
                continue  # Slack failed them; they let it be
            assert f"({invariant})" in said, f"{who} is told about {shown['id']}: {said}"
            self.told.refused.append((shown["id"], who, invariant))

    def _lock(self, who: str) -> asyncio.Lock:
        return self._at_work.setdefault(who, asyncio.Lock())


def intruders(shown: Json) -> Iterator[tuple[str, str]]:
    """Who may at no time decide this request and has an account in Slack, and by which invariant."""
    for who, invariant in excluded(shown):
        if who != "bot":
            yield who, REFUSED.get(who, invariant)


def slack_user(person: str) -> str:
    """A person's account."""
    return f"U0{person.upper()}"
