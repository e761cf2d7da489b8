"""The shop's tables. Money is an integer of cents; lists and options are JSON."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

ADDRESS = ("address1", "address2", "city", "state", "country", "zip")


def _address() -> list[Column[str]]:
    return [Column(name, Text, nullable=False) for name in ADDRESS]


product = Table(
    "product",
    metadata,
    Column("product_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
)

variant = Table(
    "variant",
    metadata,
    Column("item_id", Text, primary_key=True),
    Column("product_id", ForeignKey(product.c.product_id), nullable=False),
    Column("options", JSONB, nullable=False),
    Column("available", Boolean, nullable=False),
    Column("price_minor", BigInteger, nullable=False),
)

customer = Table(
    "customer",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("first_name", Text, nullable=False),
    Column("last_name", Text, nullable=False),
    Column("email", Text, nullable=False, unique=True),
    *_address(),
)

payment_method = Table(
    "payment_method",
    metadata,
    Column("payment_method_id", Text, primary_key=True),
    Column("user_id", ForeignKey(customer.c.user_id), nullable=False),
    Column("source", Text, nullable=False),
    Column("brand", Text),
    Column("last_four", Text),
    Column("balance_minor", BigInteger),
    CheckConstraint("balance_minor >= 0", name="balance_is_not_overdrawn"),
    CheckConstraint("(source = 'gift_card') = (balance_minor is not null)", name="gift_cards_have_a_balance"),
)

purchase = Table(
    "purchase",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("user_id", ForeignKey(customer.c.user_id), nullable=False, index=True),
    *_address(),
    Column("status", Text, nullable=False),
    Column("cancel_reason", Text),
    # Position of the first refund that a cancellation wrote: a restore takes back exactly these.
    Column("refunds_from", Integer),
    Column("return_items", JSONB(none_as_null=True)),
    Column("return_payment_method_id", Text),
    Column("exchange_items", JSONB(none_as_null=True)),
    Column("exchange_new_items", JSONB(none_as_null=True)),
    Column("exchange_payment_method_id", Text),
    Column("exchange_price_difference_minor", BigInteger),
)

purchase_item = Table(
    "purchase_item",
    metadata,
    Column("order_id", ForeignKey(purchase.c.order_id), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("item_id", Text, nullable=False),
    Column("product_id", ForeignKey(product.c.product_id), nullable=False),
    Column("name", Text, nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    Column("options", JSONB, nullable=False),
)

payment = Table(
    "payment",
    metadata,
    Column("order_id", ForeignKey(purchase.c.order_id), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("transaction_type", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("payment_method_id", ForeignKey(payment_method.c.payment_method_id), nullable=False),
    CheckConstraint("amount_minor >= 0", name="amount_is_not_negative"),
    CheckConstraint("transaction_type in ('payment', 'refund')", name="payment_or_refund"),
)

fulfillment = Table(
    "fulfillment",
    metadata,
    Column("order_id", ForeignKey(purchase.c.order_id), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("tracking_ids", JSONB, nullable=False),
    Column("item_ids", JSONB, nullable=False),
)

SHOP = (product, variant, customer, payment_method, purchase, purchase_item, payment, fulfillment)
"""What the shop is about; the two tables below are about the calls that it got."""

idempotency = Table(
    "idempotency",
    metadata,
    Column("key", Text, primary_key=True),
    Column("path", Text, nullable=False),
    Column("body_digest", Text, nullable=False),
    Column("status", Integer),
    Column("answer", Text),
)

effect = Table(
    "effect",
    metadata,
    Column("key", Text, primary_key=True),
    Column("path", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
)
