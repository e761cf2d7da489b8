"""What the shop's writes do. Each takes a connection in a transaction and a body, and answers what changed.

What takes each of them back is in `tests.fakes.retail.compensations`.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fakes.retail import shapes
from tests.fakes.retail import tables as t
from tests.fakes.retail.problems import Refused
from tests.fakes.retail.records import (
    PENDING,
    Answer,
    Entry,
    Order,
    book,
    changed,
    locked_home,
    move_home,
    require_funds,
    require_method,
    require_status,
    set_line,
    set_order,
    signed,
)

CURRENCY = "USD"


async def cancel(conn: AsyncConnection, body: shapes.CancelOrder) -> Answer:
    """Cancels a pending order and refunds what is still paid. Raises `Unknown`, `Refused`."""

    async def change(conn: AsyncConnection, order: Order) -> None:
        require_status(order, "pending")
        await book(conn, order, _refunds(order))
        refunds_from = len(order.payment_history)
        await set_order(conn, order, status="cancelled", cancel_reason=body.reason, refunds_from=refunds_from)

    return await changed(conn, body.order_id, change)


def _refunds(order: Order) -> list[Entry]:
    net: dict[str, int] = defaultdict(int)
    for entry in order.payment_history:
        net[entry.payment_method_id] += signed(entry)
    left, refunds = order.still_paid_minor, []
    for method, paid in net.items():
        # A refund that went to another card has lowered what is left, not what this card paid.
        if (amount := min(paid, left)) > 0:
            refunds.append(Entry("refund", amount, method))
            left -= amount
    return refunds


async def modify_address(conn: AsyncConnection, body: shapes.OrderAddress) -> Answer:
    """Sends a pending order elsewhere. Raises `Unknown`, `Refused`."""

    async def change(conn: AsyncConnection, order: Order) -> None:
        require_status(order, *PENDING)
        await set_order(conn, order, **body.model_dump(include=set(t.ADDRESS)))

    return await changed(conn, body.order_id, change, always=("address",))


async def modify_payment(conn: AsyncConnection, body: shapes.OrderPayment) -> Answer:
    """Pays a pending order with another method and refunds the first. Raises `Unknown`, `Refused`."""

    async def change(conn: AsyncConnection, order: Order) -> None:
        require_status(order, *PENDING)
        paid = _only_payment(order)
        if paid.payment_method_id == body.payment_method_id:
            raise Refused("same-payment-method", f"Order {order.order_id} is paid with that already")
        require_funds(order, body.payment_method_id, paid.amount_minor)
        new = Entry("payment", paid.amount_minor, body.payment_method_id)
        await book(conn, order, [new, Entry("refund", paid.amount_minor, paid.payment_method_id)])

    return await changed(conn, body.order_id, change)


def _only_payment(order: Order) -> Entry:
    if [entry.transaction_type for entry in order.payment_history] != ["payment"]:
        raise Refused("not-one-payment", f"Order {order.order_id} has more than its one payment")
    return order.payment_history[0]


@dataclass(frozen=True, slots=True)
class Swap:
    """A line of an order and the variant that takes its place."""

    position: int
    extra_minor: int
    variant: RowMapping


async def modify_items(conn: AsyncConnection, body: shapes.ModifyItems) -> Answer:
    """Swaps items of a pending order, once, and settles the difference. Raises `Unknown`, `Refused`."""

    async def change(conn: AsyncConnection, order: Order) -> None:
        require_status(order, "pending")
        swaps = await _swaps(conn, order, body)
        extra = sum(swap.extra_minor for swap in swaps)
        require_funds(order, body.payment_method_id, extra)
        await book(conn, order, [Entry("payment" if extra > 0 else "refund", abs(extra), body.payment_method_id)])
        for swap in swaps:
            await set_line(conn, order, swap.position, dict(swap.variant))
        await set_order(conn, order, status="pending (item modified)")

    return await changed(conn, body.order_id, change)


async def exchange(conn: AsyncConnection, body: shapes.SwapItems) -> Answer:
    """Notes which items of a delivered order are exchanged for which. Raises `Unknown`, `Refused`."""

    async def change(conn: AsyncConnection, order: Order) -> None:
        require_status(order, "delivered")
        extra = sum(swap.extra_minor for swap in await _swaps(conn, order, body))
        require_funds(order, body.payment_method_id, extra)
        await set_order(
            conn,
            order,
            status="exchange requested",
            exchange_items=sorted(body.item_ids),
            exchange_new_items=sorted(body.new_item_ids),
            exchange_payment_method_id=body.payment_method_id,
            exchange_price_difference_minor=extra,
        )

    return await changed(conn, body.order_id, change)


async def _swaps(conn: AsyncConnection, order: Order, body: shapes.SwapItems) -> list[Swap]:
    swaps = []
    for position, new_item_id in zip(_positions(order, body.item_ids), body.new_item_ids, strict=True):
        old = order.items[position]
        variant = await _variant(conn, old.product_id, new_item_id)
        swaps.append(Swap(position, variant["price_minor"] - old.price_minor, variant))
    return swaps


def _positions(order: Order, item_ids: list[str]) -> list[int]:
    free: dict[str, deque[int]] = defaultdict(deque)
    for position, item in enumerate(order.items):
        free[item.item_id].append(position)
    for item_id in item_ids:
        if item_ids.count(item_id) > len(free[item_id]):
            raise Refused("item-not-in-order", f"Order {order.order_id} has not that many of item {item_id}")
    return [free[item_id].popleft() for item_id in item_ids]


async def _variant(conn: AsyncConnection, product_id: str, item_id: str) -> RowMapping:
    wanted = (t.variant.c.item_id == item_id) & (t.variant.c.product_id == product_id)
    row = (await conn.execute(select(t.variant).where(wanted))).mappings().one_or_none()
    if row is None:
        raise Refused("other-product", f"Item {item_id} is no variant of product {product_id}")
    if not row["available"]:
        raise Refused("not-available", f"Item {item_id} is not available")
    return row


async def return_items(conn: AsyncConnection, body: shapes.ReturnItems) -> Answer:
    """Notes which items of a delivered order come back. Raises `Unknown`, `Refused`."""

    async def change(conn: AsyncConnection, order: Order) -> None:
        require_status(order, "delivered")
        _require_refundable_to(order, body.payment_method_id)
        _positions(order, body.item_ids)
        items, method = sorted(body.item_ids), body.payment_method_id
        await set_order(conn, order, status="return requested", return_items=items, return_payment_method_id=method)

    return await changed(conn, body.order_id, change)


def _require_refundable_to(order: Order, payment_method_id: str) -> None:
    require_method(order, payment_method_id)
    paid_with = {entry.payment_method_id for entry in order.payment_history if entry.transaction_type == "payment"}
    if order.wallet[payment_method_id] is None and payment_method_id not in paid_with:
        raise Refused("not-paid-with", f"{payment_method_id} is neither a gift card nor what the order was paid with")


async def refund(conn: AsyncConnection, body: shapes.Refund) -> Answer:
    """Gives back part of what is still paid. Raises `Unknown`, `Refused`."""

    async def change(conn: AsyncConnection, order: Order) -> None:
        if body.currency != CURRENCY:
            raise Refused("other-currency", f"This shop trades in {CURRENCY}")
        _require_refundable_to(order, body.payment_method_id)
        if body.amount_minor > order.still_paid_minor:
            raise Refused("more-than-paid", f"{order.still_paid_minor} cents of order {order.order_id} can go back")
        await book(conn, order, [Entry("refund", body.amount_minor, body.payment_method_id)])

    return await changed(conn, body.order_id, change)


async def modify_user_address(conn: AsyncConnection, body: shapes.UserAddress) -> Answer:
    """Moves a customer; their orders go where they went. Raises `Unknown`."""
    old = await locked_home(conn, body.user_id)
    return await move_home(conn, body.user_id, old, body.model_dump(include=set(t.ADDRESS)))


async def transfer(_conn: AsyncConnection, _body: shapes.Summary) -> Answer:
    """Hands the conversation to a human agent: no row of the shop changes."""
    return {"transferred": True, "before": {}, "after": {}}
