"""What undoes the shop's writes: after a write and its compensation, as the example's catalogue has it, no row differs.

The compensation's parameters are what the compiled policy makes of the answer as Interlock keeps it.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.execution.answers import Body, as_result
from app.governance.errors import RuleError
from app.governance.files import load
from app.governance.policy import Policy, compile_policy
from tests.fakes.retail import tables
from tests.fakes.retail.direct import apply, snapshot
from tests.fakes.retail.issuer import Caller, Issuer
from tests.fakes.retail.samples import SAMPLE, tau2, tool_calls
from tests.fakes.retail.tools import TOOLS
from tests.fakes.test_retail_writes import CANCEL, EXCHANGE, LANE, MODIFY, REFUND, RETURN, Json, balance, done

pytest_plugins = ["tests.fakes.retail.fixtures"]

BY_ACTION = {tool.action: tool.name for tool in TOOLS.values()}
ADDRESS: Json = {"order_id": "#W1000001", **LANE}
PAYMENT: Json = {"order_id": "#W1000003", "payment_method_id": "gift_card_3700002"}
HOME: Json = {"user_id": "olivia_reyes_11", **LANE}
GIFT: Json = {**REFUND, "amount_minor": 100, "payment_method_id": "gift_card_2400002"}
WRITES: dict[str, Json] = {
    "cancel_pending_order": CANCEL,
    "modify_pending_order_items": MODIFY,
    "modify_pending_order_address": ADDRESS,
    "modify_pending_order_payment": PAYMENT,
    "return_delivered_order_items": RETURN,
    "exchange_delivered_order_items": EXCHANGE,
    "refund": GIFT,
    "modify_user_address": HOME,
}


@pytest.fixture(name="policy", scope="module")
def _policy() -> Policy:
    return compile_policy(load(SAMPLE.parent).document, "sha256:example")


def undoing(policy: Policy, tool: str, arguments: Json, answer: Json) -> tuple[str, Json]:
    """The tool that undoes a write which was answered so, and its arguments."""
    action = policy.action(TOOLS[tool].action)
    assert action.rollback is not None
    result, lost = as_result(Body(json.dumps(answer).encode(), whole=True))
    assert lost is None
    parameters = policy.rollback_parameters(action.name, arguments, status="succeeded", result=result)
    return BY_ACTION[action.rollback.action], parameters


async def undo(conn: AsyncConnection, policy: Policy, tool: str, arguments: Json, answer: Json) -> tuple[int, Json]:
    """Undoes a write straight on the database."""
    return await apply(conn, *undoing(policy, tool, arguments, answer))


async def fingerprint(conn: AsyncConnection) -> Json:
    """As `direct.snapshot`, a figure for each table: one that differs when any row, or their number, does."""
    hashed = "(SELECT sum(hashtextextended({0}::text, 0)) || ' of ' || count(*) FROM {0}) AS {0}"
    tables_hashed = ", ".join(hashed.format(table.name) for table in tables.SHOP)
    return dict((await conn.execute(text(f"SELECT {tables_hashed}"))).mappings().one())


@pytest.mark.parametrize(
    ("tool", "succeed"),
    [
        ("cancel_pending_order", 25),
        ("exchange_delivered_order_items", 33),
        ("modify_pending_order_address", 24),
        ("modify_pending_order_items", 39),
        ("modify_pending_order_payment", 1),
        ("modify_user_address", 11),
        ("return_delivered_order_items", 41),
    ],
)
async def test_each_write_of_tau2_is_undone_on_fresh_rows(
    retail_tau2_conn: AsyncConnection, policy: Policy, tool: str, succeed: int
) -> None:
    """With four transfers, which change no row, and two exchanges that are refused, these are the 180."""
    before, undone = await fingerprint(retail_tau2_conn), 0
    for arguments in [call["arguments"] for call in tool_calls(tau2()) if call["tool"] == tool]:
        async with retail_tau2_conn.begin_nested() as fresh:
            status, answer = await apply(retail_tau2_conn, tool, arguments)
            if status == 200:
                assert await undo(retail_tau2_conn, policy, tool, arguments, answer) == (200, inverse(answer))
                assert await fingerprint(retail_tau2_conn) == before, arguments
                undone += 1
            await fresh.rollback()
    assert undone == succeed


def inverse(answer: Json) -> Json:
    """What a compensation answers of the write that was answered so."""
    turned = {name: value for name, value in _swapped(answer).items() if name != "booked"}
    if "lines" in answer:
        turned["lines"] = [_swapped(line) for line in answer["lines"]]
    return turned


def _swapped(change: Json) -> Json:
    return {**change, "before": change["after"], "after": change["before"]}


async def test_all_of_tau2_is_undone_backwards(retail_tau2_conn: AsyncConnection, policy: Policy) -> None:
    before = await fingerprint(retail_tau2_conn)
    written: list[tuple[str, Json, Json]] = []
    for call in (call for call in tool_calls(tau2()) if call["writes"]):
        status, answer = await apply(retail_tau2_conn, call["tool"], call["arguments"])
        if status == 200 and call["tool"] in WRITES:
            written.append((call["tool"], call["arguments"], answer))
    undone = [await undo(retail_tau2_conn, policy, *one) for one in reversed(written)]
    assert Counter(status for status, _ in undone) == {200: 118}
    assert await fingerprint(retail_tau2_conn) == before


@pytest.mark.parametrize("tool", WRITES)
async def test_every_kind_is_undone_once(retail_conn: AsyncConnection, policy: Policy, tool: str) -> None:
    before = await snapshot(retail_conn)
    answer = await done(retail_conn, tool, WRITES[tool])
    assert await snapshot(retail_conn) != before
    assert await undo(retail_conn, policy, tool, WRITES[tool], answer) == (200, inverse(answer))
    assert await snapshot(retail_conn) == before
    status, body = await undo(retail_conn, policy, tool, WRITES[tool], answer)
    assert (status, body["error"] in ("wrong-status", "changed-since")) == (409, True)
    assert await snapshot(retail_conn) == before


async def test_an_address_that_was_the_same_before_is_undone_too(retail_conn: AsyncConnection, policy: Policy) -> None:
    for tool, arguments in (("modify_pending_order_address", ADDRESS), ("modify_user_address", HOME)):
        await done(retail_conn, tool, arguments)
        again = await done(retail_conn, tool, arguments)
        assert again["before"] == again["after"] == {"address": LANE}
        assert (await undo(retail_conn, policy, tool, arguments, again))[0] == 200


async def test_items_that_cost_less_are_undone(retail_conn: AsyncConnection, policy: Policy) -> None:
    cheaper = {"item_ids": ["3000000031"], "new_item_ids": ["3000000032"], "payment_method_id": "gift_card_1100002"}
    before, arguments = await snapshot(retail_conn), {"order_id": "#W1000001", **cheaper}
    answer = await done(retail_conn, "modify_pending_order_items", arguments)
    assert await balance(retail_conn, "gift_card_1100002") == 6000 + 665
    await undo(retail_conn, policy, "modify_pending_order_items", arguments, answer)
    assert await snapshot(retail_conn) == before


# What has changed since stays


SINCE: list[tuple[str, str, Json]] = [
    ("modify_pending_order_items", "refund", {**GIFT, "order_id": "#W1000002", "amount_minor": 1}),
    ("modify_pending_order_address", "modify_pending_order_address", ADDRESS | {"city": "Bend"}),
    ("modify_pending_order_payment", "refund", {**REFUND, **PAYMENT, "amount_minor": 1}),
    ("refund", "refund", GIFT),
    ("modify_user_address", "modify_user_address", HOME | {"city": "Bend"}),
    ("cancel_pending_order", "restore_order", {"order_id": "#W1000001"}),
    ("modify_pending_order_address", "cancel_pending_order", CANCEL),
    ("modify_pending_order_payment", "cancel_pending_order", CANCEL | {"order_id": "#W1000003"}),
]


@pytest.mark.parametrize(("tool", "newer", "arguments"), SINCE)
async def test_what_is_newer_is_not_lost(
    retail_conn: AsyncConnection, policy: Policy, tool: str, newer: str, arguments: Json
) -> None:
    answer = await done(retail_conn, tool, WRITES[tool])
    await done(retail_conn, newer, arguments)
    before = await snapshot(retail_conn)
    status, body = await undo(retail_conn, policy, tool, WRITES[tool], answer)
    wanted = "wrong-status" if newer in ("restore_order", "cancel_pending_order") else "changed-since"
    assert (status, body["error"]) == (409, wanted)
    assert await snapshot(retail_conn) == before


@pytest.mark.parametrize(
    ("tool", "changes", "code"),
    [
        ("return_delivered_order_items", {"status": "returned"}, "wrong-status"),
        ("return_delivered_order_items", {"return_items": ["3000000041"] * 2}, "changed-since"),
        ("return_delivered_order_items", {"return_payment_method_id": "gift_card_5800002"}, "changed-since"),
        ("exchange_delivered_order_items", {"status": "exchanged"}, "wrong-status"),
        ("exchange_delivered_order_items", {"exchange_new_items": ["3000000041"]}, "changed-since"),
        ("exchange_delivered_order_items", {"exchange_price_difference_minor": 0}, "changed-since"),
        ("modify_pending_order_items", {"status": "processed"}, "wrong-status"),
        ("modify_pending_order_payment", {"status": "processed"}, "wrong-status"),
    ],
)
async def test_an_order_that_went_on_stays(
    retail_conn: AsyncConnection, policy: Policy, tool: str, changes: Json, code: str
) -> None:
    answer = await done(retail_conn, tool, WRITES[tool])
    order = update(tables.purchase).where(tables.purchase.c.order_id == WRITES[tool]["order_id"])
    await retail_conn.execute(order.values(changes))
    before = await snapshot(retail_conn)
    status, body = await undo(retail_conn, policy, tool, WRITES[tool], answer)
    assert (status, body["error"]) == (409, code)
    assert body["message"].startswith(f"Order {WRITES[tool]['order_id']} is ")
    assert await snapshot(retail_conn) == before


async def test_a_line_that_was_swapped_again_stays(retail_conn: AsyncConnection, policy: Policy) -> None:
    answer = await done(retail_conn, "modify_pending_order_items", MODIFY)
    await retail_conn.execute(update(tables.purchase_item).values(price_minor=1))
    status, body = await undo(retail_conn, policy, "modify_pending_order_items", MODIFY, answer)
    assert (status, body["error"]) == (409, "changed-since")
    assert "line 0" in body["message"]


async def test_a_refund_of_an_order_that_was_cancelled_since_stays(
    retail_conn: AsyncConnection, policy: Policy
) -> None:
    mine = {"order_id": "#W1000001", "payment_method_id": "credit_card_1100001"}
    all_of_it = {**REFUND, **mine, "amount_minor": 19485}
    answer = await done(retail_conn, "refund", all_of_it)
    assert "booked" not in await done(retail_conn, "cancel_pending_order", CANCEL)
    status, body = await undo(retail_conn, policy, "refund", all_of_it, answer)
    assert (status, body["error"]) == (409, "wrong-status")


@pytest.mark.parametrize("tool", ["refund", "modify_pending_order_items"])
async def test_a_gift_card_that_is_spent_gives_nothing_back(
    retail_conn: AsyncConnection, policy: Policy, tool: str
) -> None:
    cheaper = {"item_ids": ["3000000031"], "new_item_ids": ["3000000032"], "payment_method_id": "gift_card_1100002"}
    arguments = GIFT if tool == "refund" else {"order_id": "#W1000001", **cheaper}
    answer = await done(retail_conn, tool, arguments)
    cards = tables.payment_method.c.balance_minor.is_not(None)
    await retail_conn.execute(update(tables.payment_method).where(cards).values(balance_minor=1))
    status, body = await undo(retail_conn, policy, tool, arguments, answer)
    assert (status, body["error"]) == (409, "gift-card-too-low")


async def test_a_gift_card_that_paid_elsewhere_meanwhile_keeps_that(
    retail_conn: AsyncConnection, policy: Policy
) -> None:
    answer = await done(retail_conn, "modify_pending_order_payment", PAYMENT)
    card = tables.payment_method.c.payment_method_id == "gift_card_3700002"
    await retail_conn.execute(update(tables.payment_method).where(card).values(balance_minor=50))
    await undo(retail_conn, policy, "modify_pending_order_payment", PAYMENT, answer)
    assert await balance(retail_conn, "gift_card_3700002") == 50 + 8880


MALFORMED: list[tuple[str, Json]] = [
    ("void_refund", {"order_id": "#W1000006", "booked": []}),
    ("restore_order_items", {"order_id": "#W1000001", "lines": [], "booked": []}),
    ("restore_order_payment", {"order_id": "#W1000001", "booked": []}),
    ("restore_order_address", ADDRESS),
    ("withdraw_exchange", EXCHANGE),
    ("restore_user_address", HOME),
]


@pytest.mark.parametrize(("tool", "arguments"), MALFORMED)
async def test_a_compensation_says_what_it_undoes(retail_conn: AsyncConnection, tool: str, arguments: Json) -> None:
    assert (await apply(retail_conn, tool, arguments))[0] == 422


async def test_only_a_refund_is_voided(retail_conn: AsyncConnection) -> None:
    paid = {"position": 0, "transaction_type": "payment", "amount_minor": 19485}
    booked = {**paid, "payment_method_id": "credit_card_1100001"}
    for tool, entries in (("void_refund", [booked]), ("restore_order_payment", [booked, booked])):
        assert (await apply(retail_conn, tool, {"order_id": "#W1000001", "booked": entries}))[0] == 422
    assert await retail_conn.scalar(select(tables.payment).where(tables.payment.c.order_id == "#W1000001"))


# What the catalogue says


async def test_without_an_answer_only_a_cancellation_can_be_undone(policy: Policy) -> None:
    for tool, arguments in WRITES.items():
        action = TOOLS[tool].action
        for status, result in (("unknown", None), ("failed", None), ("succeeded", {"before": {}, "after": {}})):
            if action == "orders.cancel":
                undone = policy.rollback_parameters(action, arguments, status=status, result=result)
                assert undone == {"order_id": CANCEL["order_id"]}
                continue
            with pytest.raises(RuleError, match="missing: [a-z_]+$" if result else None):
                policy.rollback_parameters(action, arguments, status=status, result=result)


def test_nothing_undoes_a_transfer_and_no_bot_undoes(policy: Policy) -> None:
    writes = {tool.action for tool in TOOLS.values() if tool.writes}
    rollbacks = {name: policy.action(name).rollback for name in writes}
    compensating = {rollback.action for rollback in rollbacks.values() if rollback is not None}
    assert {name for name in writes - compensating if rollbacks[name] is None} == {"support.transfer"}
    assert not [name for name in compensating if rollbacks[name] or policy.entitled("support-bot", name)]
    assert {policy.action(name).default_plan for name in compensating} == {"rollback"}


def test_what_is_masked_when_asked_for_is_masked_when_undone(policy: Policy) -> None:
    masked = {(side, field) for side in ("before", "after") for field in ("address1", "address2", "zip")}
    for action in ("orders.restore_address", "users.restore_address"):
        assert set(policy.action(action).sensitive) == masked


# Over HTTP


@pytest.mark.parametrize("tool", WRITES)
async def test_it_is_undone_under_a_grant_of_its_own(
    retail_untouched: Caller, retail_issuer: Issuer, policy: Policy, tool: str
) -> None:
    rollback = policy.action(TOOLS[tool].action).rollback
    assert rollback is not None
    key, undoes = str(uuid.uuid4()), BY_ACTION[rollback.action]
    for action in {TOOLS[tool].action, "orders.restore", "users.restore_address"} - {rollback.action}:
        grant = retail_issuer.mint(action, WRITES[tool], key)
        answer = await retail_untouched.call(undoes, WRITES[tool], request_id=key, grant=grant)
        assert (answer.status_code, answer.json()["error"]) == (403, "other-action")


async def test_a_key_undoes_once(retail: Caller, policy: Policy) -> None:
    answer = await retail.call("refund", GIFT)
    key, undoes = str(uuid.uuid4()), undoing(policy, "refund", GIFT, answer.json())
    first, second = [await retail.call(*undoes, request_id=key) for _ in range(2)]
    assert (first.status_code, first.content) == (200, second.content)
    other = await retail.call(*undoes)
    assert (other.status_code, other.json()["error"]) == (409, "changed-since")
    seen: list[Json] = (await retail.client.get("/_effects")).json()
    assert [one["path"] for one in seen] == ["/refunds", "/void_refund"]
