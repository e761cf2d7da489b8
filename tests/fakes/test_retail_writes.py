"""What the shop's writes do and refuse, straight on the database; and the whole of tau2-bench replayed."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fakes.retail import load, tables
from tests.fakes.retail.direct import apply, snapshot
from tests.fakes.retail.samples import SAMPLE, tau2, tool_calls
from tests.fakes.retail.tools import TOOLS

pytest_plugins = ["tests.fakes.retail.fixtures"]

Json = dict[str, Any]

LANE = {
    "address1": "1 New Lane",
    "address2": "",
    "city": "Salem",
    "state": "OR",
    "country": "USA",
    "zip": "97301",
}
CANCEL = {"order_id": "#W1000001", "reason": "no longer needed"}
REFUND: Json = {
    "order_id": "#W1000006",
    "amount_minor": 62000,
    "payment_method_id": "credit_card_2400001",
    "currency": "USD",
}
RETURN = {"order_id": "#W1000004", "item_ids": ["3000000041"], "payment_method_id": "credit_card_5800001"}
MODIFY = {
    "order_id": "#W1000002",
    "item_ids": ["3000000032"],
    "new_item_ids": ["3000000031"],
    "payment_method_id": "gift_card_2400002",
}
EXCHANGE = {
    "order_id": "#W1000005",
    "item_ids": ["3000000042"],
    "new_item_ids": ["3000000043"],
    "payment_method_id": "paypal_6300001",
}


async def done(conn: AsyncConnection, tool: str, arguments: Json) -> Json:
    """What a write that must succeed answers."""
    status, answer = await apply(conn, tool, arguments)
    assert status == 200, answer
    return answer


async def balance(conn: AsyncConnection, payment_method_id: str) -> int | None:
    """What a gift card holds."""
    methods = tables.payment_method.c
    return await conn.scalar(select(methods.balance_minor).where(methods.payment_method_id == payment_method_id))


async def test_cancel_refunds_and_says_what_was_before(retail_conn: AsyncConnection) -> None:
    answer = await done(retail_conn, "cancel_pending_order", CANCEL)
    paid = {"transaction_type": "payment", "amount_minor": 19485, "payment_method_id": "credit_card_1100001"}
    assert answer == {
        "order_id": "#W1000001",
        "before": {"status": "pending", "payment_history": [paid], "cancel_reason": None},
        "after": {
            "status": "cancelled",
            "payment_history": [paid, paid | {"transaction_type": "refund"}],
            "cancel_reason": "no longer needed",
        },
        "booked": [paid | {"transaction_type": "refund", "position": 1}],
    }


async def test_cancel_credits_a_gift_card_at_once_and_restore_takes_it_back(retail_conn: AsyncConnection) -> None:
    before = await snapshot(retail_conn)
    answer = await done(retail_conn, "cancel_pending_order", {**CANCEL, "order_id": "#W1000008"})
    assert answer["before"]["balances_minor"] == {"gift_card_3700002": 12000}
    assert answer["after"]["balances_minor"] == {"gift_card_3700002": 12000 + 11995}
    await done(retail_conn, "restore_order", {"order_id": "#W1000008"})
    assert await snapshot(retail_conn) == before


async def test_cancel_refunds_only_what_is_still_paid(retail_conn: AsyncConnection) -> None:
    back = {**REFUND, "order_id": "#W1000001", "amount_minor": 5000, "payment_method_id": "gift_card_1100002"}
    await done(retail_conn, "refund", back)
    answer = await done(retail_conn, "cancel_pending_order", CANCEL)
    assert answer["after"]["payment_history"][2:] == [
        {"transaction_type": "refund", "amount_minor": 14485, "payment_method_id": "credit_card_1100001"}
    ]
    assert await balance(retail_conn, "gift_card_1100002") == 11000


async def test_cancel_after_a_change_of_payment_refunds_the_new_one_once(retail_conn: AsyncConnection) -> None:
    paypal = {"order_id": "#W1000008", "payment_method_id": "paypal_3700001"}
    await done(retail_conn, "modify_pending_order_payment", paypal)
    answer = await done(retail_conn, "cancel_pending_order", {**CANCEL, "order_id": "#W1000008"})
    assert answer["after"]["payment_history"][3:] == [
        {"transaction_type": "refund", "amount_minor": 11995, "payment_method_id": "paypal_3700001"}
    ]


async def test_restore_needs_the_refund_to_be_still_there(retail_conn: AsyncConnection) -> None:
    await done(retail_conn, "cancel_pending_order", CANCEL | {"order_id": "#W1000008"})
    spent = update(tables.payment_method).where(tables.payment_method.c.payment_method_id == "gift_card_3700002")
    await retail_conn.execute(spent.values(balance_minor=100))
    status, body = await apply(retail_conn, "restore_order", {"order_id": "#W1000008"})
    assert (status, body["error"]) == (409, "gift-card-too-low")
    assert await balance(retail_conn, "gift_card_3700002") == 100


async def test_items_are_swapped_once_and_the_difference_is_paid(retail_conn: AsyncConnection) -> None:
    answer = await done(retail_conn, "modify_pending_order_items", MODIFY)
    lamp, pack = answer["after"]["items"]
    assert (lamp["item_id"], lamp["price_minor"], lamp["options"]) == (
        "3000000031",
        7490,
        {"color": "brass", "plug": "EU"},
    )
    assert pack == answer["before"]["items"][1]
    assert answer["after"]["payment_history"][1] == {
        "transaction_type": "payment",
        "amount_minor": 665,
        "payment_method_id": "gift_card_2400002",
    }
    assert answer["after"]["balances_minor"] == {"gift_card_2400002": 4550 - 665}
    assert answer["after"]["status"] == "pending (item modified)"
    assert [entry["position"] for entry in answer["booked"]] == [1]
    swapped = [(line["position"], line["before"]["item_id"], line["after"]["item_id"]) for line in answer["lines"]]
    assert swapped == [(0, "3000000032", "3000000031")]
    again = {**MODIFY, "item_ids": ["3000000031"], "new_item_ids": ["3000000032"]}
    assert (await apply(retail_conn, "modify_pending_order_items", again))[0] == 409


async def test_each_swapped_item_gets_its_own_price(retail_conn: AsyncConnection) -> None:
    both = {**MODIFY, "item_ids": ["3000000032", "3000000022"], "new_item_ids": ["3000000031", "3000000023"]}
    answer = await done(retail_conn, "modify_pending_order_items", both)
    assert [item["price_minor"] for item in answer["after"]["items"]] == [7490, 14840]
    assert answer["after"]["payment_history"][1]["amount_minor"] == 665 + 2845


async def test_a_cheaper_item_is_refunded(retail_conn: AsyncConnection) -> None:
    cheaper = {"item_ids": ["3000000031"], "new_item_ids": ["3000000032"], "payment_method_id": "gift_card_1100002"}
    answer = await done(retail_conn, "modify_pending_order_items", {"order_id": "#W1000001", **cheaper})
    assert answer["after"]["payment_history"][1]["transaction_type"] == "refund"
    assert answer["after"]["balances_minor"] == {"gift_card_1100002": 6000 + 665}


async def test_a_pending_order_goes_elsewhere(retail_conn: AsyncConnection) -> None:
    answer = await done(retail_conn, "modify_pending_order_address", {"order_id": "#W1000001", **LANE})
    assert answer["before"]["address"]["city"] == "Portland"
    assert answer["after"] == {"address": LANE}


async def test_a_pending_order_is_paid_otherwise(retail_conn: AsyncConnection) -> None:
    change = {"order_id": "#W1000003", "payment_method_id": "gift_card_3700002"}
    answer = await done(retail_conn, "modify_pending_order_payment", change)
    assert [(e["transaction_type"], e["payment_method_id"]) for e in answer["after"]["payment_history"]] == [
        ("payment", "paypal_3700001"),
        ("payment", "gift_card_3700002"),
        ("refund", "paypal_3700001"),
    ]
    assert answer["after"]["balances_minor"] == {"gift_card_3700002": 12000 - 8880}


async def test_a_return_is_noted(retail_conn: AsyncConnection) -> None:
    answer = await done(retail_conn, "return_delivered_order_items", RETURN)
    assert answer["before"] == {"status": "delivered", "return_items": None, "return_payment_method_id": None}
    assert answer["after"] == {
        "status": "return requested",
        "return_items": ["3000000041"],
        "return_payment_method_id": "credit_card_5800001",
    }


async def test_an_exchange_is_noted_with_its_difference(retail_conn: AsyncConnection) -> None:
    answer = await done(retail_conn, "exchange_delivered_order_items", EXCHANGE)
    assert answer["after"]["status"] == "exchange requested"
    assert answer["after"]["exchange_price_difference_minor"] == 10900 - 9210


async def test_refunds_add_up_to_what_was_paid(retail_conn: AsyncConnection) -> None:
    answer = await done(retail_conn, "refund", REFUND)
    assert answer["after"]["payment_history"][1]["amount_minor"] == 62000
    rest = REFUND | {"amount_minor": 75725 - 62000}
    assert (await apply(retail_conn, "refund", {**rest, "amount_minor": rest["amount_minor"] + 1}))[0] == 409
    await done(retail_conn, "refund", {**rest, "payment_method_id": "gift_card_2400002"})
    assert await balance(retail_conn, "gift_card_2400002") == 4550 + 13725


async def test_a_customer_moves_and_their_orders_do_not(retail_conn: AsyncConnection) -> None:
    answer = await done(retail_conn, "modify_user_address", {"user_id": "olivia_reyes_11", **LANE})
    assert answer["before"]["address"]["address1"] == "14 Harbor Lane"
    assert answer["after"] == {"address": LANE}
    order = await done(retail_conn, "get_order_details", {"order_id": "#W1000001"})
    assert order["address"]["city"] == "Portland"


async def test_a_transfer_changes_no_row(retail_conn: AsyncConnection) -> None:
    before = await snapshot(retail_conn)
    await done(retail_conn, "transfer_to_human_agents", {"summary": "Wants to speak to somebody."})
    assert await snapshot(retail_conn) == before


REFUSALS: list[tuple[str, Json, int, str]] = [
    ("cancel_pending_order", CANCEL | {"order_id": "#W1000007"}, 409, "wrong-status"),
    ("cancel_pending_order", CANCEL | {"order_id": "#W9999999"}, 404, "unknown-order"),
    ("cancel_pending_order", CANCEL | {"reason": "changed my mind"}, 422, "malformed"),
    ("cancel_pending_order", CANCEL | {"force": True}, 422, "malformed"),
    ("modify_pending_order_items", MODIFY | {"order_id": "#W1000006"}, 409, "wrong-status"),
    ("modify_pending_order_items", MODIFY | {"item_ids": ["3000000011"]}, 409, "item-not-in-order"),
    ("modify_pending_order_items", MODIFY | {"new_item_ids": ["3000000041"]}, 409, "other-product"),
    ("modify_pending_order_items", MODIFY | {"new_item_ids": ["3000000033"]}, 409, "not-available"),
    ("modify_pending_order_items", MODIFY | {"payment_method_id": "paypal_3700001"}, 409, "unknown-payment-method"),
    ("modify_pending_order_items", MODIFY | {"new_item_ids": ["3000000032"]}, 422, "malformed"),
    ("modify_pending_order_items", MODIFY | {"new_item_ids": []}, 422, "malformed"),
    ("modify_pending_order_address", {"order_id": "#W1000004", **LANE}, 409, "wrong-status"),
    ("modify_pending_order_address", {"order_id": "#W1000001", **LANE, "zip": ""}, 422, "malformed"),
    (
        "modify_pending_order_payment",
        {"order_id": "#W1000001", "payment_method_id": "credit_card_1100001"},
        409,
        "same-payment-method",
    ),
    (
        "modify_pending_order_payment",
        {"order_id": "#W1000001", "payment_method_id": "gift_card_1100002"},
        409,
        "gift-card-too-low",
    ),
    ("return_delivered_order_items", RETURN | {"item_ids": ["3000000041"] * 3}, 409, "item-not-in-order"),
    ("return_delivered_order_items", RETURN | {"order_id": "#W1000001"}, 409, "wrong-status"),
    (
        "return_delivered_order_items",
        {"order_id": "#W1000005", "item_ids": ["3000000042"], "payment_method_id": "credit_card_6300002"},
        409,
        "not-paid-with",
    ),
    ("exchange_delivered_order_items", EXCHANGE | {"order_id": "#W1000002"}, 409, "wrong-status"),
    ("exchange_delivered_order_items", EXCHANGE | {"new_item_ids": ["3000000043"] * 2}, 422, "malformed"),
    ("refund", REFUND | {"amount_minor": 75726}, 409, "more-than-paid"),
    ("refund", REFUND | {"amount_minor": 0}, 422, "malformed"),
    ("refund", REFUND | {"amount_minor": 620.0}, 422, "malformed"),
    ("refund", REFUND | {"currency": "EUR"}, 409, "other-currency"),
    ("restore_order", {"order_id": "#W1000001"}, 409, "wrong-status"),
    ("modify_user_address", {"user_id": "nobody_0", **LANE}, 404, "unknown-user"),
    ("transfer_to_human_agents", {}, 422, "malformed"),
]


@pytest.mark.parametrize(("tool", "arguments", "status", "code"), REFUSALS)
async def test_a_refusal_changes_nothing(
    retail_conn: AsyncConnection, tool: str, arguments: Json, status: int, code: str
) -> None:
    before = await snapshot(retail_conn)
    answered, body = await apply(retail_conn, tool, arguments)
    assert (answered, body["error"]) == (status, code)
    assert body["message"]
    assert await snapshot(retail_conn) == before


async def test_an_order_that_the_desk_did_not_cancel_is_not_restored(retail_tau2_conn: AsyncConnection) -> None:
    orders = tables.purchase.c
    cancelled = await retail_tau2_conn.scalar(select(orders.order_id).where(orders.status == "cancelled"))
    status, body = await apply(retail_tau2_conn, "restore_order", {"order_id": cancelled})
    assert (status, body["error"]) == (409, "not-restorable")


async def test_our_sample_succeeds_call_by_call(retail_conn: AsyncConnection) -> None:
    calls = tool_calls(SAMPLE)
    for call in calls:
        await done(retail_conn, call["tool"], call["arguments"])
        assert call["writes"] is TOOLS[call["tool"]].writes
    assert Counter(call["writes"] for call in calls) == {False: 16, True: 7}


async def test_tau2_replays_without_a_crash(retail_tau2_conn: AsyncConnection) -> None:
    """All 180 in the order of the file, conversations that were meant to be alternatives too.

    So a second conversation about the same order finds it no longer pending or delivered: 58 are refused, always for
    that. tau2-bench's own tools, run the same way, succeed and refuse on exactly the same calls.
    """
    calls = [call for call in tool_calls(tau2()) if call["writes"]]
    answers = [(call["tool"], *await apply(retail_tau2_conn, call["tool"], call["arguments"])) for call in calls]
    assert Counter((status, body.get("error")) for _, status, body in answers) == {
        (200, None): 122,
        (409, "wrong-status"): 58,
    }
    assert Counter(tool for tool, status, _ in answers if status == 200) == {
        "cancel_pending_order": 17,
        "exchange_delivered_order_items": 19,
        "modify_pending_order_address": 23,
        "modify_pending_order_items": 25,
        "modify_pending_order_payment": 1,
        "modify_user_address": 11,
        "return_delivered_order_items": 22,
        "transfer_to_human_agents": 4,
    }


async def test_tau2_reads_are_all_answered(retail_tau2_conn: AsyncConnection) -> None:
    """Sixteen look for what is not there: the customer's misremembered e-mail, zip code, order or product."""
    calls = [call for call in tool_calls(tau2()) if not call["writes"]]
    statuses = Counter([(await apply(retail_tau2_conn, call["tool"], call["arguments"]))[0] for call in calls])
    assert statuses == {200: 354, 404: 16}


async def test_every_cent_of_tau2_is_loaded(retail_tau2_conn: AsyncConnection) -> None:
    shop = load.read(tau2() / "db.json")
    dollars = sum(entry["amount"] for order in shop["orders"].values() for entry in order["payment_history"])
    cents = await retail_tau2_conn.scalar(select(func.sum(tables.payment.c.amount_minor)))
    counts = {name: len(rows) for name, rows in (await snapshot(retail_tau2_conn)).items()}
    assert cents == dollars * 100
    assert counts == {
        "product": 50,
        "variant": 591,
        "customer": 500,
        "payment_method": 695,
        "purchase": 1000,
        "purchase_item": 2978,
        "payment": 1102,
        "fulfillment": 577,
    }


def test_a_fraction_of_a_cent_is_not_money() -> None:
    with pytest.raises(ValueError, match="whole number of cents"):
        load.minor(Decimal("1.005"))
