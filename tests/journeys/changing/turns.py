"""One round of the journey: what is asked, every move in it as it is made and as it is expected, and the comparison."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from app.domain.ledger import verify_stream
from tests.journeys.changing.expected import BY_THE_BOT, MORE, PLANS, Life, Town
from tests.journeys.changing.office import HEADS_CHANGE, LEADS_CHANGE, ZOE_LEAVES, Office, View
from tests.journeys.changing.office import MORE as MORE_RULES
from tests.kills.place import until
from tests.kills.records import Record

Move = Callable[[], Awaitable[None]]
ENDED = ("succeeded", "revoked")
EARLY = (
    ("do.alone", "eve"),
    ("do.alone", "nora"),
    ("do.both", "marco"),
    ("do.both", "zoe"),
    ("do.both", "priya"),
    ("do.steps", "eve"),
    ("do.steps", "dana"),
    ("look.later", "zoe"),
    ("look.upward", "mia"),
    ("look.upward", "greta"),
    ("look.doomed", "marco"),
    ("do.moderate", "dana"),
)
"""Who comes to approve what, when the dice say so."""
REST = ("nora", "petra", "eve", "zoe", "marco", "mia", "max", "fiona", "felix", "dana", "priya", "greta")


@dataclass
class Turns:
    """``shown`` and ``lives``: each request by its action, as it is and as it should be."""

    office: Office
    town: Town = field(default_factory=Town)
    shown: dict[str, View] = field(default_factory=dict)
    lives: dict[str, Life] = field(default_factory=dict)
    given: dict[str, View] = field(default_factory=dict)

    @classmethod
    async def begin(cls, office: Office) -> Turns:
        """The rules as at first, two people away, and one request of each plan."""
        await office.publish_if_others()
        self = cls(office)
        for who, to in (("dana", "eve"), ("priya", "zoe")):
            self.given[who] = await office.away(who, to)
        for action in PLANS:
            by = office.others if action == "do.moderate" else office.callers
            self.shown[action] = await by.ask(action)
            self.lives[action] = Life.begins(action, self.town)
        return self

    def moves(self) -> list[Move]:
        """All that happens before somebody sees to the rest."""
        votes: list[Move] = [partial(self._vote, action, who) for action, who in EARLY]
        takes: list[Move] = [partial(self._take, action) for action in sorted(BY_THE_BOT)]
        return [*votes, *takes, *takes, self._more, self._leads, self._heads, self._zoe_leaves, self._dana_is_back,
                self._too_late_for_felix, self._kill, self._kill, self._stop]  # fmt: skip

    async def _as_expected(self, action: str) -> None:
        """Wait until a request stands as it should."""
        life = self.lives[action]

        async def look() -> None:
            seen = await self.office.look(self.shown[action])
            stages = [(one["group"], one["quorum"], one["groups"], one["status"]) for one in seen["plan"]["stages"]]
            wanted = [(one.group, one.quorum, one.asked, one.status) for one in life.stages]
            assert (action, seen["status"]) == (action, life.status)
            assert life.status in ENDED or stages == wanted, action

        await until(look)

    async def decide_the_rest(self, dice: random.Random) -> None:
        """People come, in any order and as often as needed, until nothing is open any more."""
        while still := [action for action, life in self.lives.items() if life.status not in ENDED]:
            for action in still:
                for who in dice.sample(REST, len(REST)):
                    if self.lives[action].status == "held":
                        await self._vote(action, who)
                if action in BY_THE_BOT:
                    await self._take(action)

    async def ended_as_expected(self) -> None:
        """Status, votes, entries, attempts and calls of each."""
        pids = await self.office.pids()
        for action, life in self.lives.items():
            record = await self.office.record(self.shown[action])
            assert (action, record.status) == (action, life.status)
            _check(record, life, pids)
            self._check_stricter(record, life)

    def _check_stricter(self, record: Record, life: Life) -> None:
        """What started under the stricter rules has the votes that these and those before them ask for."""
        started = record.of_kind("started")
        assert len(started) == (life.status == "succeeded")
        if not started:
            return
        stricter = started[0]["policy_version"] in self.office.stricter
        wanted = dict(PLANS[life.action]) | (dict(MORE.get(life.action, [])) if stricter else {})
        votes = {group: [vote for vote in life.votes if vote.standing and life.stages[vote.stage].group == group]
                 for group in wanted}  # fmt: skip
        assert {group: len(found) >= wanted[group] for group, found in votes.items()} == dict.fromkeys(wanted, True)

    async def _vote(self, action: str, who: str) -> None:
        life, shown = self.lives[action], self.shown[action]
        voted = any(vote.person == who and vote.standing for vote in life.votes)
        if who in self.town.gone or voted or life.status in ENDED:
            return
        broken = life.votes_for(who)
        if broken is None:
            assert (await self.office.approve(shown, who)).status_code in (403, 409), (action, who)
        elif broken:
            await self.office.refused(shown, who, *broken)
        else:
            await self.office.approved(shown, who)
            await self._as_expected(action)

    async def _take(self, action: str) -> None:
        """The bot comes for its grant: too early, in time, or for what has ended."""
        life = self.lives[action]
        if life.status == "succeeded":
            return
        if life.status == "approved":
            life.start()
        assert (action, await self.office.take(self.shown[action])) == (action, life.status == "succeeded")
        await self._as_expected(action)

    async def _more(self) -> None:
        self.town.stricter = True
        await self.office.also(MORE_RULES)
        await self._changed()

    async def _leads(self) -> None:
        self.town.groups["leads"] = {"dana", "priya", "mia", "nora"}
        await self.office.also(LEADS_CHANGE)
        await self._changed()

    async def _heads(self) -> None:
        self.town.groups["heads"] = {"nora", "felix"}
        await self.office.also(HEADS_CHANGE)
        await self._changed()

    async def _zoe_leaves(self) -> None:
        """Priya takes back what she gave her: while it runs, even a vote that no longer counts stands in her way."""
        self.town.gone.add("zoe")
        del self.town.given["zoe"]
        await self.office.also(ZOE_LEAVES)
        await self.office.back(self.given.pop("priya"))
        await self._changed()

    async def _dana_is_back(self) -> None:
        del self.town.given["eve"]
        await self.office.back(self.given.pop("dana"))
        await self._changed()

    async def _too_late_for_felix(self) -> None:
        """Given after everything was asked for: Petra decides nothing of it."""
        self.given["felix"] = await self.office.away("felix", "petra")

    async def _kill(self) -> None:
        self.office.kill_the_worker()

    async def _stop(self) -> None:
        self.town.stopped = True
        await self.office.stop_the_other_bot()
        await self._changed()

    async def _changed(self) -> None:
        for action, life in self.lives.items():
            life.looks_again()
            await self._as_expected(action)

    async def clear(self) -> None:
        """Everybody is back, and the other bot may go on: for the next round."""
        for given in self.given.values():
            await self.office.back(given)
        if self.town.stopped:
            await self.office.resume_the_other_bot()


def _check(record: Record, life: Life, pids: dict[str, str]) -> None:
    assert verify_stream(f"request:{record.id}", record.stream) == []
    told = [entry["kind"] for entry in record.entries if entry["kind"] != "refused"]
    assert (life.action, told) == (life.action, life.told)
    said = [(facts["person"], facts.get("stands_for", [])) for facts in record.of_kind("decided")]
    assert said == [(pids[vote.person], [pids[away] for away in [vote.by_right_of] if away]) for vote in life.votes]
    made = sorted((one["person_id"], one["standing"]) for one in record.decisions)
    assert made == sorted((vote.person, vote.standing) for vote in life.votes)
    refused = {(facts["person"], frozenset(facts["violations"])) for facts in record.of_kind("refused")}
    assert refused == {(pids[person], broken) for person, broken in life.refused}
    ran = life.status == "succeeded"
    assert len(record.attempts) == ran
    assert record.calls == ([record.id] if ran and life.action not in BY_THE_BOT else [])
