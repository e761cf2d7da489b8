"""Every kind of write, executed and rolled back through the whole service: the touched rows equal the originals."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from app.demo.stack import EXAMPLE
from tests.clear_text import histories, in_clear, ledger_and_outbox, needles
from tests.conftest import FIGURE
from tests.fakes.retail import direct
from tests.fakes.retail.tools import TOOLS
from tests.journeys.retail.conversations import Call, Json
from tests.journeys.retail.evidence import Ledger, defects, ledger, names, refused, rows, unapproved
from tests.journeys.retail.place import POLICY, Place, place
from tests.journeys.retail.undoing import RESPONDERS, SIGNERS, Desk, Trip, chosen

OF_EACH_KIND = int(os.environ.get("ROLLBACKS_OF_EACH_KIND", "3"))
"""All of the 180: ``ROLLBACKS_OF_EACH_KIND=100``. Not INTERLOCK_*: processes refuse what is no setting of theirs."""
WITHIN_SECONDS = 600
VOCABULARY = [file.read_text() for file in (*EXAMPLE.glob("*.yaml"), POLICY)]
Record = Callable[[str, object], None]

NO_ROLLBACK = "transfer_to_human_agents"
UNDONE: dict[str, tuple[str, Callable[[Json, Json], Json]]] = {
    "cancel_pending_order": ("orders.restore", lambda *_: {}),
    "modify_pending_order_items": (
        "orders.restore_items",
        lambda _, told: {"lines": told["lines"], "booked": told["booked"]},
    ),
    "modify_pending_order_address": (
        "orders.restore_address",
        lambda _, told: {"before": told["before"]["address"], "after": told["after"]["address"]},
    ),
    "modify_pending_order_payment": ("orders.restore_payment", lambda _, told: {"booked": told["booked"]}),
    "return_delivered_order_items": (
        "orders.withdraw_return",
        lambda asked, told: {
            "item_ids": told["after"]["return_items"],
            "payment_method_id": asked["payment_method_id"],
        },
    ),
    "exchange_delivered_order_items": (
        "orders.withdraw_exchange",
        lambda asked, told: {
            "item_ids": told["after"]["exchange_items"],
            "new_item_ids": told["after"]["exchange_new_items"],
            "payment_method_id": asked["payment_method_id"],
            "price_difference_minor": told["after"]["exchange_price_difference_minor"],
        },
    ),
    "refund": ("orders.void_refund", lambda _, told: {"booked": told["booked"]}),
    "modify_user_address": (
        "users.restore_address",
        lambda _, told: {"before": told["before"]["address"], "after": told["after"]["address"]},
    ),
}
"""By what each is undone, and with what of that which was asked for and what the shop answered; beside the id."""


@dataclass(frozen=True, slots=True)
class Journey:
    """All trips, after which the shop has been looked at once more."""

    where: Place
    desk: Desk
    trips: list[Trip]
    seconds: float
    entries: Ledger

    @property
    def undone(self) -> list[Trip]:
        """Those of which there is a rollback."""
        return [trip for trip in self.trips if trip.rollback is not None]


@pytest.fixture(name="journey", scope="module")
async def _journey() -> AsyncIterator[Journey]:
    async with place() as where:
        desk, calls = Desk(where), await chosen(where, OF_EACH_KIND)
        since = time.monotonic()
        async with asyncio.timeout(WITHIN_SECONDS):
            trips = await desk.serve(calls)
        yield Journey(where, desk, trips, time.monotonic() - since, await ledger(where.running.database))


async def test_the_touched_rows_equal_the_originals(journey: Journey, record_property: Record) -> None:
    undone: Counter[str] = Counter()
    for trip in journey.undone:
        before, after, again = trip.rows
        assert trip.rollback is not None
        assert (trip.original["status"], trip.rollback["status"]) == ("succeeded", "succeeded"), trip
        assert trip.original["execution"]["result"] == trip.alone[1], trip.call
        assert (after != before) is changes(trip.alone[1]), trip.call
        assert again == before, trip.call
        undone[trip.call.tool.name] += 1
    taken = Counter(trip.call.tool.name for trip in journey.trips if trip.alone[0] == 200)
    assert undone == taken - Counter({NO_ROLLBACK: taken[NO_ROLLBACK]})
    assert undone.keys() == UNDONE.keys()
    seconds = [trip.seconds for trip in journey.undone]
    record_property(
        FIGURE,
        f"{undone.total()} writes executed and rolled back, 8 customers at a time: {journey.seconds:.1f} s, each "
        f"{statistics.median(seconds):.2f} s, longest {max(seconds):.2f} s; every row as before: "
        + ", ".join(f"{kind} {number}" for kind, number in sorted(undone.items())),
    )


def changes(answer: Json) -> bool:
    """Whether a write of this answer has changed any row: an address may be what it was before."""
    return bool(answer["before"] != answer["after"])


async def test_the_whole_shop_is_as_if_nothing_had_happened(journey: Journey) -> None:
    async with journey.where.databases.engine(journey.where.fresh) as database, database.connect() as conn:
        expected = await direct.snapshot(conn)
    async with journey.where.shop.database.connect() as conn:
        found = await direct.snapshot(conn)
    for table, rows_of_it in expected.items():
        assert found[table] == rows_of_it, table


async def test_what_undoes_it_is_worked_out_from_what_the_shop_answered(journey: Journey) -> None:
    for trip in journey.undone:
        rollback, asked, told = trip.rollback, trip.call.arguments, trip.alone[1]
        assert rollback is not None
        action, of_outcome = UNDONE[trip.call.tool.name]
        assert rollback["action"] == action
        assert rollback["parameters"] == {**_about(trip.call), **of_outcome(asked, told)}, trip.call
        assert rollback["kind"] == "rollback"
        assert (rollback["bot"], rollback["plan"]["name"]) == ("support-bot", "rollback")
        assert rollback["on_behalf_of"] == f"customer:{trip.call.customer}"


def _about(call: Call) -> Json:
    return {"order_id": call.order} if call.order else {"user_id": call.arguments["user_id"]}


async def test_each_names_the_other_and_both_streams_verify(journey: Journey, record_property: Record) -> None:
    assert defects(journey.entries) == []
    who = await names(journey.where.running.database)
    for trip in journey.undone:
        rollback = trip.rollback
        assert rollback is not None
        assert (trip.original["reversed_by"], rollback["reverses"]) == ([rollback["id"]], trip.original["id"])
        assert trip.original["rollback"]["action"] == rollback["action"]
        for shown in (trip.original, rollback):
            stream = journey.entries[f"request:{shown['id']}"]
            assert unapproved(stream, who) == [], trip.call
            kinds = [written.body["kind"] for written in stream]
            redeemed = ["grant-redeemed"] if shown is rollback else []  # a rollback cannot be taken back
            assert kinds[kinds.index("started") :] == ["started", *redeemed, "attempt-finished", "succeeded"]
            assert kinds.count("started") == 1
        admitted = journey.entries[f"request:{rollback['id']}"][0].body["facts"]
        assert (admitted["reverses"], admitted["reversed_status"]) == (trip.original["id"], "succeeded")
        assert "rollback-approver" in refused(journey.entries[f"request:{rollback['id']}"])
        signed = {decision["person"] for decision in rollback["decisions"]}
        assert (rollback["asker"]["kind"], rollback["asker"]["id"] in RESPONDERS) == ("person", True)
        assert (len(signed), signed <= {*SIGNERS}) == (1, True)
    count = sum(len(journey.entries[f"request:{trip.original['id']}"]) for trip in journey.trips)
    record_property(FIGURE, f"{count} entries of what was undone, {len(journey.entries)} streams verify")


async def test_what_the_shop_refused_or_nothing_undoes_is_refused_and_not_kept(
    journey: Journey, record_property: Record
) -> None:
    stored = await rows(journey.where.running.database)
    reversed_ids = {row.reverses for row in stored.values()}
    why: Counter[str] = Counter()
    for trip in (trip for trip in journey.trips if trip.refused is not None):
        problem = trip.refused
        assert problem is not None
        told = (problem["status"], problem["type"])
        assert told == (trip.original["status"], "urn:interlock:problem:not-reversible"), problem
        failed = trip.original["status"] == "failed"
        assert failed is (trip.alone[0] != 200)
        assert ("does not say how" if failed else "Nothing undoes") in problem["detail"]
        assert trip.original["warnings"] == ([] if failed else ["Nothing undoes this action."])
        assert trip.original["id"] not in {str(id_) for id_ in reversed_ids}
        assert trip.original["reversed_by"] == []
        assert trip.rows[0] == trip.rows[1] == trip.rows[2]
        why[f"{trip.call.tool.name} {trip.original['status']}"] += 1
    assert why == {"exchange_delivered_order_items failed": 2, f"{NO_ROLLBACK} succeeded": min(OF_EACH_KIND, 4)}
    record_property(FIGURE, f"refused as not-reversible: {', '.join(f'{k} {n}' for k, n in sorted(why.items()))}")


async def test_the_rollback_of_a_failed_one_can_fail_and_be_asked_for_again(journey: Journey) -> None:
    """A cancellation says by its parameters alone how it is undone: signed with a warning, and the shop refuses."""
    trip = next(trip for trip in journey.trips if trip.call.tool.name == "return_delivered_order_items")
    arguments = {"order_id": trip.call.order, "reason": "no longer needed"}
    call = Call("late", "0", TOOLS["cancel_pending_order"], arguments, trip.call.customer, "Cancel what has come.")
    original = await journey.desk.executed(call)
    assert (original["status"], original["execution"]["error"]["status"]) == ("failed", 409)
    for _ in range(2):
        asked = await journey.desk.ask_to_undo("ivan", original)
        assert asked.status_code == 201, asked.text
        assert "failed" in asked.json()["warnings"][0]
        again = await journey.desk.ask_to_undo("nora", original)
        assert (again.status_code, again.json()["type"]) == (409, "urn:interlock:problem:rollback-exists")
        over = await journey.desk.signed("rita", asked.json())
        assert (over["status"], over["execution"]["error"]["status"]) == ("failed", 409)
        original = await journey.desk.until_final(original)
        assert (original["status"], original["reversed_by"]) == ("failed", [])


async def test_nothing_of_a_rollback_stands_in_clear(journey: Journey, record_property: Record) -> None:
    said = [trip.rollback for trip in journey.undone if trip.rollback is not None]
    wanted = needles(
        [text for one in said for text in (*texts(one["parameters"]), one["reason"])], vocabulary=VOCABULARY
    )
    running = journey.where.running
    hays = await histories(running.temporal) | await ledger_and_outbox(running.database) | running.logs()
    assert wanted
    assert in_clear(wanted, hays) == []
    record_property(FIGURE, f"{len(wanted)} spellings of what rollbacks say: none in clear")


def texts(value: Any) -> Iterator[str]:
    """Every text in a value: cents of few digits stand in many a number of bytes."""
    match value:
        case str():
            yield value
        case dict() | list():
            for one in value.values() if isinstance(value, dict) else value:
                yield from texts(one)
