"""What 114 customers wanted of a chatbot, and the tool calls that a correct one makes (tau2-bench)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.domain.digest import request_id
from tests.fakes.retail.samples import tau2
from tests.fakes.retail.tools import TOOLS, Tool

BOT = "support-bot"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call of a conversation. ``customer``: the user id of whom the conversation is with."""

    conversation: str
    id: str
    tool: Tool
    arguments: Json
    customer: str
    prompt: str

    @property
    def key(self) -> str:
        """Its idempotency key."""
        return f"{self.conversation}/{self.id}"

    @property
    def request_id(self) -> str:
        """The id of the request that it becomes."""
        return str(request_id("action", "bot", BOT, self.key))

    @property
    def order(self) -> str | None:
        """The order that it is about."""
        return self.arguments.get("order_id")

    @property
    def body(self) -> Json:
        """What the bot asks."""
        subject = f"customer:{self.customer}"
        return {
            "action": self.tool.action,
            "parameters": self.arguments,
            "reason": self.prompt,
            "on_behalf_of": subject,
            "triggered_by": subject,
            "context": {"conversation_id": self.conversation, "tool_call_id": self.id, "prompt_excerpt": self.prompt},
        }


@dataclass(frozen=True, slots=True)
class Conversation:
    """A customer's conversation."""

    id: str
    known_info: str
    calls: tuple[Call, ...]


def conversations() -> list[Conversation]:
    """All 114, in the order of the file."""
    shop = json.loads((tau2() / "db.json").read_text())
    lines = (tau2() / "tool_calls.jsonl").read_text().splitlines()
    return [_conversation(shop, json.loads(line)) for line in lines]


def customers(talks: list[Conversation]) -> list[Json]:
    """The shop's records of everybody who talks."""
    users = json.loads((tau2() / "db.json").read_text())["users"]
    return [users[name] for name in sorted({call.customer for talk in talks for call in talk.calls})]


def sharing_a_gift_card(talks: list[Conversation]) -> frozenset[str]:
    """Customers of whom several orders are written to that a gift card pays or is paid by.

    Interlock orders what happens to one order, by its conflict key; one gift card of two orders the shop alone orders.
    """
    orders = json.loads((tau2() / "db.json").read_text())["orders"]
    found: dict[str, set[str]] = defaultdict(set)
    for call in (call for talk in talks for call in talk.calls if call.tool.writes and call.order):
        paid = [entry["payment_method_id"] for entry in orders[call.order]["payment_history"]]
        if any(method.startswith("gift_card") for method in [*paid, call.arguments.get("payment_method_id", "")]):
            found[call.customer].add(call.order or "")
    return frozenset(customer for customer, touched in found.items() if len(touched) > 1)


def _conversation(shop: Json, line: Json) -> Conversation:
    known = {*_named(shop, line)} or {*_introduced(shop, line["known_info"])}
    assert len(known) == 1, f"{line['conversation_id']} is about {sorted(known)}"
    calls = tuple(_call(line, call, *known) for call in line["tool_calls"])
    return Conversation(line["conversation_id"], line["known_info"], calls)


def _call(line: Json, call: Json, customer: str) -> Call:
    tool = TOOLS[call["tool"]]
    assert tool.writes is call["writes"]
    return Call(line["conversation_id"], call["call_id"], tool, call["arguments"], customer, line["prompt"])


def _named(shop: Json, line: Json) -> Iterator[str]:
    """Customers whom the conversation's own calls look up, or whose order they are about."""
    if line["customer_id"]:
        yield line["customer_id"]
    for arguments in (call["arguments"] for call in line["tool_calls"]):
        if "user_id" in arguments:
            yield arguments["user_id"]
        if arguments.get("order_id") in shop["orders"]:
            yield shop["orders"][arguments["order_id"]]["user_id"]
        yield from _looked_up(shop, arguments)


def _looked_up(shop: Json, arguments: Json) -> Iterator[str]:
    for user in sorted(shop["users"].values(), key=lambda user: str(user["user_id"])):
        names = {**user["name"], "zip": user["address"]["zip"]}
        by_name = all(arguments.get(part, "").lower() == value.lower() for part, value in names.items())
        if by_name or arguments.get("email", "").lower() == user["email"].lower():
            yield user["user_id"]
            return


def _introduced(shop: Json, known_info: str) -> Iterator[str]:
    """Who says user id, or name, and postcode, where no call looks anybody up."""
    for user in shop["users"].values():
        name, place = user["name"], user["address"]["zip"]
        called = (user["user_id"], f"{name['first_name']} {name['last_name']}")
        if place in known_info and any(one in known_info for one in called):
            yield user["user_id"]
