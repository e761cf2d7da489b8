"""One table of what the shop offers: the tool's name, its path, the action that a grant must name, and what it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fakes.retail import compensations, reads, shapes, writes
from tests.fakes.retail.records import Answer


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that the shop does when asked. ``final``: nothing takes it back, so its grant is redeemed first."""

    name: str
    path: str
    action: str
    shape: type[shapes.Body]
    run: Callable[[AsyncConnection, Any], Awaitable[Answer]]
    writes: bool
    final: bool = False


def _write(
    name: str, action: str, shape: type[shapes.Body], run: Callable[..., Awaitable[Answer]], *, final: bool = False
) -> Tool:
    path = "/refunds" if name == "refund" else f"/{name}"
    return Tool(name, path, action, shape, run, writes=True, final=final)


def _undo(name: str, action: str, shape: type[shapes.Body], run: Callable[..., Awaitable[Answer]]) -> Tool:
    return _write(name, action, shape, run, final=True)


def _read(name: str, action: str, shape: type[shapes.Body], run: Callable[..., Awaitable[Answer]]) -> Tool:
    return Tool(name, f"/read/{name}", action, shape, run, writes=False)


_ALL = (
    _write("cancel_pending_order", "orders.cancel", shapes.CancelOrder, writes.cancel),
    _write("modify_pending_order_items", "orders.modify_items", shapes.ModifyItems, writes.modify_items),
    _write("modify_pending_order_address", "orders.modify_address", shapes.OrderAddress, writes.modify_address),
    _write("modify_pending_order_payment", "orders.modify_payment", shapes.OrderPayment, writes.modify_payment),
    _write("return_delivered_order_items", "orders.return", shapes.ReturnItems, writes.return_items),
    _write("exchange_delivered_order_items", "orders.exchange", shapes.SwapItems, writes.exchange),
    _write("refund", "orders.refund", shapes.Refund, writes.refund),
    _write("modify_user_address", "users.modify_address", shapes.UserAddress, writes.modify_user_address),
    _write("transfer_to_human_agents", "support.transfer", shapes.Summary, writes.transfer),
    _undo("restore_order", "orders.restore", shapes.OneOrder, compensations.restore),
    _undo("restore_order_items", "orders.restore_items", shapes.RestoreItems, compensations.restore_items),
    _undo("restore_order_address", "orders.restore_address", shapes.RestoreAddress, compensations.restore_address),
    _undo("restore_order_payment", "orders.restore_payment", shapes.RestorePayment, compensations.restore_payment),
    _undo("withdraw_return", "orders.withdraw_return", shapes.ReturnItems, compensations.withdraw_return),
    _undo("withdraw_exchange", "orders.withdraw_exchange", shapes.WithdrawExchange, compensations.withdraw_exchange),
    _undo("void_refund", "orders.void_refund", shapes.VoidRefund, compensations.void_refund),
    _undo("restore_user_address", "users.restore_address", shapes.RestoreHome, compensations.restore_home),
    _read("get_order_details", "orders.read", shapes.OneOrder, reads.order),
    _read("get_user_details", "users.read", shapes.OneUser, reads.user),
    _read("find_user_id_by_email", "users.find_by_email", shapes.Email, reads.user_by_email),
    _read("find_user_id_by_name_zip", "users.find_by_name_zip", shapes.NameAndZip, reads.user_by_name_zip),
    _read("get_product_details", "products.read", shapes.OneProduct, reads.product),
    _read("get_item_details", "products.read_item", shapes.OneItem, reads.item),
    _read("list_all_product_types", "products.list", shapes.Nothing, reads.products),
    _read("calculate", "support.calculate", shapes.Expression, reads.calculate),
)

TOOLS: dict[str, Tool] = {tool.name: tool for tool in _ALL}
"""By name, as tau2-bench calls them (``refund`` and what undoes a write are ours)."""
