"""The bodies that the tools take: exactly the arguments of tau2-bench's retail tools, strictly typed."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from tests.fakes.retail.problems import Malformed

Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Line = Annotated[str, StringConstraints(max_length=200)]
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
