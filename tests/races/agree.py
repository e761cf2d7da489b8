"""After a round: the row, the workflow, the ledger, the target and what everybody was told must be one story."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import text
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent

from app.domain.clocks import moment
from app.domain.errors import Closed, DecisionStands
from app.domain.states import TRANSITIONS, Status
from app.use_cases import temporal
from app.use_cases.views import View
from tests.races.racing import Told, insist
from tests.world import World

Calls = Callable[[], Sequence[str]]
FINAL = frozenset({"succeeded", "failed", "denied", "expired", "cancelled", "lapsed", "revoked"})
DEADLOCK = "TMPRL1101"
ATTEMPTS = """select count(*) as made, count(*) filter (where outcome = 'not-sent') as unsent
    from execution_attempt where request_id = :id"""
ENDS_WITHIN = 120
"""Seconds, on a very busy machine."""


@dataclass(frozen=True, slots=True)
class Vote:
    """A decision as its row has it."""

    id: str
    person: str
    stage: int
    say: str
    standing: bool


@dataclass(frozen=True, slots=True)
class Run:
    """What a workflow's history tells: the status that it ended with, its task failures, the kinds of its events."""

    status: str
    task_failures: Sequence[str]
    events: Counter[str]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is left of a round. ``calls``: the idempotency keys that the target saw; ``run``: of the last run.

    ``unsent``: attempts that came to their call too late to make it, as they do on a very busy machine; each is
    followed by another.
    """

    id: str
    status: str
    expires_at: datetime
    quorum: int
    entries: Sequence[dict[str, Any]]
    votes: Sequence[Vote]
    attempts: int
    pids: dict[str, str]
    calls: Sequence[str]
    run: Run
    unsent: int = 0

    @property
    def kinds(self) -> list[str]:
        """The kinds of the entries, in order."""
        return [entry["kind"] for entry in self.entries]

    @property
    def statuses(self) -> list[str]:
        """The status that each entry tells, in order."""
        return [entry["facts"]["status"] for entry in self.entries if "status" in entry["facts"]]


async def agree(door: World, shown: View, told: Iterable[Told] = (), calls: Calls | None = None) -> Facts:
    """Wait for the end, gather, check all of it. ``calls``: the keys that the target saw, unless that is the desk."""
    facts, _ = await insist(partial(gather, door, shown, calls or partial(_at_the_desk, door, shown)))
    check(facts, told)
    return facts


def check(facts: Facts, told: Iterable[Told] = ()) -> None:
    """Raise AssertionError, naming the request and its entries, unless everything agrees."""
    story = f"request {facts.id}: {facts.status}, {facts.kinds}, {facts.votes}"
    _one_status(facts, story)
    _effects(facts, story)
    _gate(facts, story)
    _votes(facts, story)
    for answer in told:
        _told(facts, answer, f"{story}; {answer}")


def _one_status(facts: Facts, story: str) -> None:
    """Row, ledger and workflow name one end, and it was reached along the table."""
    assert facts.status in FINAL, story
    assert facts.statuses[-1] == facts.status, story
    assert facts.run.status == facts.status, (story, facts.run)
    assert not facts.run.task_failures, (story, facts.run)
    assert [kind for kind in facts.kinds if kind in FINAL] == [facts.status], story
    moves = zip([None, *facts.statuses], facts.statuses, strict=False)
    for before, after in moves:
        now = None if before is None else Status(before)
        assert now == after or Status(after) in TRANSITIONS[now], (story, before, after)


def _effects(facts: Facts, story: str) -> None:
    """One effect, under the request's own key, when it succeeded; else none was ever begun."""
    times = 1 if facts.status == "succeeded" else 0
    assert list(facts.calls) == [facts.id] * times, (story, facts.calls)
    assert facts.attempts == facts.kinds.count("started") == times + facts.unsent, (story, facts.attempts)


def _gate(facts: Facts, story: str) -> None:
    """What started had its quorum of distinct people, none of whom took it back, and started in time."""
    if "started" not in facts.kinds:
        return
    approved, started = facts.kinds.index("approved"), facts.kinds.index("started")
    assert approved < started, story
    yes = {e["facts"]["person"] for e in facts.entries[:approved] if _is_vote(e, "approve")}
    assert len(yes) >= facts.quorum, (story, yes)
    assert not {"withdrawn", "denied", "cancelled", "expired"} & set(facts.kinds), story
    assert moment(facts.entries[started]["at"]) <= facts.expires_at, story


def _is_vote(entry: dict[str, Any], say: str) -> bool:
    return bool(entry["kind"] == "decided" and entry["facts"]["decision"] == say)


def _votes(facts: Facts, story: str) -> None:
    """One standing decision of a person on a stage; each is an entry, and none came after the end of time."""
    standing = Counter((vote.stage, vote.person) for vote in facts.votes if vote.standing)
    assert not standing or max(standing.values()) == 1, story
    noted = [e for e in facts.entries if e["kind"] in ("decided", "withdrawn")]
    written = [(entry["facts"]["attempt"], entry["facts"]["person"]) for entry in noted]
    assert sorted(written) == sorted((vote.id, facts.pids[vote.person]) for vote in facts.votes), (story, written)
    assert all(moment(entry["at"]) <= facts.expires_at for entry in noted if entry["kind"] == "decided"), story


def _told(facts: Facts, told: Told, story: str) -> None:
    """Who won has its entry; who lost has none, and was told by a typed error what stands."""
    mine = [vote.say for vote in facts.votes if vote.person == told.who]
    done = "cancelled" in facts.kinds if told.verb == "cancel" else told.verb in mine
    if not isinstance(told.answer, Exception):
        assert told.answer["id"] == facts.id, story
        assert told.answer["status"] in facts.statuses, story
        assert done, story
        if told.verb != "approve":
            assert told.answer["status"] == facts.status == {"deny": "denied", "cancel": "cancelled"}[told.verb], story
        return
    assert isinstance(told.answer, Closed | DecisionStands), story
    assert told.answer.status in facts.statuses, story
    assert not done, story
    if isinstance(told.answer, Closed):
        assert told.answer.status != "held", story
    if told.verb != "cancel":
        assert told.answer.standing == (mine[-1] if mine else None), story


def _at_the_desk(door: World, shown: View) -> list[str]:
    return [call.key for call in door.desk.seen[shown["parameters"]["thing"]]]


async def gather(door: World, shown: View, calls: Calls) -> Facts:
    """Wait for the workflow's end, then read what is left, in straight SQL and from Temporal's own history."""
    run = await _run(door, shown)
    who = {"id": uuid.UUID(shown["id"])}
    async with door.ctx.database.transaction() as session:
        row = (await session.execute(text("select status, expires_at, plan from request where id = :id"), who)).one()
        votes = await session.execute(
            text("select id, person_id, stage, say, standing from decision where request_id = :id order by at"), who
        )
        attempts = (await session.execute(text(ATTEMPTS), who)).one()
        people = await session.execute(text("select id, pid from person"))
        found = [Vote(str(v.id), v.person_id, v.stage, v.say, v.standing) for v in votes]
        pids = {p.id: str(p.pid) for p in people}
    return Facts(
        id=shown["id"],
        status=row.status,
        expires_at=row.expires_at,
        quorum=0 if row.plan is None else sum(stage["quorum"] for stage in row.plan["stages"]),
        entries=await door.entries(shown),
        votes=found,
        attempts=attempts.made,
        pids=pids,
        calls=calls(),
        run=run,
        unsent=attempts.unsent,
    )


async def _run(door: World, shown: View) -> Run:
    """How the workflow's last run ended, once it has."""
    handle = door.services.temporal.get_workflow_handle(temporal.workflow_id(uuid.UUID(shown["id"])))
    async with asyncio.timeout(ENDS_WITHIN):
        await handle.result()
    events = (await handle.fetch_history()).events
    assert events[-1].event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED
    states = [state for event in events for state in await _states(door, event)]
    last = max(states, key=lambda state: int(state["version"]))
    kinds = Counter(EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in events)
    failures = [failure for event in events for failure in await _failures(door, event)]
    return Run(str(last["status"]), failures, kinds)


async def _failures(door: World, event: HistoryEvent) -> list[str]:
    """Task failures, but for two by which Temporal only looks again, as it then does.

    Something came while the workflow completed; the machine was so busy that the SDK took a task for a deadlock.
    """
    failed = event.workflow_task_failed_event_attributes
    harmless = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
    if event.event_type != EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED or failed.cause == harmless:
        return []
    why = str(await door.services.temporal.data_converter.decode_failure(failed.failure))
    return [] if DEADLOCK in why else [f"{WorkflowTaskFailedCause.Name(failed.cause)}: {why}"]


async def _states(door: World, event: HistoryEvent) -> list[dict[str, Any]]:
    """The states of the row that a step's answer in this event carries."""
    found: list[Payload] = []
    if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
        found += event.marker_recorded_event_attributes.details["result"].payloads
    elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
        found += event.activity_task_completed_event_attributes.result.payloads
    codec = door.services.temporal.data_converter.payload_codec
    assert codec is not None
    answers = [json.loads(payload.data) for payload in await codec.decode(found)] if found else []
    return [answer.get("state", answer) for answer in answers]
