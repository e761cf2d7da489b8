"""What the rules say must become of a request, worked out here by plain sets and lists: nothing of `app` is asked.

Only as much as the journey needs: who belongs to what, who stands in for whom, what a publication changes, and votes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

PLANS = {
    "do.alone": [("leads", 1)],
    "look.later": [("leads", 1)],
    "look.doomed": [("leads", 1)],
    "do.both": [("leads", 2)],
    "do.steps": [("leads", 1), ("finance", 1)],
    "look.upward": [("heads", 1)],
    "do.moderate": [("leads", 1)],
}
MORE = {"do.alone": [("leads", 1), ("finance", 1)], "look.later": [("leads", 2)]}
"""What the stricter rules ask for, where that is more."""
FALLBACK = {"look.upward": ["managers"]}
BY_THE_BOT = {"look.later", "look.upward", "look.doomed"}
"""What does not start before the bot comes for its grant."""


@dataclass
class Town:
    """Everybody as they are now. ``given``: delegate to who is away, by what was given before anything was asked."""

    groups: dict[str, set[str]] = field(
        default_factory=lambda: {
            "leads": {"dana", "marco", "priya", "mia"},
            "finance": {"fiona", "felix", "dana"},
            "heads": {"mia", "max"},
            "managers": {"greta"},
        }
    )
    """Without those who own or deployed the bot: they do not come to vote here."""
    given: dict[str, str] = field(default_factory=lambda: {"eve": "dana", "zoe": "priya"})
    gone: set[str] = field(default_factory=set)
    stricter: bool = False
    stopped: bool = False


@dataclass
class Stage:
    """``asked``: whose members may decide it."""

    group: str
    quorum: int
    asked: list[str]
    status: str = "waiting"


@dataclass
class Vote:
    """``by_right_of``: who was away, when it was given in their right."""

    stage: int
    person: str
    by_right_of: str | None
    standing: bool = True


@dataclass
class Life:
    """One request, as it should go. ``told``: the kinds of its entries; refusals and reminders apart."""

    action: str
    town: Town
    then: dict[str, set[str]]
    stages: list[Stage]
    status: str = "held"
    votes: list[Vote] = field(default_factory=list)
    refused: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    told: list[str] = field(default_factory=lambda: ["admitted"])

    @classmethod
    def begins(cls, action: str, town: Town) -> Life:
        """As it is asked for."""
        stages = [Stage(group, quorum, [group]) for group, quorum in PLANS[action]]
        stages[0].status = "open"
        groups = [group for group, _ in PLANS[action]] + FALLBACK.get(action, [])
        return cls(action, town, {group: set(town.groups[group]) for group in groups}, stages)

    def votes_for(self, person: str) -> frozenset[str] | None:
        """Somebody wants to approve: what bars them, and where nothing does, the vote; None: it is not held."""
        if self.status != "held":
            return None
        index = self._open()
        broken = frozenset(self._bars(person, index))
        if broken:
            self.refused.append((person, broken))
            return broken
        own = self._belongs(person, self.stages[index])
        away = self.town.given.get(person)
        stands_for = away if away and self._belongs(away, self.stages[index]) else None
        assert own or stands_for
        self.votes.append(Vote(index, person, stands_for))
        self.told.append("decided")
        self._go_on()
        if self.status == "approved" and self.action not in BY_THE_BOT:
            self.start()
        return broken

    def start(self) -> None:
        """Its start: once more, everything that may have changed since."""
        forbidden = self.town.stricter and self.action == "look.doomed"
        if forbidden or self._stopped():
            self._end("revoked")
        elif self.town.stricter and not self._asked_enough():
            self.status = "held"
            self.told.append("held-again")
        elif all(self._passes(index) for index in range(len(self.stages))):
            ends = "reported" if self.action in BY_THE_BOT else "attempt-finished"
            self.status = "succeeded"
            self.told += ["started", ends, "succeeded"]
        else:
            self._lost(next(index for index in range(len(self.stages)) if not self._passes(index)))

    def looks_again(self) -> None:
        """Something around it has changed: votes that no longer count, groups that nobody is left in, a stop."""
        if self.status in ("held", "approved") and self._stopped():
            self._end("revoked")
        if self.status == "held":
            self._void_who_left()
            self._go_on()

    def _void_who_left(self) -> None:
        """What somebody said of the open stage who has left does not come back with them."""
        for vote in self.votes:
            if vote.stage == self._open() and vote.standing and vote.person in self.town.gone:
                vote.standing = False
                self.told.append("vote-void")

    def _stopped(self) -> bool:
        return self.town.stopped and self.action == "do.moderate"

    def _lost(self, index: int) -> None:
        counted = self._counted(index)
        for vote in self.votes:
            if vote.stage == index and vote.standing and vote.person not in counted:
                vote.standing = False
                self.told.append("vote-void")
        for later in self.stages[index:]:
            later.status = "waiting"
        self.stages[index].status, self.status = "open", "held"
        self.told.append("held-again")
        self._go_on()

    def _asked_enough(self) -> bool:
        """Adds what the stricter rules ask for beyond what was passed; True when that is nothing."""
        enough = True
        for group, quorum in MORE.get(self.action, []):
            stage = next((one for one in self.stages if one.group == group), None)
            if stage is None:
                self.stages.append(Stage(group, quorum, [group]))
                self.then.setdefault(group, set(self.town.groups[group]))
            elif stage.quorum < quorum:
                stage.quorum, stage.status = quorum, "waiting"
            else:
                continue
            enough = False
        if not enough:
            next(stage for stage in self.stages if stage.status == "waiting").status = "open"
        return enough

    def _go_on(self) -> None:
        while (index := self._open()) >= 0 and self._passes(index):
            self.told.append("stage-passed")
            self.stages[index].status = "passed"
            waiting = [stage for stage in self.stages if stage.status == "waiting"]
            if waiting:
                waiting[0].status = "open"
            else:
                self.status = "approved"
                self.told.append("approved")
        if index >= 0 and not self._anybody_left(self.stages[index]):
            self.stages[index].asked += FALLBACK[self.action]
            self.told.append("escalated")

    def _anybody_left(self, stage: Stage) -> bool:
        """Of who may decide it; here it is never one too few."""
        return any(self.then[group] & self.town.groups[group] - self.town.gone for group in stage.asked)

    def _end(self, status: str) -> None:
        self.status = status
        self.told.append(status)

    def _open(self) -> int:
        return next((index for index, stage in enumerate(self.stages) if stage.status == "open"), -1)

    def _bars(self, person: str, index: int) -> Iterator[str]:
        stage, near = self.stages[index], self._near(person)
        away = self.town.given.get(person)
        if not self._belongs(person, stage) and not (away and self._belongs(away, stage)):
            yield "not-eligible"
        if {person, *near} & self._said(range(index)):
            yield "stage-repeat"
        if person not in self._said([index]) and near & self._said([index]):
            yield "one-person-one-vote"

    def _belongs(self, person: str, stage: Stage) -> bool:
        """Then and now, and still here."""
        return person not in self.town.gone and any(
            person in self.then.get(group, ()) and person in self.town.groups[group] for group in stage.asked
        )

    def _near(self, person: str) -> set[str]:
        return {b if a == person else a for a, b in self.town.given.items() if person in (a, b)}

    def _said(self, stages: object) -> set[str]:
        assert isinstance(stages, (list, range))
        return {vote.person for vote in self.votes if vote.standing and vote.stage in stages}

    def _counted(self, index: int) -> set[str]:
        here = self._said([index])
        return {
            person
            for person in here
            if person not in self.town.gone and not set(self._bars(person, index)) - {"one-person-one-vote"}
        }

    def _passes(self, index: int) -> bool:
        counted = self._counted(index)
        twice = {person for person in counted if self._near(person) & counted and person in self.town.given}
        return len(counted - twice) >= self.stages[index].quorum
