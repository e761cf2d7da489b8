"""`judge`: what a decision meets, first in the use case's own transaction and again in the one that records."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.db.tables import Attempt, Decision, Request
from app.domain import separation
from app.domain.errors import (
    Closed,
    Conflict,
    DecisionStands,
    DigestDiffers,
    Forbidden,
    InterlockError,
    Malformed,
    NotFound,
    Violation,
)
from app.domain.request import Level, Say
from app.domain.separation import Voter, violation
from app.domain.states import Status
from app.steps import shown
from app.steps.context import Context
from app.steps.facts import Bench, bench, bench_after
from app.steps.progress import go_on
from app.steps.scene import Scene, scene
from app.steps.withdraw import withdraw
from workflows.contracts import State


@dataclass(frozen=True, slots=True)
class Ruling:
    """``word``: record, withdraw, stands, closed, decision-stands, digest-differs, reason-missing or refused."""

    word: str
    violations: tuple[Violation, ...] = ()
    status: str | None = None
    standing: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As the attempt keeps it."""
        found = [{"invariant": v.invariant, "sentence": v.sentence} for v in self.violations]
        return {"word": self.word, "violations": found, "status": self.status, "standing": self.standing}

    def error(self) -> InterlockError | None:
        """What the caller is told; None when the decision counts (now, or already)."""
        told: dict[str, Conflict] = {
            "closed": Closed(f"The request is {self.status}.", status=self.status, standing=self.standing),
            "decision-stands": DecisionStands(
                f"Your decision to {self.standing} stands.", status=self.status, standing=self.standing
            ),
            "digest-differs": DigestDiffers(
                "The digest is not this request's: look at it again.", status=self.status, standing=self.standing
            ),
        }
        if self.word == "refused":
            return Forbidden(" ".join(v.sentence for v in self.violations), self.violations)
        if self.word == "reason-missing":
            return Malformed("This stage wants a reason with every approval.", where="reason")
        return told.get(self.word)


def ruling_from_json(data: dict[str, Any]) -> Ruling:
    """The ruling that `Ruling.as_json` wrote."""
    found = tuple(Violation(v["invariant"], v["sentence"]) for v in data["violations"])
    return Ruling(data["word"], found, data["status"], data["standing"])


async def judge(found: Scene, attempt: Attempt, made: Sequence[Decision]) -> tuple[Ruling, Bench]:
    """Judge a decision on a locked request whose clock was looked at first; writes nothing. ``made``: those before."""
    people = bench_after(found, made)
    said = ruling(found.row, people, _voter(people, attempt), attempt.body, made)
    if said.word in ("record", "withdraw") and attempt.via == "slack" and not await shown.counts(found, attempt.body):
        said = Ruling("refused", (violation("not-shown"),), said.status, said.standing)
    return said, people


def _voter(people: Bench, attempt: Attempt) -> Voter:
    person = people.people.get(attempt.actor_id or "")
    return Voter(person, Level[attempt.level.upper()], human=attempt.actor_kind in ("person", "unlinked"))


def ruling(row: Request, people: Bench, voter: Voter, body: dict[str, Any], made: Sequence[Decision]) -> Ruling:
    """What this decision meets. Who may not decide learns that first, and nothing else of the request."""
    say, status = Say(body["decision"]), Status(row.status)
    mine = [
        decision for decision in made if voter.person and decision.person_id == voter.person.id and decision.standing
    ]
    standing = mine[-1].say if mine else None
    if say is Say.DENY and status in (Status.HELD, Status.APPROVED) and _withdraws(voter, mine):
        return Ruling("withdraw" if body["digest"] == row.digest else "digest-differs", (), row.status, standing)
    broken = _violations(people, voter, status, mine)
    if broken and _says_again(broken, status, mine, say):
        return Ruling("stands" if body["digest"] == row.digest else "digest-differs", (), row.status, standing)
    if broken:
        return Ruling("refused", tuple(broken), row.status, standing)
    return _of_eligible(row, people, body, mine, standing)


def _withdraws(voter: Voter, mine: Sequence[Decision]) -> bool:
    may = voter.human and voter.person is not None and voter.person.active
    return may and any(decision.say == Say.APPROVE for decision in mine)


def _says_again(broken: Sequence[Violation], status: Status, mine: Sequence[Decision], say: Say) -> bool:
    """What was said of an earlier stage, by who is not even eligible for the open one: it stands, and costs nothing."""
    foreign = "not-eligible" in {v.invariant for v in broken}
    return status is Status.HELD and foreign and bool(mine) and mine[-1].say == say


def _violations(people: Bench, voter: Voter, status: Status, mine: Sequence[Decision]) -> Sequence[Violation]:
    broken = separation.violations(voter, people.facts)
    if voter.person is None or not voter.human or not voter.person.active:
        return broken
    if status is not Status.HELD:
        known = mine or any(_was_member(people, voter, index) for index in _stages(people))
        return broken if broken or known else [violation("not-eligible")]
    return broken


def _stages(people: Bench) -> range:
    return range(len(people.facts.plan.stages) if people.facts.plan else 0)


def _was_member(people: Bench, voter: Voter, index: int) -> bool:
    broken = separation.violations(voter, people.facts, index)
    return "not-eligible" not in {v.invariant for v in broken}


def _of_eligible(
    row: Request, people: Bench, body: dict[str, Any], mine: Sequence[Decision], standing: str | None
) -> Ruling:
    plan, say = people.facts.plan, Say(body["decision"])
    index = None if plan is None else plan.open_stage
    here = [decision for decision in mine if decision.stage == index] if row.status == Status.HELD else list(mine)
    if body["digest"] != row.digest:
        return Ruling("digest-differs", (), row.status, standing)
    if here and here[-1].say == say:
        return Ruling("stands", (), row.status, standing)
    if row.status != Status.HELD or plan is None or index is None:
        return Ruling("closed", (), row.status, standing)
    if here:
        return Ruling("decision-stands", (), row.status, standing)
    if say is Say.APPROVE and plan.stages[index].reason_required and not (body["reason"] or "").strip():
        return Ruling("reason-missing", (), row.status, standing)
    return Ruling("record", (), row.status, standing)


async def decide(ctx: Context, request_id: uuid.UUID, attempt_id: uuid.UUID) -> State:
    """Judge a stored decision again and record it. The attempt keeps its ruling: run again, it changes nothing."""
    async with scene(ctx, request_id) as found:
        attempt = await found.session.get(Attempt, attempt_id)
        if attempt is None or attempt.request_id != request_id or attempt.op != "decide":
            raise NotFound(f"attempt {attempt_id} is not a decision on request {request_id}")
        if attempt.ruling is None:
            await _rule(found, attempt)
        return found.state()


async def _rule(found: Scene, attempt: Attempt) -> None:
    before = await bench(found)
    moved = await go_on(found, before)
    said, people = await judge(found, attempt, before.made)
    attempt.ruling = said.as_json()
    if said.word == "record":
        await _record(found, attempt, people)
    elif said.word == "withdraw":
        await withdraw(found, attempt)
    elif said.word == "refused":
        found.note("refused", _identity(attempt), person=found.pid(attempt.actor_id), **_names(said))
    if moved or said.word in ("record", "withdraw"):
        await found.changed()
    else:
        await found.session.flush()
        await found.write_entries()


def _identity(attempt: Attempt) -> dict[str, Any]:
    return {"identity": attempt.identity}


def _names(said: Ruling) -> dict[str, Any]:
    return {"violations": [v.invariant for v in said.violations]}


async def _record(found: Scene, attempt: Attempt, people: Bench) -> None:
    plan = people.facts.plan
    assert plan is not None and plan.open_stage is not None  # noqa: S101, PT018  `ruling` said record: a stage is open
    body, stage = attempt.body, plan.stages[plan.open_stage]
    stands_for = separation.stands_for(people.people[attempt.actor_id or ""], people.facts, stage)
    decision = Decision(
        id=attempt.id,
        request_id=found.row.id,
        stage=plan.open_stage,
        person_id=attempt.actor_id or "",
        say=body["decision"],
        reason=body["reason"],
        via=attempt.via,
        level=attempt.level,
        at=found.now,
        standing=True,
        stands_for=stands_for,
    )
    found.session.add(decision)
    await found.session.flush()
    await note_decision(found, attempt, stage.name, stands_for)
    if body["decision"] == Say.DENY:
        found.become(Status.DENIED, "denied-by-person")
        found.note("denied", why="denied-by-person")
        return
    await go_on(found, bench_after(found, [*people.made, decision]))


async def note_decision(found: Scene, attempt: Attempt, stage: str, stands_for: Sequence[str]) -> None:
    """The entry of a decision: who and for whom as pids, why and by which account sealed, what was shown as a hash."""
    by_delegation: dict[str, Any] = {"stands_for": [found.pid(person) for person in stands_for]} if stands_for else {}
    found.note(
        "decided",
        {"reason": attempt.body["reason"], "identity": attempt.identity},
        person=found.pid(attempt.actor_id),
        attempt=str(attempt.id),
        decision=attempt.body["decision"],
        stage=stage,
        digest=attempt.body["digest"],
        level=attempt.level,
        via=attempt.via,
        **by_delegation,
        **await shown.named(found, attempt.body),
    )
