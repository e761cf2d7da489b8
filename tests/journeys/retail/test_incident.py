"""The 180 real calls of an hour undone under one signature: the shop is as before; and on a bad day it is known what
is not."""

from __future__ import annotations

import asyncio
import math
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx
import pytest

from tests.clear_text import histories, in_clear, ledger_and_outbox, needles
from tests.conftest import FIGURE
from tests.fakes.retail import direct
from tests.fakes.retail.once import effects
from tests.fakes.retail.tools import TOOLS
from tests.journeys.retail.conversations import Json
from tests.journeys.retail.evidence import Ledger, defects, ledger, names, rows, unapproved
from tests.journeys.retail.place import Place
from tests.journeys.retail.test_rollbacks import NO_ROLLBACK, VOCABULARY, texts
from tests.journeys.retail.undoing_many import (
    Incident,
    Tried,
    differences,
    executed,
    real_calls,
    shop_that_forgets,
)

Record = Callable[[str, object], None]
WITHIN_SECONDS = 600
SAYS_NO, SILENT = 0.10, 0.05
PATHS = {tool.action: tool.path for tool in TOOLS.values()}


@dataclass(frozen=True, slots=True)
class Undone:
    """One incident and its rollback, as the auditor sees both in the end. ``left``: rows that are not as before."""

    incident: Incident
    shown: Json
    rollback: Json
    originals: list[Json]
    left: dict[str, list[Json]]
    seconds: float

    @property
    def by_state(self) -> dict[str, set[str]]:
        """The originals, by the state of their item."""
        found: dict[str, set[str]] = {state: set() for state in ("succeeded", "failed", "unknown", "skipped")}
        for item in self.shown["items"]:
            found[item["state"]].add(item["request_id"])
        return found


@dataclass(frozen=True, slots=True)
class BadDay:
    """The second one. ``made``: which fault met which compensation; ``paused``: from and to when."""

    undone: Undone
    made: dict[str, str]
    tries: list[Tried]
    effects: Counter[str]
    started_while_paused: int
    entries: Ledger


@dataclass(frozen=True, slots=True)
class Journey:
    """Both."""

    where: Place
    good: Undone
    bad: BadDay


@pytest.fixture(name="journey", scope="module")
async def _journey() -> AsyncIterator[Journey]:
    async with shop_that_forgets() as where, asyncio.timeout(WITHIN_SECONDS):
        good = await _good_day(where)
        yield Journey(where, good, await _bad_day(where))


async def _good_day(where: Place) -> Undone:
    incident = Incident(where)
    originals = await executed(incident.desk, await real_calls(where))
    assert await differences(where)
    opened = await incident.opened()
    assert {one["request_id"] for one in opened["candidates"]} == {one["id"] for one in originals}
    rollback = await incident.asked()
    since = time.monotonic()
    await _signed(incident, rollback)
    return await _over(incident, rollback, originals, since)


async def _signed(incident: Incident, rollback: Json) -> None:
    """Refused: who approved some of them, and who asked. Then by one signature."""
    for who in ("dana", "ivan"):
        answer = await incident.desk.decide(who, rollback)
        broken = {violation["invariant"] for violation in answer.json()["violations"]}
        assert (answer.status_code, "rollback-approver" in broken) == (403, True), answer.text
    answer = await incident.desk.decide("rita", rollback)
    assert answer.status_code == 200, answer.text


async def _over(incident: Incident, rollback: Json, originals: list[Json], since: float) -> Undone:
    ended = await incident.desk.until_final(rollback)
    seconds = time.monotonic() - since
    left = await differences(incident.where)
    return Undone(incident, await incident.seen(), ended, originals, left, seconds)


async def _bad_day(where: Place) -> BadDay:
    incident = Incident(where)
    originals = await executed(incident.desk, await real_calls(where, "-again"))
    await incident.opened(suspend=True)
    rollback = await incident.asked(requests=[one["id"] for one in originals if _reversible(one)])
    async with httpx.AsyncClient(base_url=where.shop.url, trust_env=False) as shop:
        await _order_faults(shop, rollback)
        since, total = time.monotonic(), len(rollback["parameters"]["items"])
        await _signed(incident, rollback)
        await _killed(incident, ended=total // 6)
        await incident.until(ended=total // 3)
        before = len(await incident.tries())
        paused = await incident.turned("pause")
        at_pause = len(await incident.tries())
        assert paused["status"] == "paused"
        assert before <= at_pause
        await _quiet(incident)
        started = len(await incident.tries()) - at_pause
        assert (await incident.turned("resume"))["status"] == "rolling_back"
        await _killed(incident, ended=total * 2 // 3)
        undone = await _over(incident, rollback, originals, since)
        made = {one["key"]: one["mode"] for one in (await shop.get("/_faults")).json()}
    entries = await ledger(where.running.database)
    return BadDay(undone, made, await incident.tries(), await incident.effects(), started, entries)


def _reversible(original: Json) -> bool:
    return bool(original["rollback"]) and original["status"] == "succeeded"


async def _order_faults(shop: httpx.AsyncClient, rollback: Json) -> None:
    """Of each compensation's calls the first: so many are refused, and so many get no answer, done or not."""
    for action, number in Counter(item["action"] for item in rollback["parameters"]["items"]).items():
        silent = math.ceil(number * SILENT)
        orders = [
            ("status", 422, math.ceil(number * SAYS_NO)),
            ("hang", 0, silent // 2),
            ("delay", 30, silent - silent // 2),
        ]
        for mode, value, times in orders:
            if times:
                fault = {"path": PATHS[action], "mode": mode, "value": value, "times": times}
                assert (await shop.post("/_faults", json=fault)).status_code == 204


async def _killed(incident: Incident, *, ended: int) -> None:
    await incident.until(ended=ended)
    running = incident.where.running
    await running.replaced("worker", running.signal("worker", signal.SIGKILL))


async def _quiet(incident: Incident) -> None:
    """Until no try is without an outcome: nothing of it runs."""
    async with asyncio.timeout(120):
        while any(tried.outcome is None for tried in await incident.tries()):
            seen = await incident.seen()
            await incident.seen(wait="2s", since=str(seen["version"]))


async def test_the_shop_is_as_before_under_one_signature(journey: Journey, record_property: Record) -> None:
    good = journey.good
    assert good.rollback["status"] == "succeeded", good.rollback["execution"]
    total = good.shown["progress"]["total"]
    assert good.shown["progress"] == {
        "total": total, "waiting": 0, "succeeded": total, "failed": 0, "unknown": 0, "skipped": 0,
    }  # fmt: skip
    assert good.left == {}
    assert len(good.rollback["decisions"]) == 1
    not_undone = {one["request_id"] for one in good.shown["candidates"]} - good.by_state["succeeded"]
    listed = {one["id"]: one for one in good.originals if one["id"] in not_undone}
    why = Counter((one["action"], one["status"]) for one in listed.values())
    assert {action for action, status in why if status == "succeeded"} == {TOOLS[NO_ROLLBACK].action}
    record_property(
        FIGURE,
        f"{len(good.originals)} real writes, {total} undone under one signature in {good.seconds:.1f} s, 8 at a time: "
        "every row of the shop as before; not undone: "
        + ", ".join(f"{action} {status} {number}" for (action, status), number in sorted(why.items())),
    )


async def test_each_of_them_is_a_rollback_of_its_own_that_names_the_signature(journey: Journey) -> None:
    good, stored = journey.good, await rows(journey.where.running.database)
    entries = await ledger(journey.where.running.database)
    assert defects(entries) == []
    who = await names(journey.where.running.database)
    assert unapproved(entries[f"request:{good.rollback['id']}"], who) == []
    for item in good.shown["items"]:
        row = stored[item["rollback"]]
        assert (row.kind, str(row.reverses), row.status) == ("rollback", item["request_id"], "succeeded")
        facts = entries[f"request:{item['rollback']}"][0].body["facts"]
        assert facts["part_of"]["request"] == good.rollback["id"]
        kinds = [written.body["kind"] for written in entries[f"request:{item['rollback']}"]]
        assert kinds[0] == "admitted"
        assert kinds.count("started") == 1


async def test_on_a_bad_day_the_lists_are_exact(journey: Journey, record_property: Record) -> None:
    bad, shown = journey.bad, journey.bad.undone.shown
    undo = {item["request_id"]: item["rollback"] for item in shown["items"]}
    state = {item["rollback"]: item["state"] for item in shown["items"]}
    tried = Counter(one.item for one in bad.tries if one.item in state)
    lost = {one.item for one in bad.tries if one.outcome in ("no-outcome", "uncertain") and one.item in state}
    refused = {key for key, mode in bad.made.items() if mode == "status"}
    silent = {key for key, mode in bad.made.items() if mode != "status"}
    of = {name: {undo[id_] for id_ in ids} for name, ids in bad.undone.by_state.items()}
    assert of["failed"] == refused - lost
    assert of["unknown"] == lost
    assert silent <= lost
    assert of["succeeded"] == set(tried) - of["failed"] - of["unknown"]
    assert not of["skipped"] & set(tried)
    assert all(bad.effects[item] == 1 for item in of["succeeded"])
    assert all(bad.effects[item] == 0 for item in of["failed"] | of["skipped"])
    assert all(bad.effects[item] <= 1 for item in of["unknown"])
    skipped = [item for item in shown["items"] if item["state"] == "skipped"]
    numbers = {item["n"]: item["state"] for item in shown["items"]}
    after = {n: item["after"] for n, item in enumerate(bad.undone.rollback["parameters"]["items"], start=1)}
    for item in skipped:
        assert item["why"] == "depends-on-failed"
        assert any(numbers[n] != "succeeded" for n in after[item["n"]])
    record_property(
        FIGURE,
        "bad day, "
        + ", ".join(f"{name} {number}" for name, number in shown["progress"].items())
        + f"; {len(lost - silent)} lost with a killed worker; {bad.undone.seconds:.0f} s with two kills and a pause",
    )


async def test_nothing_was_undone_twice_nor_while_it_was_paused(journey: Journey) -> None:
    bad = journey.bad
    assert bad.started_while_paused == 0
    assert max(bad.effects.values()) == 1
    stored = await rows(journey.where.running.database)
    undoing = Counter(str(row.reverses) for id_, row in stored.items() if row.reverses and bad.effects[id_])
    assert max(undoing.values()) == 1


async def test_what_was_not_undone_is_as_the_bot_left_it_and_all_else_as_before(journey: Journey) -> None:
    """The shop as it is equals a fresh one on which the same was done: the bot's calls, and what undid them."""
    bad, stored = journey.bad, await rows(journey.where.running.database)
    mine = {item["rollback"] for item in bad.undone.shown["items"]} | {one["id"] for one in bad.undone.originals}
    tools = {tool.action: name for name, tool in TOOLS.items()}
    async with journey.where.databases.engine(journey.where.fresh) as database, database.begin() as conn:
        for id_ in [key for key in await _order_of_effects(journey.where) if key in mine]:
            status, _ = await direct.apply(conn, tools[stored[id_].action], stored[id_].parameters)
            assert status == 200
        expected = await direct.snapshot(conn)
        await conn.rollback()
    async with journey.where.shop.database.connect() as conn:
        found = await direct.snapshot(conn)
    for table, wanted in expected.items():
        assert found[table] == wanted, table


async def _order_of_effects(where: Place) -> list[str]:
    async with where.shop.database.connect() as conn:
        return [one["key"] for one in await effects(conn)]


async def test_nothing_of_it_stands_in_clear(journey: Journey, record_property: Record) -> None:
    said = [item["parameters"] for item in journey.good.rollback["parameters"]["items"]]
    wanted = needles([text for one in said for text in texts(one)], vocabulary=VOCABULARY)
    running = journey.where.running
    hays = await histories(running.temporal) | await ledger_and_outbox(running.database) | running.logs()
    assert wanted
    assert in_clear(wanted, hays) == []
    record_property(FIGURE, f"{len(wanted)} spellings of what the rollback of an incident says: none in clear")
