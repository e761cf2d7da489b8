"""What the shop lets a bot look up. Each takes a connection and a body, and answers a JSON object."""

from __future__ import annotations

import ast
from collections.abc import Callable
from decimal import Decimal, DivisionByZero, InvalidOperation
from operator import add, mul, neg, pos, sub, truediv
from typing import Any

from sqlalchemy import RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fakes.retail import shapes
from tests.fakes.retail import tables as t
from tests.fakes.retail.problems import Malformed, Unknown
from tests.fakes.retail.records import Answer, address, order_of

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: add,
    ast.Sub: sub,
    ast.Mult: mul,
    ast.Div: truediv,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.UAdd: pos, ast.USub: neg}


async def order(conn: AsyncConnection, body: shapes.OneOrder) -> Answer:
    """An order. Raises `Unknown`."""
    return (await order_of(conn, body.order_id)).view


async def user(conn: AsyncConnection, body: shapes.OneUser) -> Answer:
    """A customer, their payment methods and orders. Raises `Unknown`."""
    row = (await conn.execute(select(t.customer).where(t.customer.c.user_id == body.user_id))).mappings().one_or_none()
    if row is None:
        raise Unknown("unknown-user", f"There is no customer {body.user_id}")
    named = {name: row[name] for name in ("user_id", "first_name", "last_name", "email")}
    return {**named, "address": address(row), **await _belongings(conn, body.user_id)}


async def _belongings(conn: AsyncConnection, user_id: str) -> Answer:
    methods, orders = t.payment_method.c, t.purchase.c
    shown = (methods.payment_method_id, methods.source, methods.brand, methods.last_four, methods.balance_minor)
    owned = await conn.execute(select(*shown).where(methods.user_id == user_id).order_by(methods.payment_method_id))
    bought = await conn.scalars(select(orders.order_id).where(orders.user_id == user_id).order_by(orders.order_id))
    return {"payment_methods": [dict(row) for row in owned.mappings()], "orders": list(bought)}


async def user_by_email(conn: AsyncConnection, body: shapes.Email) -> Answer:
    """The id of the customer with this e-mail address, in whatever case. Raises `Unknown`."""
    mine = func.lower(t.customer.c.email) == body.email.lower()
    return _found(await conn.scalar(select(t.customer.c.user_id).where(mine)))


async def user_by_name_zip(conn: AsyncConnection, body: shapes.NameAndZip) -> Answer:
    """The id of the first customer of this name, in whatever case, in this place. Raises `Unknown`."""
    c = t.customer.c
    named = (func.lower(c.first_name) == body.first_name.lower()) & (func.lower(c.last_name) == body.last_name.lower())
    return _found(await conn.scalar(select(c.user_id).where(named & (c.zip == body.zip)).order_by(c.user_id)))


def _found(user_id: str | None) -> Answer:
    if user_id is None:
        raise Unknown("unknown-user", "There is no such customer")
    return {"user_id": user_id}


async def product(conn: AsyncConnection, body: shapes.OneProduct) -> Answer:
    """A product and its variants. Raises `Unknown`."""
    mine = t.product.c.product_id == body.product_id
    name = await conn.scalar(select(t.product.c.name).where(mine))
    if name is None:
        raise Unknown("unknown-product", f"There is no product {body.product_id}")
    query = select(t.variant).where(t.variant.c.product_id == body.product_id).order_by(t.variant.c.item_id)
    variants = [_variant(row) for row in (await conn.execute(query)).mappings()]
    return {"product_id": body.product_id, "name": name, "variants": variants}


async def item(conn: AsyncConnection, body: shapes.OneItem) -> Answer:
    """One variant. Raises `Unknown`."""
    row = (await conn.execute(select(t.variant).where(t.variant.c.item_id == body.item_id))).mappings().one_or_none()
    if row is None:
        raise Unknown("unknown-item", f"There is no item {body.item_id}")
    return _variant(row)


def _variant(row: RowMapping) -> Answer:
    return {name: row[name] for name in ("item_id", "options", "available", "price_minor")}


async def products(conn: AsyncConnection, _body: shapes.Nothing) -> Answer:
    """Every product's name and id."""
    rows = await conn.execute(select(t.product.c.name, t.product.c.product_id).order_by(t.product.c.name))
    return {"products": {row.name: row.product_id for row in rows}}


async def calculate(_conn: AsyncConnection, body: shapes.Expression) -> Answer:
    """A sum of decimals, exactly, to two places. Raises `Malformed`."""
    try:
        value = _value(ast.parse(body.expression, mode="eval").body, body.expression)
        return {"result": str(value.quantize(Decimal("0.01")))}
    except (SyntaxError, ValueError, RecursionError, InvalidOperation, DivisionByZero, TypeError) as error:
        raise Malformed("malformed", "expression: numbers, + - * / and parentheses only") from error


def _value(node: ast.expr, source: str) -> Decimal:
    match node:
        case ast.Constant(value=int() | float()):
            return Decimal(ast.get_source_segment(source, node) or "")
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _BINARY:
            return Decimal(_BINARY[type(operator)](_value(left, source), _value(right, source)))
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _UNARY:
            return Decimal(_UNARY[type(sign)](_value(operand, source)))
    raise ValueError("not a sum")
