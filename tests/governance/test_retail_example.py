"""The example under deploy/: it loads, and every tool call of the sample and of tau2-bench is one of its actions."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.domain.verdict import AskFacts, Outcome
from app.governance.check import check
from app.governance.files import load
from app.governance.policy import Policy, compile_policy
from tests.fakes.retail.tools import TOOLS

PROJECT = Path(__file__).parents[2]
EXAMPLE = PROJECT / "deploy/examples/retail"
SHARED = Path(os.environ.get("INTERLOCK_SHARED", PROJECT.parent / "shared"))
NOON = datetime(2026, 7, 1, 10, tzinfo=UTC)


@pytest.fixture(name="rules", scope="module")
def _rules() -> Policy:
    return compile_policy(load(EXAMPLE).document, "sha256:example")


def ask(tool: str, parameters: dict[str, Any], **facts: Any) -> AskFacts:
    given = {"on_behalf_of": "customer:jonas_lindqvist_24", "windows": {"refunds_24h": 0, "cancels_1h": 0}, **facts}
    return AskFacts(TOOLS[tool].action, parameters, "support-bot", NOON, "development", **given)


def refund(amount: int) -> dict[str, Any]:
    return {"order_id": "#W1", "amount_minor": amount, "currency": "USD", "payment_method_id": "paypal_1"}


def test_it_has_no_findings() -> None:
    assert check(EXAMPLE) == []


@pytest.mark.parametrize("folder", [EXAMPLE / "sample", SHARED / "data/tau2-retail"])
def test_every_tool_call_is_an_action_that_the_bot_may_ask_for(rules: Policy, folder: Path) -> None:
    lines = (folder / "tool_calls.jsonl").read_text().splitlines()
    for call in (call for line in lines for call in json.loads(line)["tool_calls"]):
        facts = ask(call["tool"], call["arguments"])
        rules.check_parameters(rules.action(facts.action), facts.parameters)
        assert rules.entitled("support-bot", facts.action)
        assert rules.verdict(facts).outcome is (Outcome.HOLD if call["writes"] else Outcome.ALLOW)


def test_each_path_is_one_of_the_shop(rules: Policy) -> None:
    paths = {tool.action: tool.path for tool in TOOLS.values()}
    assert {
        action.name: action.path for action in rules.actions.values() if action.path is not None
    }.items() <= paths.items()
    assert set(paths) == set(rules.actions)


ADDRESS = {
    "user_id": "jonas_lindqvist_24",
    "address1": "1 Oak Lane",
    "address2": "",
    "city": "Boise",
    "state": "ID",
    "country": "USA",
    "zip": "83702",
}
CANCEL = {"order_id": "#W1", "reason": "no longer needed"}


@pytest.mark.parametrize(
    ("facts", "outcome", "plan"),
    [
        (ask("modify_user_address", ADDRESS), "allow", None),
        (ask("modify_user_address", {**ADDRESS, "user_id": "wren_halloway_63"}), "hold", "lead"),
        (ask("modify_user_address", ADDRESS, triggered_by="customer:wren_halloway_63"), "hold", "two-person"),
        (ask("cancel_pending_order", CANCEL), "hold", "lead"),
        (ask("cancel_pending_order", CANCEL, windows={"cancels_1h": 200}), "hold", "two-person"),
        (ask("refund", refund(50_000)), "hold", "lead"),
        (ask("refund", refund(50_001)), "hold", "two-person"),
        (ask("refund", refund(50_000), windows={"refunds_24h": 50_001}), "hold", "two-person"),
        (ask("refund", refund(500_001)), "deny", None),
        (ask("transfer_to_human_agents", {"summary": "Angry"}), "hold", "transfer"),
        (ask("list_all_product_types", {}), "allow", None),
    ],
)
def test_what_the_rules_say(rules: Policy, facts: AskFacts, outcome: str, plan: str | None) -> None:
    verdict = rules.verdict(facts)
    assert (verdict.outcome, verdict.plan and verdict.plan.name) == (outcome, plan)


def test_the_bot_is_not_entitled_to_undo(rules: Policy) -> None:
    assert not rules.entitled("support-bot", "orders.restore")
    undo = rules.rollback_parameters("orders.cancel", CANCEL, status="succeeded", result=None)
    assert undo == {"order_id": "#W1"}
