"""The bodies that the tools take: exactly the arguments of tau2-bench's retail tools, strictly typed, and ours.

What a compensation takes is in the answer to the write that it undoes.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from tests.fakes.retail.problems import Malformed

Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Line = Annotated[str, StringConstraints(max_length=200)]
Cents = Annotated[int, Field(ge=0, le=10**12)]
ItemIds = Annotated[list[Word], Field(min_length=1, max_length=100)]


class Body(BaseModel):
    """Base of all: no unknown field, no conversion."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Nothing(Body):
    """No arguments."""


class OneOrder(Body):
    """Which order."""

    order_id: Word


class CancelOrder(OneOrder):
    """Which order, and one of the two reasons that the shop accepts."""

    reason: Literal["no longer needed", "ordered by mistake"]


class Address(Body):
    """A postal address."""

    address1: Word
    address2: Line
    city: Word
    state: Word
    country: Word
    zip: Word


class OrderAddress(Address, OneOrder):
    """Where an order goes."""


class UserAddress(Address):
    """Where a customer lives."""

    user_id: Word


class OrderPayment(OneOrder):
    """What an order is paid with."""

    payment_method_id: Word


class ReturnItems(OrderPayment):
    """Which items come back, and where the money goes."""

    item_ids: ItemIds


class SwapItems(ReturnItems):
    """Which items become which, by position, and what pays the difference."""

    new_item_ids: ItemIds

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if len(self.item_ids) != len(self.new_item_ids):
            raise ValueError("item_ids and new_item_ids must be equally long")
        return self


class ModifyItems(SwapItems):
    """As `SwapItems`, each item to another one."""

    @model_validator(mode="after")
    def _changes(self) -> Self:
        if any(old == new for old, new in zip(self.item_ids, self.new_item_ids, strict=True)):
            raise ValueError("a new item must differ from the old one")
        return self


class Refund(OrderPayment):
    """How many cents of an order go back, and where to."""

    amount_minor: Annotated[int, Field(gt=0, le=10**12)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class Booked(Body):
    """A movement of money where a write has booked it."""

    position: Annotated[int, Field(ge=0, le=10**6)]
    transaction_type: Literal["payment", "refund"]
    amount_minor: Cents
    payment_method_id: Word


class Variant(Body):
    """What a line of an order holds."""

    item_id: Word
    price_minor: Cents
    options: dict[str, str]


class SwappedLine(Body):
    """A line of an order, before and after a swap."""

    position: Annotated[int, Field(ge=0, le=10**6)]
    before: Variant
    after: Variant


class RestoreItems(OneOrder):
    """Which lines are as they were again, and what was booked for their swap."""

    lines: Annotated[list[SwappedLine], Field(min_length=1, max_length=100)]
    booked: Annotated[list[Booked], Field(min_length=1, max_length=1)]

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len({line.position for line in self.lines}) != len(self.lines):
            raise ValueError("a line occurs twice")
        return self


class RestorePayment(OneOrder):
    """What was booked when an order was paid otherwise: the new payment, the refund of the old one."""

    booked: Annotated[list[Booked], Field(min_length=2, max_length=2)]

    @model_validator(mode="after")
    def _change(self) -> Self:
        if [entry.transaction_type for entry in self.booked] != ["payment", "refund"]:
            raise ValueError("booked must be a payment and a refund")
        return self


class VoidRefund(OneOrder):
    """The refund that is void."""

    booked: Annotated[list[Booked], Field(min_length=1, max_length=1)]

    @model_validator(mode="after")
    def _refund(self) -> Self:
        if self.booked[0].transaction_type != "refund":
            raise ValueError("booked must be a refund")
        return self


class RestoreAddress(OneOrder):
    """Where an order goes again, if it still goes where it was sent in between."""

    before: Address
    after: Address


class WithdrawExchange(SwapItems):
    """The exchange that was noted."""

    price_difference_minor: Annotated[int, Field(ge=-(10**12), le=10**12)]


class RestoreHome(Body):
    """Where a customer lives again, if they still live where they moved in between."""

    user_id: Word
    before: Address
    after: Address


class Summary(Body):
    """What the human agent should know."""

    summary: Annotated[str, StringConstraints(min_length=1, max_length=4000)]


class OneUser(Body):
    """Which customer."""

    user_id: Word


class OneProduct(Body):
    """Which product."""

    product_id: Word


class OneItem(Body):
    """Which variant of a product."""

    item_id: Word


class Email(Body):
    """A customer's e-mail address."""

    email: Word


class NameAndZip(Body):
    """A customer's name and postal code."""

    first_name: Word
    last_name: Word
    zip: Word


class Expression(Body):
    """A sum to work out."""

    expression: Annotated[str, StringConstraints(min_length=1, max_length=200)]


B = TypeVar("B", bound=Body)


def read(shape: type[B], arguments: Any) -> B:
    """`arguments` as a `shape`. Raises `Malformed`, naming the fields."""
    try:
        return shape.model_validate(arguments)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}" for fault in error.errors())
        raise Malformed("malformed", "; ".join(faults)) from error
