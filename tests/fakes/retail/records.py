"""Orders and wallets as values, read under lock, and the bookkeeping that every write shares."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import RowMapping, Table, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fakes.retail import tables as t
from tests.fakes.retail.problems import Refused, Unknown

Answer = dict[str, Any]

PENDING = ("pending", "pending (item modified)")

_REQUESTED = (
    "cancel_reason",
    "return_items",
    "return_payment_method_id",
    "exchange_items",
    "exchange_new_items",
    "exchange_payment_method_id",
    "exchange_price_difference_minor",
)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an order."""

    item_id: str
    product_id: str
    name: str
    price_minor: int
    options: dict[str, str]

    @property
    def variant(self) -> Answer:
        """What of it a swap changes."""
        return {"item_id": self.item_id, "price_minor": self.price_minor, "options": self.options}


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement of money: ``payment`` to the shop or ``refund`` from it."""

    transaction_type: str
    amount_minor: int
    payment_method_id: str


@dataclass(frozen=True, slots=True)
class Order:
    """An order and its customer's wallet: payment method to balance, which only gift cards have."""

    order_id: str
    user_id: str
    status: str
    address: dict[str, str]
    items: list[Item]
    payment_history: list[Entry]
    fulfillments: list[Answer]
    requested: dict[str, Any]
    refunds_from: int | None
    wallet: dict[str, int | None]

    @property
    def bookings(self) -> list[Answer]:
        """The payment history with each entry's position."""
        return [{"position": position, **asdict(entry)} for position, entry in enumerate(self.payment_history)]

    @property
    def still_paid_minor(self) -> int:
        """What was paid and not refunded."""
        return sum(signed(entry) for entry in self.payment_history)

    @property
    def view(self) -> Answer:
        """The order as a caller reads it."""
        return {
            "order_id": self.order_id,
            "user_id": self.user_id,
            "status": self.status,
            "address": self.address,
            "items": [asdict(item) for item in self.items],
            "fulfillments": self.fulfillments,
            "payment_history": [asdict(entry) for entry in self.payment_history],
            **self.requested,
        }

    @property
    def state(self) -> Answer:
        """All that a write to this order can touch: the view and the gift cards' balances."""
        balances = {method: balance for method, balance in self.wallet.items() if balance is not None}
        return {**self.view, "balances_minor": balances}


def signed(entry: Entry) -> int:
    """Cents to the shop: positive for a payment, negative for a refund."""
    return entry.amount_minor if entry.transaction_type == "payment" else -entry.amount_minor


def address(row: RowMapping) -> dict[str, str]:
    """The address columns of a row."""
    return {name: row[name] for name in t.ADDRESS}


def difference(before: Answer, after: Answer, always: Sequence[str] = ()) -> Answer:
    """``{"before", "after"}``: what changed, and what is ``always`` told, as it was and as it is."""
    changed = [name for name in before if before[name] != after[name] or name in always]
    return {"before": {name: before[name] for name in changed}, "after": {name: after[name] for name in changed}}


async def changed(
    conn: AsyncConnection,
    order_id: str,
    change: Callable[[AsyncConnection, Order], Awaitable[None]],
    always: Sequence[str] = (),
) -> Answer:
    """Locks the order, lets `change` work on it, answers what changed. Raises `Unknown`, and what `change` raises."""
    before = await locked(conn, order_id)
    await change(conn, before)
    after = await locked(conn, order_id)
    return {"order_id": order_id, **difference(before.state, after.state, always), **_places(before, after)}


def _places(before: Order, after: Order) -> Answer:
    """Where a change booked money and swapped lines: what undoes it must find exactly these."""
    booked = after.bookings[len(before.bookings) :]
    lines = [
        {"position": position, "before": old.variant, "after": new.variant}
        for position, (old, new) in enumerate(zip(before.items, after.items, strict=True))
        if old != new
    ]
    return ({"booked": booked} if booked else {}) | ({"lines": lines} if lines else {})


async def locked(conn: AsyncConnection, order_id: str) -> Order:
    """The order, its row and its customer's payment methods locked. Raises `Unknown`."""
    return await order_of(conn, order_id, lock=True)


async def order_of(conn: AsyncConnection, order_id: str, *, lock: bool = False) -> Order:
    """The order as it stands. Raises `Unknown`."""
    query = select(t.purchase).where(t.purchase.c.order_id == order_id)
    row = (await conn.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
    if row is None:
        raise Unknown("unknown-order", f"There is no order {order_id}")
    return Order(
        order_id=order_id,
        user_id=row["user_id"],
        status=row["status"],
        address=address(row),
        items=[Item(**item) for item in await _lines(conn, t.purchase_item, order_id)],
        payment_history=[Entry(**entry) for entry in await _lines(conn, t.payment, order_id)],
        fulfillments=await _lines(conn, t.fulfillment, order_id),
        requested={name: row[name] for name in _REQUESTED},
        refunds_from=row["refunds_from"],
        wallet=await _wallet(conn, row["user_id"], lock=lock),
    )


async def locked_home(conn: AsyncConnection, user_id: str) -> dict[str, str]:
    """Where a customer lives, the row locked. Raises `Unknown`."""
    query = select(t.customer).where(t.customer.c.user_id == user_id).with_for_update()
    row = (await conn.execute(query)).mappings().one_or_none()
    if row is None:
        raise Unknown("unknown-user", f"There is no customer {user_id}")
    return address(row)


async def move_home(conn: AsyncConnection, user_id: str, old: dict[str, str], new: dict[str, str]) -> Answer:
    """Writes a customer's address and answers it, the old one too, though they be the same."""
    await conn.execute(update(t.customer).where(t.customer.c.user_id == user_id).values(new))
    return {"user_id": user_id, **difference({"address": old}, {"address": new}, always=("address",))}


async def _lines(conn: AsyncConnection, table: Table, order_id: str) -> list[Answer]:
    columns = [column for column in table.c if column.name not in ("order_id", "position")]
    rows = await conn.execute(select(*columns).where(table.c.order_id == order_id).order_by(table.c.position))
    return [dict(row) for row in rows.mappings()]


async def _wallet(conn: AsyncConnection, user_id: str, *, lock: bool) -> dict[str, int | None]:
    methods = t.payment_method.c
    query = select(methods.payment_method_id, methods.balance_minor).where(methods.user_id == user_id)
    query = query.order_by(methods.payment_method_id)
    rows = await conn.execute(query.with_for_update() if lock else query)
    return {row.payment_method_id: row.balance_minor for row in rows}


def require_method(order: Order, payment_method_id: str) -> None:
    """Raises `Refused` unless the payment method is one of the customer's."""
    if payment_method_id not in order.wallet:
        raise Refused("unknown-payment-method", f"{payment_method_id} is no payment method of {order.user_id}")


def require_funds(order: Order, payment_method_id: str, due_minor: int) -> None:
    """Raises `Refused` unless the method is the customer's and, a gift card, holds the cents that are due."""
    require_method(order, payment_method_id)
    balance = order.wallet[payment_method_id]
    if balance is not None and balance < due_minor:
        raise Refused("gift-card-too-low", f"{payment_method_id} holds {balance} cents, {due_minor} are due")


def require_status(order: Order, *statuses: str) -> None:
    """Raises `Refused` unless the order is in one of these statuses."""
    if order.status not in statuses:
        raise Refused("wrong-status", f"Order {order.order_id} is {order.status}, it would have to be {statuses[0]}")


def require_left(whose: str, what: str, found: object, left: object) -> None:
    """Raises `Refused` unless something is still as the change that is to be undone left it."""
    if found != left:
        raise Refused("changed-since", f"{whose} is no longer as that change left it: its {what} is another one now")


async def set_order(conn: AsyncConnection, order: Order, **values: Any) -> None:
    """Writes columns of the order's row."""
    await conn.execute(update(t.purchase).where(t.purchase.c.order_id == order.order_id).values(**values))


async def set_line(conn: AsyncConnection, order: Order, position: int, variant: Answer) -> None:
    """Puts a variant of the same product into a line of the order."""
    lines = t.purchase_item.c
    line = (lines.order_id == order.order_id) & (lines.position == position)
    values = {name: variant[name] for name in ("item_id", "price_minor", "options")}
    await conn.execute(update(t.purchase_item).where(line).values(values))


async def book(conn: AsyncConnection, order: Order, entries: Sequence[Entry]) -> None:
    """Appends to the order's payment history; gift cards are charged and credited at once."""
    for position, entry in enumerate(entries, start=len(order.payment_history)):
        row = {"order_id": order.order_id, "position": position, **asdict(entry)}
        await conn.execute(insert(t.payment).values(row))
        await credit(conn, order, entry.payment_method_id, -signed(entry))


async def credit(conn: AsyncConnection, order: Order, payment_method_id: str, amount_minor: int) -> None:
    """Adds cents to a gift card; for any other method the bank does it, days later."""
    if order.wallet[payment_method_id] is None:
        return
    methods = t.payment_method.c
    added = {"balance_minor": methods.balance_minor + amount_minor}
    await conn.execute(update(t.payment_method).where(methods.payment_method_id == payment_method_id).values(added))
