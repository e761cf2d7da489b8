"""The main job with the real calls of 107 conversations: 180 writes held, released and run, 370 reads at once."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from temporalio.client import WorkflowExecutionStatus
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.db.session import Database
from app.demo.stack import EXAMPLE
from tests.clear_text import files, histories, in_clear, ledger_and_outbox, needles
from tests.conftest import FIGURE
from tests.fakes.retail import direct, tables
from tests.fakes.retail.once import effects
from tests.journeys.retail.approvers import ELIGIBLE, Office
from tests.journeys.retail.callers import Bot, Said, converse
from tests.journeys.retail.conversations import Call, Conversation, Json, conversations, customers, sharing_a_gift_card
from tests.journeys.retail.evidence import (
    Execution,
    Ledger,
    defects,
    executions,
    ledger,
    names,
    refused,
    replayed,
    rows,
    unapproved,
)
from tests.journeys.retail.place import POLICY, Client, Place, place

VOCABULARY = [file.read_text() for file in (*EXAMPLE.glob("*.yaml"), POLICY)]
WITHIN_SECONDS = 480
Record = Callable[[str, object], None]


@dataclass(frozen=True, slots=True)
class Journey:
    """What ran, who said what, and what is written down."""

    where: Place
    talks: list[Conversation]
    office: Office
    said: Said
    seconds: float
    unanswered: int
    seen: dict[str, Json]
    entries: Ledger

    def calls(self, *, writes: bool) -> list[Call]:
        """All writing, or all reading, calls in the order of the file."""
        return [call for talk in self.talks for call in talk.calls if call.tool.writes is writes]


@pytest.fixture(name="journey", scope="module")
async def _journey() -> AsyncIterator[Journey]:
    """Everything has been asked for, decided and run; all parts are still up."""
    talks = conversations()
    async with place() as where, httpx.AsyncClient(base_url=where.shop.url, trust_env=False, timeout=60) as shop:
        api = Client(where.running.http)
        office = Office(where, api)
        bot = Bot(api, where.bot_token, shop, office, sharing_a_gift_card(talks))
        before = time.monotonic()
        async with asyncio.timeout(WITHIN_SECONDS), asyncio.TaskGroup() as everybody:
            everybody.create_task(office.work())
            await everybody.create_task(converse(bot, talks))
            office.close()
        seconds = time.monotonic() - before
        entries = await ledger(where.running.database)
        yield Journey(where, talks, office, bot.said, seconds, api.again, await _seen(where), entries)


async def _seen(where: Place) -> dict[str, Json]:
    """Every request as the auditor sees it, page after page."""
    found: dict[str, Json] = {}
    cursor: dict[str, str] = {}
    while True:
        query = {"limit": "200", **cursor}
        answer = await where.running.http.get("/v1/requests", params=query, headers=where.running.person("anya"))
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found |= {shown["id"]: shown for shown in page["items"]}
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


def percentiles(seconds: Sequence[float]) -> str:
    """Median and 95th percentile."""
    cuts = statistics.quantiles(seconds, n=20)
    return f"p50 {cuts[9]:.3f} s, p95 {cuts[18]:.3f} s, longest {max(seconds):.3f} s"


def counts(found: Counter[Any]) -> str:
    """What was counted, in words."""
    return ", ".join(f"{name} {count}" for name, count in sorted(found.items()))


async def test_nothing_is_lost_and_nothing_is_doubled(journey: Journey, record_property: Record) -> None:
    writes, reads = journey.calls(writes=True), journey.calls(writes=False)
    assert (len(writes), len({call.conversation for call in writes}), len(reads)) == (180, 107, 370)
    assert journey.seen.keys() == {call.request_id for call in [*writes, *reads]}
    assert journey.said.last.keys() == journey.seen.keys()
    for call in [*writes, *reads]:
        shown, heard = journey.seen[call.request_id], journey.said.last[call.request_id]
        assert shown["status"] == heard["status"]
        assert shown["status"] in ("succeeded", "failed")
        assert (shown["parameters"], shown["on_behalf_of"]) == (call.arguments, f"customer:{call.customer}")
        assert len(shown["execution"]["attempts"]) == 1

    async with journey.where.shop.database.connect() as conn:
        effect = Counter(str(one["key"]) for one in await effects(conn))
        kept = {row.key: row.status for row in await conn.execute(select(tables.idempotency))}
    done = {call.request_id for call in writes if journey.seen[call.request_id]["status"] == "succeeded"}
    assert effect == Counter(done)
    assert kept == {call.request_id: 200 if call.request_id in done else 409 for call in writes}

    asked = 550 / journey.seconds
    decided = [journey.said.final_at[id_] - at for id_, at in journey.office.decided_at.items()]
    again = journey.said.sent - 550
    record_property(
        FIGURE,
        f"550 requests, 16 callers: {journey.seconds:.1f} s, {asked:.1f}/s; {again} sent twice, none doubled; "
        f"{journey.unanswered} answers were 503 and sent again",
    )
    record_property(FIGURE, f"submit: {percentiles(journey.said.submit_seconds)}")
    record_property(FIGURE, f"decided to outcome heard: {percentiles(decided)}")


async def test_the_shop_is_as_after_a_direct_replay_in_the_order_of_the_starts(
    journey: Journey, record_property: Record
) -> None:
    writes = journey.calls(writes=True)
    run = executions(journey.entries, writes)
    _never_at_once(run, sharing_a_gift_card(journey.talks))
    order = [execution.call for execution in run]
    answers, expected = await replayed(journey.where, order)
    outcomes: Counter[str] = Counter()
    for call, (status, body) in zip(order, answers, strict=True):
        told = journey.seen[call.request_id]["execution"]
        outcomes[f"{call.tool.name} {'ok' if status == 200 else 'refused'}"] += 1
        if status == 200:
            assert (told["status"], told["result"], told["error"]) == ("succeeded", body, None), call
        else:
            assert (status, told["status"], told["error"]) == (409, "failed", {"status": 409, "body": body}), call
    async with journey.where.shop.database.connect() as conn:
        found = await direct.snapshot(conn)
    assert found.keys() == expected.keys()
    for table, expected_rows in expected.items():
        assert found[table] == expected_rows, table
    contested = Counter(call.order for call in order if call.order)
    shared = sum(1 for count in contested.values() if count > 1)
    by_file = dict(zip([call.key for call in writes], (await replayed(journey.where, writes))[0], strict=True))
    other = sum(by_file[call.key] != answer for call, answer in zip(order, answers, strict=True))
    record_property(FIGURE, f"180 writes as in a direct replay: {counts(outcomes)}")
    record_property(
        FIGURE, f"{shared} orders written to more than once; in the file's order {other} answers would differ"
    )


def _never_at_once(run: Sequence[Execution], apart: frozenset[str]) -> None:
    """Two executions on the same order, or on orders of one customer with a gift card for both, never overlap."""
    over: dict[str, int] = {}
    for execution in run:
        call = execution.call
        for shared in {call.order or call.key, call.customer if call.customer in apart else call.key}:
            assert over.get(shared, 0) < execution.started, call
            over[shared] = execution.finished


async def test_who_released_it_was_entitled_and_the_ledger_says_so(journey: Journey, record_property: Record) -> None:
    assert defects(journey.entries) == []
    stored, who = await rows(journey.where.running.database), await names(journey.where.running.database)
    plans: Counter[str] = Counter()
    for call in journey.calls(writes=True):
        stream = journey.entries[f"request:{call.request_id}"]
        assert unapproved(stream, who) == [], call
        assert unapproved([one for one in stream if one.body["kind"] != "decided"], who) != [], "not looked at"
        assert stream[-1].body["facts"]["status"] == stored[call.request_id].status
        for decision in journey.seen[call.request_id]["decisions"]:
            assert decision["person"] in ELIGIBLE[decision["stage"]]
        plans[
            "+".join(f"{stage['name']}:{stage['quorum']}" for stage in stream[0].body["facts"]["plan"]["stages"])
        ] += 1
    for call in journey.calls(writes=False):
        stream = journey.entries[f"request:{call.request_id}"]
        assert stream[-1].body["facts"]["status"] == stored[call.request_id].status
        assert [one.body["kind"] for one in stream][:3] == ["admitted", "started", "reported"]
    for request_id, invariant in journey.office.refused:
        assert invariant in refused(journey.entries[f"request:{request_id}"]), request_id
    tried = Counter(invariant for _, invariant in journey.office.refused)
    assert tried.keys() == {"not-human", "not-eligible", "bot-owner", "on-behalf-of"}
    size = sum(len(stream) for stream in journey.entries.values())
    record_property(FIGURE, f"plans: {counts(plans)}; {size} entries in {len(journey.entries)} streams verify")
    record_property(FIGURE, f"decisions: {counts(journey.office.counted)}; refused: {counts(tried)}")


async def test_reads_go_the_fast_path_and_writes_through_one_workflow_each(
    journey: Journey, record_property: Record
) -> None:
    reads, writes = journey.calls(writes=False), journey.calls(writes=True)
    answers, _ = await replayed(journey.where, reads)
    for call, (status, _body) in zip(reads, answers, strict=True):
        assert journey.said.shop[call.request_id][0] == status, call
        assert journey.seen[call.request_id]["status"] == ("succeeded" if status == 200 else "failed")
    found = Counter(status for status, _ in answers)
    assert found == {200: 354, 404: 16}

    async for attempt in AsyncRetrying(wait=wait_fixed(0.1), stop=stop_after_delay(30), reraise=True):
        with attempt:  # what is listed comes a moment after what is so
            listed = [one async for one in journey.where.running.temporal.list_workflows()]
            assert {one.status for one in listed} == {WorkflowExecutionStatus.COMPLETED}
            assert sorted(one.id for one in listed) == sorted(f"request-{call.request_id}" for call in writes)
    record_property(FIGURE, f"reads without a workflow: {found[200]} answered, {found[404]} not found")


async def test_no_value_of_any_call_stands_in_clear(journey: Journey, record_property: Record) -> None:
    running = journey.where.running
    calls = [*journey.calls(writes=True), *journey.calls(writes=False)]
    wanted = needles(
        [
            *(call.body for call in calls),
            *(talk.known_info for talk in journey.talks),
            *({**user["name"], **user["address"], "email": user["email"]} for user in customers(journey.talks)),
            *journey.office.reasons,
            *journey.office.tokens,
            *journey.said.grants,
            journey.where.client_secret,
            journey.where.bot_token,
        ],
        vocabulary=VOCABULARY,
    )
    control = {"requests": await _requests(running.database)}
    parameters = {needle.value for needle in needles([call.arguments for call in calls], vocabulary=VOCABULARY)}
    assert parameters <= {hit.value for hit in in_clear(wanted, control)}, "not looked for"
    hays = {
        "histories": await histories(running.temporal),
        "ledger and outbox": await ledger_and_outbox(running.database),
        "logs": running.logs(),
        "Temporal's store": files(running.data / "temporal", "*.db*"),
    }
    assert len(hays["histories"]) == 2 * 180
    for kind, group in hays.items():
        assert sum(map(len, group.values())) > 10_000, kind
        assert in_clear(wanted, group) == [], kind
    sizes = ", ".join(f"{kind} {sum(map(len, group.values())):,} bytes" for kind, group in hays.items())
    record_property(
        FIGURE, f"{len(wanted)} spellings of {len({needle.value for needle in wanted})} values: none in {sizes}"
    )


async def _requests(database: Database) -> bytes:
    """The parameters in the requests' rows: there they are in clear, for people to see."""
    return "\n".join(json.dumps(row.parameters) for row in (await rows(database)).values()).encode()
