"""Makes the shop's tables and fills them from a db.json of tau2-bench's shape."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Table, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from tests.fakes.retail import tables as t

Json = dict[str, Any]
Row = dict[str, Any]


def engine(database_url: str) -> AsyncEngine:
    """An engine for ``postgresql://`` or ``postgresql+asyncpg://`` URLs; the database must exist."""
    scheme, _, rest = database_url.partition("://")
    return create_async_engine(f"{scheme.partition('+')[0]}+asyncpg://{rest}", pool_size=10)


def minor(dollars: Decimal | int) -> int:
    """Dollars as whole cents. Raises `ValueError` for fractions of a cent."""
    cents = Decimal(dollars) * 100
    if cents != int(cents):
        raise ValueError(f"{dollars} is not a whole number of cents")
    return int(cents)


def read(db_json: Path) -> Json:
    """A db.json with its fractions as `Decimal`: a float would lose cents."""
    shop: Json = json.loads(db_json.read_text(), parse_float=Decimal)
    return shop


async def prepare(database: AsyncEngine, db_json: Path) -> bool:
    """Makes the tables; loads `db_json` if the shop is still empty, and says whether it did."""
    async with database.begin() as conn:
        await conn.run_sync(t.metadata.create_all)
        if await conn.scalar(select(func.count()).select_from(t.product)):
            return False
        await fill(conn, read(db_json))
        return True


async def fill(conn: AsyncConnection, shop: Json) -> None:
    """Inserts every row of a shop whose numbers were read as `Decimal`."""
    for table, rows in _rows(shop):
        if rows:
            await conn.execute(insert(table), rows)


def _rows(shop: Json) -> Iterator[tuple[Table, list[Row]]]:
    products, users, orders = (list(shop[part].values()) for part in ("products", "users", "orders"))
    yield t.product, [{"product_id": p["product_id"], "name": p["name"]} for p in products]
    yield t.variant, [_variant(p, v) for p in products for v in p["variants"].values()]
    yield t.customer, [{"user_id": u["user_id"], "email": u["email"], **u["name"], **u["address"]} for u in users]
    yield t.payment_method, [_method(u, m) for u in users for m in u["payment_methods"].values()]
    yield t.purchase, [_purchase(o) for o in orders]
    yield t.purchase_item, [row for o in orders for row in _items(o)]
    yield t.payment, [row for o in orders for row in _payments(o)]
    yield t.fulfillment, [row for o in orders for row in _fulfillments(o)]


def _variant(product: Json, variant: Json) -> Row:
    kept = {name: variant[name] for name in ("item_id", "options", "available")}
    return {**kept, "product_id": product["product_id"], "price_minor": minor(variant["price"])}


def _method(user: Json, method: Json) -> Row:
    return {
        "payment_method_id": method["id"],
        "user_id": user["user_id"],
        "source": method["source"],
        "brand": method.get("brand"),
        "last_four": method.get("last_four"),
        "balance_minor": minor(method["balance"]) if "balance" in method else None,
    }


def _purchase(order: Json) -> Row:
    kept = {name: order[name] for name in ("order_id", "user_id", "status")}
    return {**kept, **order["address"]}


def _items(order: Json) -> Iterator[Row]:
    for position, item in enumerate(order["items"]):
        kept = {name: item[name] for name in ("item_id", "product_id", "name", "options")}
        yield {**kept, "order_id": order["order_id"], "position": position, "price_minor": minor(item["price"])}


def _payments(order: Json) -> Iterator[Row]:
    for position, entry in enumerate(order["payment_history"]):
        kept = {name: entry[name] for name in ("transaction_type", "payment_method_id")}
        yield {**kept, "order_id": order["order_id"], "position": position, "amount_minor": minor(entry["amount"])}


def _fulfillments(order: Json) -> Iterator[Row]:
    for position, sent in enumerate(order["fulfillments"]):
        ids = {"tracking_ids": sent["tracking_id"], "item_ids": sent["item_ids"]}
        yield {"order_id": order["order_id"], "position": position, **ids}
