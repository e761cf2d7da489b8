"""The 550 real calls of tau2-bench as a file of tool calls, a stricter draft of the example, and what comes of it.

What comes of it is worked out here by hand, in plain Python, from the calls alone: nothing of Interlock judges it.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.journeys.retail.conversations import Call, conversations

EXAMPLE = Path(__file__).parents[2] / "deploy/examples/retail"
BEGIN = datetime(2026, 7, 1, tzinfo=UTC)
"""When the first call is made; then there is one a minute. In Vienna it is two hours later."""

HOUR = timedelta(hours=1)
DRAFT = """
windows:
  - {name: orders_1h, action: orders.*, per: [on_behalf_of], over: 1h}
rules:
  - name: busy-customer
    when: 'action.reversibility != "read_only" && action.name.startsWith("orders.") && windows.orders_1h >= 3'
    hold: two-person
  - name: many-items
    when: '(action.name == "orders.return" || action.name == "orders.exchange") && size(parameters.item_ids) > 1'
    hold: pair
  - name: mistake
    when: 'action.name == "orders.cancel" && parameters.reason == "ordered by mistake"'
    deny: Somebody must speak with the customer first
  - {name: moving, when: 'action.name == "users.modify_address"', hold: pair}
  - {name: by-mail, when: 'action.name == "users.find_by_email"', deny: An address proves nothing}
plans:
  pair:
    stages: [{group: support-leads, quorum: 2}]
    expires: 4h
"""
ERRING = """
rules:
  - {name: vip, when: 'action.name == "orders.cancel" && parameters.vip == true', hold: two-person}
"""

ONE = "1 of support-leads"
PLANS = {
    frozenset({"lead"}): f"lead ({ONE})",
    frozenset({"transfer"}): f"transfer ({ONE})",
    frozenset({"pair"}): "pair (2 of support-leads)",
    frozenset({"two-person"}): f"two-person ({ONE}, 1 of finance by login)",
    frozenset({"pair", "two-person"}): "pair+two-person (2 of support-leads, 1 of finance by login)",
}
"""What the plans of the rules that hold come to together."""


def draft(folder: Path, more: str = DRAFT) -> Path:
    """The example with more rules, in a folder."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("sample"), dirs_exist_ok=True)
    (folder / "stricter.yaml").write_text(more)
    return folder


def real_calls() -> list[Call]:
    """All 550, in the order of the file."""
    return [call for talk in conversations() for call in talk.calls]


def as_lines(calls: list[Call]) -> Iterator[str]:
    """The calls as `interlock policy simulate --calls` reads them."""
    for number, call in enumerate(calls):
        asked = {name: call.body[name] for name in ("action", "parameters", "on_behalf_of", "triggered_by", "context")}
        yield json.dumps({**asked, "at": (BEGIN + number * timedelta(minutes=1)).isoformat()})


@dataclass(frozen=True, slots=True)
class Expected:
    """What comes of it. ``rules``: (rule, side) to how often it matched."""

    outcomes: Counter[tuple[str, str]]
    plans: Counter[tuple[str, str]]
    changed_actions: Counter[str]
    changed_lines: list[str]
    rules: Counter[tuple[str, str]]


def expected(calls: list[Call]) -> Expected:
    """Worked out by hand."""
    found = Expected(Counter(), Counter(), Counter(), [], Counter())
    asked: dict[str, list[datetime]] = defaultdict(list)
    for number, call in enumerate(calls):
        at = BEGIN + number * timedelta(minutes=1)
        before = _in_force(call, at)
        lately = sum(1 for earlier in asked[call.customer] if earlier > at - HOUR)
        outcome, rules = _of_draft(call, lately, before)
        if call.tool.action.startswith("orders.") and outcome != "deny":
            asked[call.customer].append(at)
        _count(found, call, f"line {number + 1}", (before, (outcome, rules)))
    return found


Said = tuple[str, frozenset[str]]
"""The outcome, and the rules that matched; of a hold by no rule, its default plan as ``=NAME``."""


def _in_force(call: Call, at: datetime) -> Said:
    if not call.tool.writes:
        return "allow", frozenset()
    action, arguments = call.tool.action, call.arguments
    if action == "users.modify_address" and arguments["user_id"] == call.customer:
        return "allow", frozenset({"own-address"})
    if action == "orders.modify_payment" and (at + timedelta(hours=2)).hour < 6:
        return "hold", frozenset({"payment-at-night"})
    return "hold", frozenset({"=transfer" if action == "support.transfer" else "=lead"})


def _of_draft(call: Call, lately: int, before: Said) -> Said:
    action, arguments = call.tool.action, call.arguments
    more = set()
    if call.tool.writes and action.startswith("orders.") and lately >= 3:
        more.add("busy-customer")
    if action in ("orders.return", "orders.exchange") and len(arguments["item_ids"]) > 1:
        more.add("many-items")
    if action == "orders.cancel" and arguments["reason"] == "ordered by mistake":
        more.add("mistake")
    if action == "users.modify_address":
        more.add("moving")
    if action == "users.find_by_email":
        more.add("by-mail")
    outcome, said = before
    rules = frozenset({*more, *(rule for rule in said if not (more and rule.startswith("=")))})
    if more & {"mistake", "by-mail"}:
        return "deny", rules
    return ("hold" if more else outcome), rules


HOLDS = {"payment-at-night": "two-person", "busy-customer": "two-person", "many-items": "pair", "moving": "pair"}


def _plan(said: Said) -> str | None:
    outcome, rules = said
    if outcome != "hold":
        return None
    return PLANS[frozenset(rule[1:] if rule.startswith("=") else HOLDS[rule] for rule in rules - {"own-address"})]


def _count(found: Expected, call: Call, line: str, sides: tuple[Said, Said]) -> None:
    before, after = sides
    found.outcomes[before[0], after[0]] += 1
    for side, (_, rules) in zip(("before", "after"), sides, strict=True):
        found.rules.update((rule, side) for rule in rules if not rule.startswith("="))
    plans = _plan(before), _plan(after)
    if before[0] != after[0] or plans[0] != plans[1]:
        found.changed_actions[call.tool.action] += 1
        found.changed_lines.append(line)
    if plans[0] is not None and plans[1] is not None and plans[0] != plans[1]:
        found.plans[plans[0], plans[1]] += 1


def agrees(told: dict[str, Any], wanted: Expected) -> None:
    """Raise unless what is told is what was worked out."""
    total = wanted.outcomes.total()
    changed = len(wanted.changed_lines)
    assert (told["total"], told["changed"], told["unchanged"]) == (total, changed, total - changed)
    assert {(one["before"], one["after"]): one["count"] for one in told["outcomes"]} == wanted.outcomes
    assert {(one["before"], one["after"]): one["count"] for one in told["plans"]} == wanted.plans
    assert {one["action"]: one["changed"] for one in told["actions"] if one["changed"]} == wanted.changed_actions
    assert [one["ref"] for one in told["asks"]] == wanted.changed_lines[:100]
    rules = {
        (one["rule"], side): one[side]["matched"]
        for one in told["rules"]
        for side in ("before", "after")
        if one[side]["matched"]
    }
    assert rules == wanted.rules
    assert not [one for one in told["rules"] if one["before"]["erred"] or one["after"]["erred"]]
