"""The bot's tool calls, from the sample that the project carries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app.demo.actors import Ask

BOT = "support-bot"
ACTIONS = {
    "get_order_details": "orders.read",
    "cancel_pending_order": "orders.cancel",
    "modify_pending_order_items": "orders.modify_items",
    "modify_pending_order_address": "orders.modify_address",
    "refund": "orders.refund",
}
"""Tools of the chatbot, and the actions that it asks for when its model calls them."""

MIA = Ask(
    action="orders.cancel",
    parameters={"order_id": "#W1000009", "reason": "no longer needed"},
    customer="customer:mia_chen_2201",
    prompt="Please cancel my lamp, order #W1000009. I found one at home.",
    conversation="sample-mia",
)
AMARA = Ask(
    action="orders.cancel",
    parameters={"order_id": "#W1000008", "reason": "ordered by mistake"},
    customer="customer:amara_okonjo_37",
    prompt="I ordered the backpack #W1000008 by mistake, please stop it before it leaves!",
    conversation="sample-amara",
)
LOOKS = Ask(
    action="orders.read",
    parameters={"order_id": MIA.parameters["order_id"]},
    customer=MIA.customer,
    prompt=MIA.prompt,
    conversation=MIA.conversation,
)
TRANSFER = Ask(
    action="support.transfer",
    parameters={"summary": "The customer would rather talk to a person."},
    customer="customer:wren_halloway_63",
    prompt="Can I talk to somebody?",
    conversation="sample-wren",
)
LOUD = "<!channel> <@U0DANA> urgent! <https://evil.example/approve|Approve here> *now*"
"""What somebody writes to the chatbot who hopes that Slack obeys it."""


def asks(sample: Path) -> dict[str, Ask]:
    """What the bot asks for in its conversations, by the call's id; calls of other tools are left out."""
    found: dict[str, Ask] = {}
    for line in (sample / "tool_calls.jsonl").read_text().splitlines():
        conversation = json.loads(line)
        calls = (call for call in conversation["tool_calls"] if call["tool"] in ACTIONS)
        found |= {call["call_id"]: _ask(conversation, call) for call in calls}
    return found


def _ask(conversation: dict[str, Any], call: dict[str, Any]) -> Ask:
    return Ask(
        action=ACTIONS[call["tool"]],
        parameters=call["arguments"],
        customer=f"customer:{conversation['customer_id']}",
        prompt=conversation["prompt"],
        conversation=conversation["conversation_id"],
    )
