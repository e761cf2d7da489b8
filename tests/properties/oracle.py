"""What DESIGN.md says must hold, worked out once more from generated data, without a line of the code under test.

The oracle knows who was in which group when a request was admitted and who is now, whose account is whose, who stands
near a request, and what the plans of admission and of newer rules demand. Of the product it takes only what it wrote
down: rows, decisions and entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.properties.absence import Away, as_one, away_for, beside
from tests.properties.exceptions import GRANT, SIGNERS, Broken, Permission, Wish, strictest
from tests.properties.made import ACTIONS, FIXED, LEVELS, RISKS, UNDO_PLAN, Files, GlassMade, PlanMade, StageMade
from tests.properties.rows import Row, Said, Vote

MOVES: dict[str | None, set[str]] = {
    None: {"denied", "approved", "held", "expired"},
    "held": {"approved", "denied", "expired", "cancelled", "revoked"},
    "approved": {"executing", "lapsed", "revoked", "cancelled", "held", "denied"},
    "executing": {"succeeded", "failed", "unknown", "lapsed"},
    "unknown": {"succeeded", "failed"},
}
"""The table of DESIGN.md section 3; what is not there is final."""

SPANS = {
    "30s": timedelta(seconds=30),
    "20m": timedelta(minutes=20),
    "4h": timedelta(hours=4),
    "24h": timedelta(hours=24),
    "72h": timedelta(hours=72),
}
ALLOWED_FOR = timedelta(minutes=10)
UNDONE_WITHIN = timedelta(hours=1)
QUIET = timedelta(seconds=31)
"""The timeout of an action and 30 s: as long a call of an unknown outcome may be on its way."""

USABLE = timedelta(seconds=150)
"""The 120 s of a grant and 30 s: as long a bot that was given one may act, whatever it reports."""

ENDED = ("succeeded", "failed", "unknown")
STANDS = ("held", "approved", "executing", "unknown", "succeeded")
"""A rollback in one of these leaves no room for another."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What one policy asks of a request: its plans merged (DESIGN.md section 9)."""

    stages: Mapping[str, StageMade]
    repeat: bool
    expires: timedelta
    reach: frozenset[str]
    wider: frozenset[str]
    glass: GlassMade | None

    def holds(self) -> bool:
        """True when people must be asked."""
        return bool(self.stages)


def merged(plans: Sequence[PlanMade]) -> Demand:
    """By group: the largest quorum, the strictest level, a reason if any asks; no repeat unless all allow."""
    stages: dict[str, StageMade] = {}
    for stage in (stage for plan in plans for stage in plan.stages):
        known = stages.get(stage.group, stage)
        level = LEVELS[max(LEVELS.index(known.level), LEVELS.index(stage.level))]
        quorum, reason = max(known.quorum, stage.quorum), known.reason or stage.reason
        stages[stage.group] = StageMade(stage.group, quorum, None, level, reason, None)
    wider = {stage.escalate_to for plan in plans for stage in plan.stages} | {plan.fallback for plan in plans}
    others = frozenset(group for group in wider if group is not None)
    expires = min((SPANS[plan.expires] for plan in plans), default=ALLOWED_FOR)
    glass, reach = strictest(plan.glass for plan in plans), others | frozenset(stages)
    return Demand(stages, all(plan.repeat for plan in plans), expires, reach, others, glass)


def verdict(files: Files, action: str, risk: str, *, irreversible: bool) -> Demand | None:
    """What these rules demand of this action; None: they deny it."""
    made, said = ACTIONS[action], [what for of, what in files.rules if of == action]
    if "deny" in said:
        return None
    names = sorted({what for what in said if what in files.plans})
    reads = made.reversibility == "read_only"
    must = made.risk == "critical" if reads else risk == "critical" or irreversible
    if not names and (must or ("allow" not in said and not reads)) and made.plan is not None:
        names = [made.plan]
    return merged([files.plans[name] for name in names])


@dataclass
class Case:
    """One request as the oracle has it. ``then``: group to who counted as its members when it came to matter.

    ``stops``: of the installation and of the bot, when it was asked for. Of a person's request: ``asker``; what it
    ``undoes``, as that stood then (``undone``), and who ever said yes to that (``approvers``); or whether it lets all
    go on (``of_all``) or the bot; or what permission it
    asks for (``wish``), and until when (``ends``). ``permission``: by which it was allowed;
    ``glass``: who released it alone; ``part``: who ever said yes, in whose right as well.
    """

    id: str
    action: str
    behalf: str
    trigger: str | None
    payee: str | None
    maker: str
    risk: str
    irreversible: bool
    admitted: Files
    stops: tuple[int, int]
    key: str | None
    kind: str = "action"
    asker: str | None = None
    undoes: Case | None = None
    undone: str | None = None
    approvers: frozenset[str] = frozenset()
    of_all: bool = False
    amount: int | None = None
    wish: Wish | None = None
    ends: datetime | None = None
    permission: Permission | None = None
    glass: Broken | None = None
    part: set[str] = field(default_factory=set)
    admitted_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    demands: list[Demand] = field(default_factory=list)
    then: dict[str, frozenset[str]] = field(default_factory=dict)
    expires_at: datetime | None = None
    status: str | None = None
    version: int = -1
    entries: int = 0
    decided: set[str] = field(default_factory=set)
    tampered: bool = False
    row: Row | None = None

    def by(self, demand: Demand, files: Files) -> None:
        """From now on this is demanded as well; groups that it brings count as they are now."""
        self.demands.append(demand)
        self.then = {**{group: files.members(group) for group in demand.reach}, **self.then}

    @property
    def by_bot(self) -> bool:
        """The bot runs it itself."""
        return self.kind == "action" and ACTIONS[self.action].by_bot

    @property
    def quiet_at(self) -> datetime:
        """From when on nothing of it can be on its way, to the second that a grant names."""
        if self.started_at is None:
            return datetime.max.replace(tzinfo=UTC)
        if self.by_bot:
            return self.started_at + USABLE - timedelta(seconds=1)
        return self.started_at + (QUIET if self.status == "unknown" else timedelta(0))

    def undone_by(self, cases: Sequence[Case]) -> list[Case]:
        """The rollbacks of this that stand."""
        return [case for case in cases if case.undoes is self and case.status in STANDS]


def demanded(case: Case, files: Files) -> Demand | None:
    """What these rules demand of this request; None: they deny it. Rules do not judge a rollback."""
    if case.kind == "action":
        return verdict(files, case.action, case.risk, irreversible=case.irreversible)
    if case.kind == "rollback":
        return merged([files.plans[UNDO_PLAN]])
    said = [what for of, what in files.rules if of == case.action]
    group = "interlock:resume" if case.of_all else "interlock:resume:bot"
    own = PlanMade((StageMade(group, 1, None, "login", reason=False, escalate_to=None),), "24h", None, repeat=False)
    own = PlanMade(SIGNERS, "72h", None, repeat=False) if case.action == GRANT else own
    return None if "deny" in said else merged([own, *(files.plans[name] for name in sorted({*said} & {*files.plans}))])


@dataclass
class Oracle:
    """Everybody as of now, and every word that anybody said. ``said``: attempt id to who, how and what.

    ``stops``: how many of the installation and of the bot; ``stopped``: which of ``all`` and ``bot`` are.
    """

    files: Files
    now: datetime
    gone: set[str] = field(default_factory=set)
    stops: tuple[int, int] = (0, 0)
    stopped: set[str] = field(default_factory=set)
    said: dict[str, Said] = field(default_factory=dict)
    given: list[Away] = field(default_factory=list)

    def pairs(self, case: Case) -> list[tuple[str, str]]:
        """Who stands in for whom in a request, now."""
        return [(g.delegate, g.person) for g in self.given if g.for_what_came(case.admitted_at, self.now)]

    def person_of(self, account: str) -> str | None:
        """Who an account is: one active person, or nobody. People's own ids are accounts of the dev issuer."""
        who = self.files.accounts.get(account, account)
        return who if who is not None and self.here(who) else None

    def here(self, person: str) -> bool:
        """They are in the files and have not left."""
        return (person in FIXED or person in self.files.present) and person not in self.gone

    def owners(self, files: Files, action: str) -> frozenset[str]:
        """The bot's business owners, its deployer, and the business owner whom the action names."""
        own = files.own_business.get(action)
        return files.owners | {files.deployer} | ({own} if own is not None else frozenset())

    def stands_as_owner(self, case: Case) -> frozenset[str]:
        """The owners of the bot that it is about, then or now; of a rollback, also those of what it undoes."""
        mine = self.owners(case.admitted, case.action) | self.owners(self.files, case.action)
        before = frozenset() if case.undoes is None else self.stands_as_owner(case.undoes)
        return mine | before

    def near(self, case: Case, person: str) -> set[str]:
        """Which personal exclusions bar a person from a request, also for whom they stand in for."""
        inherited = any(self._near(case, away) for away in away_for(self.pairs(case), person))
        return self._near(case, person) | ({"delegate-excluded"} if inherited else set())

    def _near(self, case: Case, person: str) -> set[str]:
        """Which of their own (DESIGN.md section 8)."""
        mine = {subject for subject, owner in self.files.subjects.items() if owner == person}
        high = RISKS.index(case.risk) >= RISKS.index("high")
        asked, touched = person in (case.asker, case.maker), bool(mine & {case.behalf, case.trigger, case.payee})
        found = {
            "rollback-approver": case.kind == "rollback" and (asked or touched or person in case.approvers),
            "governance-change": case.kind == "governance" and (asked or person in self.stands_as_owner(case)),
            "self-approval": asked,
            "on-behalf-of": bool(mine & {case.behalf, case.trigger}),
            "beneficiary": case.payee in mine,
            "bot-owner": high and person in self.stands_as_owner(case),
        }
        return {name for name, broken in found.items() if broken}

    def wrong_with(self, case: Case, person: str, stage: Mapping[str, Any]) -> set[str]:
        """Why a person may not count for a stage now, but for its level and `stage-repeat`."""
        found = self.near(case, person)
        if not self.here(person):
            found.add("unlinked-identity")
        lent = [away for away in away_for(self.pairs(case), person) if self.here(away)]
        if not any(self.own_right(case, one, stage) for one in (person, *lent)):
            found.add("not-eligible")
        low = RISKS.index(case.risk) < RISKS.index("high")
        if low and stage["quorum"] == 1 and person in self.stand_near(case):
            found.add("bot-owner or their delegate")
        return found

    def own_right(self, case: Case, person: str, stage: Mapping[str, Any]) -> bool:
        """They were in a group of the stage, and are."""
        return any(person in case.then.get(g, ()) and person in self.files.members(g) for g in stage["groups"])

    def stand_near(self, case: Case) -> frozenset[str]:
        """The bot's owners, and who stands in for one."""
        owners = self.stands_as_owner(case)
        return owners | {delegate for delegate, away in self.pairs(case) if away in owners}

    def would_count(self, case: Case, person: str) -> bool:
        """A yes of this person would bring the open stage on."""
        row = case.row
        open_ = [] if row is None else [i for i, stage in enumerate(row.stages) if stage["status"] == "open"]
        if row is None or not open_ or self.wrong_with(case, person, row.stages[open_[0]]):
            return False
        repeat, one = any(demand.repeat for demand in case.demands), {person, *beside(self.pairs(case), person)}
        return not any(
            vote.standing and vote.person in one and (vote.stage == open_[0] or not repeat) for vote in row.votes
        )

    def approvers(self, case: Case) -> set[str]:
        """Whose yes stands."""
        votes = [] if case.row is None else case.row.votes
        return {vote.person for vote in votes if vote.standing and vote.say == "approve"}

    def wrong_at_start(self, case: Case, row: Row) -> Iterator[str]:
        """Everything that makes this start of an execution illegitimate; empty: it may run."""
        if case.expires_at is None or self.now > case.expires_at:
            yield "it is past expires_at"
        yield from self.ground_gone(case)
        if case.tampered:
            yield "what runs is not what was signed"
        if definition(self.files, case.action) != definition(case.admitted, case.action):
            yield "the action is defined otherwise"
        if any(vote.standing and vote.say == "deny" for vote in row.votes):
            yield "somebody's no stands"
        today = demanded(case, self.files)
        if today is None:
            yield "today's rules deny it"
        yield from self.unreleased(case, [*case.demands, *([] if today is None else [today])], row)

    def unreleased(self, case: Case, demands: Sequence[Demand], row: Row) -> Iterator[str]:
        """What people have not said yes to."""
        for demand in demands:
            yield from self.unmet(case, demand, row)

    def ground_gone(self, case: Case) -> Iterator[str]:
        """What has happened to what it stands on, by its kind."""
        if case.kind == "action" and (self.stopped or self.stops != case.stops):
            yield "the bot was stopped"
        if case.kind == "action" and case.action not in self.files.entitled:
            yield "the bot is not entitled any more"
        if (
            case.kind == "governance"
            and not case.wish
            and self.stops[0 if case.of_all else 1] != case.stops[0 if case.of_all else 1]
        ):
            yield "the switch was thrown again"
        if case.undoes is None:
            return
        if case.asker not in self.files.responders:
            yield "who asked to undo it is no responder"
        if case.undoes.status != case.undone:
            yield f"what it undoes was {case.undone}, and is {case.undoes.status}"
        if self.now < case.undoes.quiet_at:
            yield "what it undoes may be on its way"

    def wrong_in_ask(self, case: Case, cases: Sequence[Case], at: datetime) -> Iterator[str]:
        """Why a rollback, just admitted, should not have been."""
        if case.undoes is None:
            return
        if case.undoes.kind != "action" or case.undone not in ENDED or not ACTIONS[case.undoes.action].undone:
            yield f"there is nothing to undo of {case.undoes}"
        if case.undoes.ended_at is None or at > case.undoes.ended_at + UNDONE_WITHIN:
            yield "its time was over"
        if [one for one in case.undoes.undone_by(cases) if one is not case]:
            yield "another one stands"

    def unmet(self, case: Case, demand: Demand, row: Row) -> Iterator[str]:
        """Each stage that a policy demands and for which too few distinct persons stand who may, then and now."""
        mine = [index for index, stage in enumerate(row.stages) if stage["group"] in demand.stages]
        for wanted in demand.stages.values():
            counts = [
                self._counts(case, row, index, wanted, [] if demand.repeat else [i for i in mine if i < index])
                for index in mine
                if row.stages[index]["group"] == wanted.group
            ]
            if not any(counts):
                yield f"{wanted.group} wants {wanted.quorum} at {wanted.level}, and {row.votes} are not that"

    def _counts(self, case: Case, row: Row, index: int, wanted: StageMade, earlier: list[int]) -> bool:
        stage = row.stages[index]
        repeaters = {vote.person for vote in row.votes if vote.standing and vote.stage in earlier}
        able = {
            vote.person
            for vote in row.votes
            if (vote.stage, vote.say, vote.standing) == (index, "approve", True)
            and LEVELS.index(self.said[vote.id].level) >= LEVELS.index(wanted.level)
            and (self.said[vote.id].reason or not wanted.reason)
            and not self.wrong_with(case, vote.person, stage)
        }
        able -= repeaters.union(*(beside(self.pairs(case), person) for person in repeaters))
        far = able if RISKS.index(case.risk) >= RISKS.index("high") else able - self.stand_near(case)
        return as_one(able, self.pairs(case)) >= wanted.quorum and bool(far)

    def wrong_in_vote(self, case: Case, row: Row, vote: Vote) -> Iterator[str]:
        """Why this decision, just recorded, should not have been."""
        said = self.said.get(vote.id)
        if said is None or (said.person, said.say) != (vote.person, vote.say):
            yield "nobody said that"
            return
        if not said.digest:
            yield "another digest was signed"
        if said.say == "deny" and any((v.person, v.standing) == (vote.person, False) for v in row.votes):
            return  # a withdrawal: whoever approved may
        stage = row.stages[vote.stage]
        yield from sorted(self.wrong_with(case, vote.person, stage))
        if LEVELS.index(said.level) < LEVELS.index(stage["level"]):
            yield "weak-authentication"
        if stage["reason_required"] and vote.say == "approve" and not said.reason:
            yield "no reason was given"
        one = {vote.person, *beside(self.pairs(case), vote.person)}
        before = [v for v in row.votes if v.standing and v.person in one and v.id != vote.id]
        if any(v.stage == vote.stage for v in before):
            yield "one-person-one-vote"
        if any(v.stage < vote.stage for v in before) and not any(demand.repeat for demand in case.demands):
            yield "stage-repeat"

    def wrong_in_plan(self, case: Case, row: Row) -> Iterator[str]:
        """How the row's plan asks for less than what was demanded at admission, or lets others decide."""
        if not case.demands or not case.demands[0].holds():
            return
        first = list(case.demands[0].stages.values())
        for wanted, stage in zip(first, row.stages, strict=False):
            less = stage["quorum"] < wanted.quorum or LEVELS.index(stage["level"]) < LEVELS.index(wanted.level)
            if stage["group"] != wanted.group or less or (wanted.reason and not stage["reason_required"]):
                yield f"{wanted} was demanded, and the plan has {stage}"
        if len(row.stages) < len(first):
            yield "a stage is missing"
        wider = frozenset().union(*(demand.wider for demand in case.demands))
        for stage in row.stages:
            if not set(stage["groups"]) <= wider | {stage["group"]}:
                yield f"{stage['groups']} decide {stage['group']}"


def definition(files: Files, action: str) -> tuple[int, str | None]:
    """What an action is, as far as a life changes that."""
    return (files.titles or {}).get(action, 0), files.own_business.get(action)
