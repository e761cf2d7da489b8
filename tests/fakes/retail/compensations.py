"""What takes back the shop's writes: after a write and its compensation every row is as before the write.

Each undoes exactly one write, by what its answer said, and refuses when what that write left is no longer there:
nothing newer is overwritten. Gift cards are settled by amounts, since other orders may have used them meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fakes.retail import shapes
from tests.fakes.retail import tables as t
from tests.fakes.retail.problems import Refused
from tests.fakes.retail.records import (
    PENDING,
    Answer,
    Order,
    changed,
    credit,
    locked_home,
    move_home,
    require_funds,
    require_left,
    require_status,
    set_line,
    set_order,
    signed,
)


async def restore(conn: AsyncConnection, body: shapes.OneOrder) -> Answer:
    """Undoes `writes.cancel`: the order is pending again, its refunds are void. Raises `Unknown`, `Refused`.

    Nothing changes a cancelled order but this, so that its id alone says what to undo.
    """

    async def change(conn: AsyncConnection, order: Order) -> None:
        require_status(order, "cancelled")
        if order.refunds_from is None:
            raise Refused("not-restorable", f"Order {order.order_id} was not cancelled through this desk")
        await _void_from(conn, order, order.refunds_from)
        await set_order(conn, order, status="pending", cancel_reason=None, refunds_from=None)

    return await changed(conn, body.order_id, change)


async def restore_items(conn: AsyncConnection, body: shapes.RestoreItems) -> Answer:
    """Undoes `writes.modify_items`: lines, difference and status are as before. Raises `Unknown`, `Refused`."""

    async def change(conn: AsyncConnection, order: Order) -> None:
        require_status(order, "pending (item modified)")
        variants = dict(enumerate(item.variant for item in order.items))
        for line in body.lines:
            require_left(_of(order), f"line {line.position}", variants.get(line.position), line.after.model_dump())
        await _void(conn, order, body.booked)
        for line in body.lines:
            await set_line(conn, order, line.position, line.before.model_dump())
        await set_order(conn, order, status="pending")

    return await changed(conn, body.order_id, change)


async def restore_address(conn: AsyncConnection, body: shapes.RestoreAddress) -> Answer:
    """Undoes `writes.modify_address`. Raises `Unknown`, `Refused`."""

    async def change(conn: AsyncConnection, order: Order) -> None:
        require_status(order, *PENDING)
        require_left(_of(order), "address", order.address, body.after.model_dump())
        await set_order(conn, order, **body.before.model_dump())

    return await changed(conn, body.order_id, change, always=("address",))


async def restore_payment(conn: AsyncConnection, body: shapes.RestorePayment) -> Answer:
    """Undoes `writes.modify_payment`: its payment and its refund are void. Raises `Unknown`, `Refused`."""

    async def change(conn: AsyncConnection, order: Order) -> None:
        require_status(order, *PENDING)
        await _void(conn, order, body.booked)

    return await changed(conn, body.order_id, change)


async def withdraw_return(conn: AsyncConnection, body: shapes.ReturnItems) -> Answer:
    """Undoes `writes.return_items`. Raises `Unknown`, `Refused`."""
    noted = {"return_items": body.item_ids, "return_payment_method_id": body.payment_method_id}
    return await _withdraw(conn, body.order_id, "return", noted)


async def withdraw_exchange(conn: AsyncConnection, body: shapes.WithdrawExchange) -> Answer:
    """Undoes `writes.exchange`. Raises `Unknown`, `Refused`."""
    noted = {
        "exchange_items": body.item_ids,
        "exchange_new_items": body.new_item_ids,
        "exchange_payment_method_id": body.payment_method_id,
        "exchange_price_difference_minor": body.price_difference_minor,
    }
    return await _withdraw(conn, body.order_id, "exchange", noted)


async def _withdraw(conn: AsyncConnection, order_id: str, what: str, noted: Answer) -> Answer:
    async def change(conn: AsyncConnection, order: Order) -> None:
        require_status(order, f"{what} requested")
        require_left(_of(order), what, {name: order.requested[name] for name in noted}, noted)
        await set_order(conn, order, status="delivered", **dict.fromkeys(noted))

    return await changed(conn, order_id, change)


async def void_refund(conn: AsyncConnection, body: shapes.VoidRefund) -> Answer:
    """Undoes `writes.refund` while nothing was booked after it. Raises `Unknown`, `Refused`."""

    async def change(conn: AsyncConnection, order: Order) -> None:
        if order.status == "cancelled":
            raise Refused("wrong-status", f"Order {order.order_id} is cancelled, so what it cost stays refunded")
        await _void(conn, order, body.booked)

    return await changed(conn, body.order_id, change)


async def restore_home(conn: AsyncConnection, body: shapes.RestoreHome) -> Answer:
    """Undoes `writes.modify_user_address`. Raises `Unknown`, `Refused`."""
    found = await locked_home(conn, body.user_id)
    require_left(f"Customer {body.user_id}", "address", found, body.after.model_dump())
    return await move_home(conn, body.user_id, found, body.before.model_dump())


def _of(order: Order) -> str:
    return f"Order {order.order_id}"


async def _void(conn: AsyncConnection, order: Order, booked: Sequence[shapes.Booked]) -> None:
    """Takes back entries that must be the last ones of the order."""
    left = [entry.model_dump() for entry in booked]
    require_left(_of(order), "last payment or refund", order.bookings[-len(left) :], left)
    await _void_from(conn, order, booked[0].position)


async def _void_from(conn: AsyncConnection, order: Order, position: int) -> None:
    back: dict[str, int] = defaultdict(int)
    for entry in order.payment_history[position:]:
        back[entry.payment_method_id] += signed(entry)
    for method, amount_minor in back.items():
        require_funds(order, method, -amount_minor)
        await credit(conn, order, method, amount_minor)
    voided = (t.payment.c.order_id == order.order_id) & (t.payment.c.position >= position)
    await conn.execute(delete(t.payment).where(voided))
