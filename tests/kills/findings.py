"""What is wrong with a request after a kill: each rule looks at one `Record` and says so in a sentence. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from app.domain.ledger import verify_stream
from tests.kills.callers import Fact
from tests.kills.records import Record

OPEN = {"held", "approved", "executing"}
ONCE = {"do.once", "do.grave", "do.slow-once", "do.long-once", "do.handed-once", "do.handed-slowly"}
"""The actions that may not be repeated."""
OVERDUE = timedelta(seconds=90)
"""The sweeper's minute, and its round of half of one."""

Rule = Callable[[Record], Iterator[str]]


def findings(record: Record) -> list[str]:
    """All that is wrong with one request."""
    return [f"{record.id} ({record.row['action']}): {what}" for rule in RULES for what in rule(record)]


def lost(fact: Fact, record: Record | None) -> Iterator[str]:
    """An acknowledged fact must stand in the row and in the ledger, once."""
    if record is None:
        yield f"{fact}: there is no such request"
        return
    match fact.kind:
        case "asked":
            if [entry["kind"] for entry in record.entries].count("admitted") != 1:
                yield f"{fact}: not admitted, once, in the ledger"
        case "cancelled":
            if record.status != "cancelled" or len(record.of_kind("cancelled")) != 1:
                yield f"{fact}: the row is {record.status}"
        case "decided":
            yield from _lost_decision(fact, record)


def _lost_decision(fact: Fact, record: Record) -> Iterator[str]:
    made = [d for d in record.decisions if (d["person_id"], d["say"]) == (fact.person, fact.say)]
    said = [
        entry
        for entry in record.of_kind("decided")
        if (entry["person"], entry["decision"], entry["digest"])
        == (record.pid(str(fact.person)), fact.say, fact.digest)
    ]
    if (len(made), len(said)) != (1, 1):
        yield f"{fact}: {len(made)} rows and {len(said)} entries of it"


def _stream(record: Record) -> Iterator[str]:
    yield from (f"{found.where}: {found.what}" for found in verify_stream(f"request:{record.id}", record.stream))
    kinds = [entry["kind"] for entry in record.entries]
    if kinds[:1] != ["admitted"] or kinds.count("admitted") != 1:
        yield f"its stream does not begin with its admission: {kinds}"


def _status(record: Record) -> Iterator[str]:
    told = [entry["facts"].get("status") for entry in record.entries]
    if told[-1:] != [record.status]:
        yield f"the row is {record.status}, its last entry says {told[-1:]}"
    ends = [status for status in told if status not in OPEN]
    if len(set(ends) - {"unknown"}) > 1 or told[len(told) - len(ends) :] != ends:
        yield f"it ended more than once: {told}"


def _quorum(record: Record) -> Iterator[str]:
    """Every start has enough distinct approvals before it, of people who were of the stage's groups at admission."""
    plan, members, approvals, allowed = None, {}, set(), False
    for entry in record.entries:
        facts = entry["facts"]
        if entry["kind"] == "admitted":
            plan, members, allowed = facts["plan"], facts["members"], facts["verdict"]["outcome"] == "allow"
        elif entry["kind"] == "decided" and facts["decision"] == "approve":
            approvals.add((facts["stage"], facts["person"]))
        elif entry["kind"] in ("denied", "withdrawn"):
            approvals.clear()
        elif entry["kind"] == "started" and plan is None and not allowed:
            yield "started without a plan, and was not allowed"
        elif entry["kind"] == "started" and plan is not None:
            for stage in plan["stages"]:
                may = {pid for group in stage["groups"] for pid in members[group]}
                count = len({person for name, person in approvals if name == stage["name"]} & may)
                if count < stage["quorum"]:
                    yield f"started with {count} of {stage['quorum']} approvals in stage {stage['name']}"


def _votes(record: Record) -> Iterator[str]:
    said = [(facts["stage"], facts["person"]) for facts in record.of_kind("decided")]
    if len(said) != len(set(said)):
        yield "somebody's decision stands twice in the ledger"
    entries = len(record.of_kind("decided", "withdrawn"))
    if entries != len(record.decisions):
        yield f"{len(record.decisions)} decisions, {entries} entries of them"


def _effects(record: Record) -> Iterator[str]:
    started, calls = len(record.of_kind("started")), len(record.calls)
    most = 1 if record.row["action"] in ONCE else 3
    if calls > most:
        yield f"called {calls} times"
    if calls > started:
        yield f"called {calls} times, started {started} times"
    if set(record.calls) - {record.id}:
        yield f"called under other keys: {record.calls}"
    if record.status == "succeeded" and record.row["mode"] == "http" and not calls:
        yield "succeeded without a call"


def _attempts(record: Record) -> Iterator[str]:
    if len(record.of_kind("started")) != len(record.attempts):
        yield f"{len(record.attempts)} attempts, {len(record.of_kind('started'))} entries of them"
    if record.status != "executing" and any(attempt["finished_at"] is None for attempt in record.attempts):
        yield "an attempt without an end"
    if record.status not in ("executing", "unknown") and any(attempt["holds_key"] for attempt in record.attempts):
        yield "it keeps its conflict key"


def _woken(record: Record) -> Iterator[str]:
    due = record.row["due_at"]
    if record.status in OPEN and (due is None or due < record.row["read_at"] - OVERDUE):
        yield f"{record.status}, and nobody will wake it: due {due}"


RULES: Sequence[Rule] = (_stream, _status, _quorum, _votes, _effects, _attempts, _woken)
