"""Compensations whose target fails or keeps silent, or whose worker is killed: `failed` or `unknown`, as it must be."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest

from tests.clear_text import histories, in_clear, ledger_and_outbox, of_requests
from tests.fakes.desk import desk
from tests.kills.callers import Callers, View
from tests.kills.conftest import KILLS
from tests.kills.place import Figure, Place, Since, until
from tests.kills.records import Record, connected
from tests.processes.stack import stack
from tests.races.stopping import rounds
from tests.world import RULES

SECOND_LINE = """
groups:
  - {name: second-line, members: [greta, felix, dana, mia], may: [respond]}
"""
"""More responders than ask: dana approves, mia signs, and two are left who may settle."""
QUIET = 35
"""Seconds: the timeout of every action here, and 30."""


@pytest.fixture(scope="module")
async def here() -> AsyncIterator[Place]:
    """As everywhere here, with a second line."""
    with tempfile.TemporaryDirectory(prefix="interlock-kills-") as folder:
        rules = Path(folder) / "rules"
        shutil.copytree(RULES, rules)
        shutil.copytree(KILLS, rules, dirs_exist_ok=True)
        (rules / "second-line.yaml").write_text(SECOND_LINE)
        async with desk() as target:
            async with stack(rules, targets={"desk": target.url}, worker="tests.processes.fused") as running:
                yield Place(running, target, await running.credential("bot"))
                wanted = await of_requests(running.database, [rules])
                hays = await histories(running.temporal) | await ledger_and_outbox(running.database) | running.logs()
                assert in_clear(wanted, hays) == []
            for gate in list(target.gates.values()):
                gate.set()


async def done(here: Place, callers: Callers, action: str, *answers: int) -> View:
    """A request that dana approved and that is over; ``answers``: of the target, else 200."""
    shown = await callers.ask(action)
    here.desk.script(callers.ids[shown["id"]], *answers)
    await callers.approve(shown, "dana")
    await here.closed([shown["id"]])
    return await callers.read(shown["id"])


async def ask_to_undo(callers: Callers, shown: View, who: str = "ivan") -> httpx.Response:
    """Ask for a rollback; what is admitted is looked after by the caller's checks."""
    answer = await callers.post(f"/v1/requests/{shown['id']}/rollbacks", {"reason": "wrong"}, who, uuid.uuid4().hex)
    if answer.is_success:
        callers.ids[answer.json()["id"]] = undone(callers, shown)
    return answer


def undone(callers: Callers, shown: View) -> str:
    """What a compensation calls the thing."""
    return f"{callers.ids[shown['id']]}-undone"


async def asked(callers: Callers, shown: View, who: str = "ivan") -> View:
    """A held rollback."""
    answer = await ask_to_undo(callers, shown, who)
    assert answer.status_code == 201, answer.text
    rollback: View = answer.json()
    assert rollback["status"] == "held"
    return rollback


async def signed(here: Place, callers: Callers, shown: View, *answers: int, signer: str = "mia") -> View:
    """A rollback that is over; ``answers``: of the target to the compensation, else 200."""
    rollback = await asked(callers, shown)
    here.desk.script(undone(callers, shown), *answers)
    await callers.approve(rollback, signer)
    await here.closed([rollback["id"]])
    return rollback


async def reversed_by(callers: Callers, shown: View) -> list[str]:
    """The rollbacks of a request that stand."""
    found: list[str] = (await callers.read(shown["id"]))["reversed_by"]
    return found


def outcomes(record: Record) -> list[str]:
    """What came of each attempt."""
    return [str(attempt["outcome"]) for attempt in record.attempts]


async def holders(here: Place, *shown: View) -> list[bool]:
    """Which of these have their conflict key."""
    found = await here.records([one["id"] for one in shown])
    return [any(attempt["holds_key"] for attempt in found[one["id"]].attempts) for one in shown]


async def long_ago(here: Place, shown: View) -> None:
    """Its attempts were started a minute earlier: nothing of them can be on its way."""
    moved = "update execution_attempt set started_at = started_at - interval '1 minute' where request_id = $1"
    async with connected(here.dsn) as connection:
        await connection.execute(moved, uuid.UUID(shown["id"]))


FAILING: dict[str, tuple[str, tuple[int, ...], str, int]] = {
    "says no": ("do.high", (422,), "failed", 1),
    "says no, not to be repeated": ("do.grave", (422,), "failed", 1),
    "errs, then answers": ("do.high", (503,), "succeeded", 2),
    "is silent, then answers": ("do.high", (0,), "succeeded", 2),
    "errs, then says no": ("do.high", (503, 422), "failed", 2),
    "errs": ("do.high", (503, 503, 503), "unknown", 3),
    "is silent": ("do.high", (0, 0, 0), "unknown", 3),
    "errs, not to be repeated": ("do.grave", (503,), "unknown", 1),
    "is silent, not to be repeated": ("do.grave", (0,), "unknown", 1),
}
"""What the target does; the action that is undone, the target's answers, how the rollback ends, calls."""


async def test_a_target_that_fails_or_is_silent(here: Place, callers: Callers, figure: Figure) -> None:
    """A failed rollback leaves room for another; one that nobody knows about, or that succeeded, does not."""
    since = Since()
    originals = [await done(here, callers, action) for action, *_ in FAILING.values()]
    rollbacks = await asyncio.gather(
        *(signed(here, callers, one, *case[1]) for one, case in zip(originals, FAILING.values(), strict=True))
    )
    over = str(since)
    found = await here.check(callers)
    for (what, (_, _, status, calls)), original, rollback in zip(FAILING.items(), originals, rollbacks, strict=True):
        record = found[rollback["id"]]
        assert (record.status, len(record.calls)) == (status, calls), what
        assert found[original["id"]].status == "succeeded"
        assert await reversed_by(callers, original) == ([] if status == "failed" else [rollback["id"]]), what
        again = await ask_to_undo(callers, original, "nora")
        if status != "failed":
            assert (again.status_code, again.json()["type"].rpartition(":")[2]) == (409, "rollback-exists"), what
            continue
        assert again.status_code == 201, again.text
        await callers.approve(again.json(), "mia")
    found = await here.check(callers)
    second = [record for record in found.values() if record.id not in {one["id"] for one in (*originals, *rollbacks)}]
    assert [record.status for record in second] == ["succeeded"] * 3
    figure(f"targets fail or keep silent in {len(FAILING)} compensations: failed, unknown or repeated, after {over}")


AROUND: dict[tuple[str, str], tuple[str, list[str], int]] = {
    ("do.high", "after-call"): ("succeeded", ["no-outcome", "succeeded"], 2),
    ("do.grave", "before-call"): ("unknown", ["no-outcome"], 0),
    ("do.grave", "after-call"): ("unknown", ["no-outcome"], 1),
    ("do.grave", "finish"): ("succeeded", ["succeeded"], 1),
    ("do.high", "before-call"): ("succeeded", ["no-outcome", "succeeded"], 1),
    ("do.high", "finish"): ("succeeded", ["succeeded"], 1),
}
KILLED = dict([*AROUND.items()][: rounds(4, 6)])
"""What is undone and where the worker dies; how the rollback ends, its attempts, and calls. All with FULL_ROUNDS=1."""


async def test_killed_around_the_compensation(here: Place, callers: Callers, figure: Figure) -> None:
    """Before the call, after it, and once it is recorded: repeated under the same key, or unknown and not repeated."""
    since, killed = Since(), dict[tuple[str, str], View]()
    for action, point in KILLED:
        rollback = await asked(callers, await done(here, callers, action))
        async with here.fuse(point, rollback["id"]):
            await callers.approve(rollback, "mia")
        killed[action, point] = rollback
    found = await here.check(callers)
    ended = {
        case: (found[one["id"]].status, outcomes(found[one["id"]]), len(found[one["id"]].calls))
        for case, one in killed.items()
    }
    assert ended == KILLED
    figure(f"worker killed in {len(KILLED)} compensations, around the call and its record: all over after {since}")


async def settle(callers: Callers, shown: View, who: str, status: str) -> httpx.Response:
    """Say what an unknown outcome was."""
    said = {"status": status, "reason": f"{who} has looked"}
    return await callers.post(f"/v1/requests/{shown['id']}/settle", said, who)


async def refused(callers: Callers, shown: View, who: str) -> set[str]:
    """The invariants that this person would break by settling."""
    answer = await settle(callers, shown, who, "failed")
    assert answer.status_code == 403, answer.text
    return {violation["invariant"] for violation in answer.json()["violations"]}


async def problem(callers: Callers, shown: View, who: str, status: str) -> str:
    """Why a settlement is not taken."""
    answer = await settle(callers, shown, who, status)
    assert answer.status_code == 409, answer.text
    return str(answer.json()["type"].rpartition(":")[2])


async def agreed(callers: Callers, shown: View, status: str, who: Sequence[str]) -> None:
    """Settled by these, the last of whom makes it so."""
    for number, person in enumerate(who, start=1):
        answer = await settle(callers, shown, person, status)
        assert answer.status_code == (200 if number == len(who) else 202), answer.text
        assert answer.json()["settle"] == {"status": status, "have": number, "need": len(who)}


@pytest.mark.parametrize("status", ["failed", "succeeded"])
async def test_two_settle_what_nobody_knows(here: Place, callers: Callers, status: str) -> None:
    """Neither who asked for the rollback, nor who approved the original, nor who signed; and not before its time."""
    original = await done(here, callers, "do.grave")
    rollback = await signed(here, callers, original, 503)
    assert await here.status(rollback["id"]) == "unknown"
    assert await problem(callers, rollback, "nora", status) == "too-early"
    await long_ago(here, rollback)
    assert await refused(callers, rollback, "ivan") == {"self-approval", "rollback-approver"}
    assert await refused(callers, rollback, "dana") == {"rollback-approver"}
    assert await refused(callers, rollback, "mia") == {"stage-repeat"}
    for _ in range(2):
        first = await settle(callers, rollback, "nora", status)
        assert (first.status_code, first.json()["settle"]) == (202, {"status": status, "have": 1, "need": 2})
    other = "succeeded" if status == "failed" else "failed"
    assert await problem(callers, rollback, "felix", other) == "settlement-differs"
    assert (await settle(callers, rollback, "greta", status)).status_code == 200
    found = await here.check(callers)
    assert found[rollback["id"]].status == status
    assert len(found[rollback["id"]].of_kind("settlement")) == 2
    if status == "succeeded":
        assert await reversed_by(callers, original) == [rollback["id"]]
        assert (await ask_to_undo(callers, original)).status_code == 409
        return
    assert await reversed_by(callers, original) == []
    second = await signed(here, callers, original)
    assert await reversed_by(callers, original) == [second["id"]]
    assert (await here.check(callers))[second["id"]].status == "succeeded"


async def test_one_settles_what_is_of_moderate_risk(here: Place, callers: Callers) -> None:
    """Its rollback has no plan of its own: the original's leads sign, all but the one who approved."""
    original = await done(here, callers, "do.once")
    denied = await callers.decide("dana", await asked(callers, original))
    assert [violation["invariant"] for violation in denied.json()["violations"]] == ["rollback-approver"]
    (held,) = await reversed_by(callers, original)
    here.desk.script(undone(callers, original), 503)
    rollback = {"id": held, "digest": (await seen(here, held))["digest"]}
    await callers.approve(rollback, "marco")
    await here.closed([held])
    await long_ago(here, rollback)
    await agreed(callers, rollback, "failed", ["nora"])
    assert (await here.check(callers))[held].status == "failed"


async def seen(here: Place, request_id: str) -> View:
    """As the auditor sees it."""
    answer = await here.running.http.get(f"/v1/requests/{request_id}", headers=here.running.person("anya"))
    assert answer.status_code == 200, answer.text
    shown: View = answer.json()
    return shown


async def test_the_key_of_an_unknown_original(here: Place, callers: Callers, figure: Figure) -> None:
    """The rollback takes it, not before the original's call can be over; a failed one gives it back; then another."""
    original = await done(here, callers, "do.grave", 503)
    assert original["status"] == "unknown"
    rollback, since = await asked(callers, original), Since()
    assert "Nobody knows" in rollback["warnings"][0]
    here.desk.script(undone(callers, original), 422)
    await callers.approve(rollback, "mia")
    assert await holders(here, original, rollback) == [True, False]
    assert await conflicting(callers, original) == "conflict"
    await here.closed([rollback["id"]])
    waited = str(since)
    assert await here.status(rollback["id"]) == "failed"
    started = {one["id"]: await started_at(here, one) for one in (original, rollback)}
    assert started[rollback["id"]] - started[original["id"]] >= QUIET
    assert await holders(here, original, rollback) == [True, False]
    assert await conflicting(callers, original) == "conflict"
    assert await reversed_by(callers, original) == []

    second = await signed(here, callers, original)
    assert await holders(here, original, second) == [False, False]
    found = await here.check(callers)
    assert (found[original["id"]].status, found[second["id"]].status) == ("unknown", "succeeded")
    assert await reversed_by(callers, original) == [second["id"]]
    assert await conflicting(callers, original) == "default-plan"
    await here.check(callers)
    figure(f"an unknown original is undone {waited} after the ask, at its timeout + 30 s; refused, then undone again")


async def conflicting(callers: Callers, shown: View) -> str:
    """What the verdict says of an ask about the same thing."""
    code: str = (await callers.ask("do.grave", thing=callers.ids[shown["id"]]))["verdict"]["code"]
    return code


async def started_at(here: Place, shown: View) -> float:
    """When its last attempt was started, in seconds."""
    query = "select extract(epoch from max(started_at)) from execution_attempt where request_id = $1"
    async with connected(here.dsn) as connection:
        return float(await connection.fetchval(query, uuid.UUID(shown["id"])))


@pytest.mark.parametrize("point", ["writing-started", "before-call", "after-call"])
async def test_killed_as_it_takes_the_key(here: Place, callers: Callers, figure: Figure, point: str) -> None:
    """One of the two has it, whenever the worker dies; the original again once people say that the rollback failed."""
    original = await done(here, callers, "do.grave", 503)
    await long_ago(here, original)
    rollback, since = await asked(callers, original), Since()
    async with here.fuse(point, rollback["id"]):
        await callers.approve(rollback, "mia")
    await here.closed([rollback["id"]])
    over = str(since)
    if point == "writing-started":  # nothing of it was committed, so that it has started once
        record = (await here.check(callers))[rollback["id"]]
        assert (record.status, outcomes(record), len(record.calls)) == ("succeeded", ["succeeded"], 1)
        assert await holders(here, original, rollback) == [False, False]
    else:
        assert await here.status(rollback["id"]) == "unknown"
        assert await holders(here, original, rollback) == [False, True]
        await long_ago(here, rollback)
        await agreed(callers, rollback, "failed", ["nora", "greta"])
        assert await holders(here, original, rollback) == [True, False]
        assert await conflicting(callers, original) == "conflict"
        await signed(here, callers, original)
        assert await holders(here, original, rollback) == [False, False]
    found = await here.check(callers)
    assert found[original["id"]].status == "unknown"
    figure(f"worker killed at {point} in the rollback of an unknown original: over after {over}")


async def test_settled_while_its_rollback_waits(here: Place, callers: Callers) -> None:
    """What was to be undone turns out to be something else than what was signed: the rollback is revoked."""
    original = await done(here, callers, "do.grave", 503)
    rollback = await asked(callers, original)
    await callers.approve(rollback, "mia")

    async def blocked() -> None:
        row = (await here.records([rollback["id"]]))[rollback["id"]].row
        assert (row["status"], row["due_at"] > row["read_at"]) == ("approved", True)

    await until(blocked)
    await long_ago(here, original)
    await agreed(callers, original, "failed", ["nora", "greta"])
    await here.closed([rollback["id"]])
    assert await here.status(rollback["id"]) == "revoked"
    assert here.desk.seen[undone(callers, original)] == []
    second = await signed(here, callers, original)
    found = await here.check(callers)
    assert (found[original["id"]].status, found[second["id"]].status) == ("failed", "succeeded")
