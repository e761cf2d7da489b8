"""Budgets as the files spell them: what `policy check` finds, and what a compiled bot has."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.budget import Budget, Counts
from app.governance.check import check
from app.governance.policy import compile_policy
from tests.governance.small import policy, write

ASKS = 'name: asks, action: "orders.*", count: requests, at_most: 100, over: 1h'
WAITING = 'name: waiting, action: "*", count: holds, at_most: 0'
PAID = "name: paid, action: orders.pay, sum: parameters.amount, at_most: 200000, over: 24h"


def edit(*budgets: str) -> tuple[str, str]:
    """The bot of the small governance, with these."""
    return "    deployed_by: tom", "    deployed_by: tom\n    budgets: [" + ", ".join(f"{{{b}}}" for b in budgets) + "]"


def test_all_three_kinds_are_without_findings_and_compiled(tmp_path: Path) -> None:
    assert check(write(tmp_path, edit(ASKS, WAITING, PAID))) == []
    (tmp_path / "again").mkdir()
    assert policy(tmp_path / "again", edit(ASKS, WAITING, PAID)).bots["bot"].budgets == (
        Budget("asks", "orders.*", Counts.REQUESTS, None, 100, timedelta(hours=1)),
        Budget("waiting", "*", Counts.HOLDS, None, 0, None),
        Budget("paid", "orders.pay", Counts.AMOUNT, "amount", 200_000, timedelta(hours=24)),
    )


def test_a_version_that_was_stored_before_there_were_budgets_has_none(tmp_path: Path) -> None:
    assert policy(tmp_path).bots["bot"].budgets == ()
    assert compile_policy({"bots": []}, "sha256:old").bots == {}


@pytest.mark.parametrize(
    ("budgets", "where", "what"),
    [
        (["name: Asks, action: orders.pay, count: holds, at_most: 1"], ".budgets[0].name", "does not match"),
        (["action: orders.pay, count: holds, at_most: 1"], ".budgets[0].name", "is missing"),
        (["name: a, count: holds, at_most: 1"], ".budgets[0].action", "is missing"),
        (["name: a, action: orders.pay, count: holds"], ".budgets[0].at_most", "is missing"),
        ([ASKS.replace("100", "-1")], ".budgets[0].at_most", "greater than or equal to 0"),
        ([ASKS.replace("100", "1.5")], ".budgets[0].at_most", "valid integer"),
        ([ASKS.replace("100", "true")], ".budgets[0].at_most", "valid integer"),
        ([ASKS.replace("requests", "asks")], ".budgets[0].count", "must be 'requests' or 'holds'"),
        ([ASKS.replace("count: requests, ", "")], ".budgets[0]", "say one of count: requests, count: holds, sum"),
        ([ASKS + ", sum: parameters.amount"], ".budgets[0]", "say one of count: requests, count: holds, sum"),
        ([ASKS.replace(", over: 1h", "")], ".budgets[0]", "over is missing"),
        ([PAID.replace(", over: 24h", "")], ".budgets[0]", "over is missing"),
        ([WAITING + ", over: 1h"], ".budgets[0]", "over has no meaning with count: holds"),
        ([ASKS.replace("1h", "0h")], ".budgets[0].over", "is not between"),
        ([ASKS.replace("1h", "2 business hours")], ".budgets[0].over", "this counts elapsed time"),
        ([ASKS + ", per: [bot]"], ".budgets[0].per", "unknown key"),
        ([ASKS, WAITING, PAID.replace("paid", "asks")], "", "the budget asks is there twice"),
        (
            [ASKS, WAITING.replace('"*"', '"order.*"')],
            ".budgets[1].action",
            "covers no action that the bot is entitled",
        ),
        ([WAITING.replace('"*"', "undo.pay")], ".budgets[0].action", "covers no action that the bot is entitled to"),
        ([PAID.replace("s.amount", "s.to")], ".budgets[0].sum", "to is not an integer in the schema of orders.pay"),
        ([PAID.replace("parameters.", "")], ".budgets[0].sum", "does not match"),
        (
            [ASKS, PAID.replace("orders.pay", '"orders.*"')],
            ".budgets[1].sum",
            "amount is not an integer in the schema of orders.read",
        ),
        (
            [PAID.replace("orders.pay", '"*"')],
            ".budgets[0].sum",
            "amount is not an integer in the schema of undo.pay",
        ),
    ],
)
def test_each_defect_is_found_where_it_is(tmp_path: Path, budgets: list[str], where: str, what: str) -> None:
    findings = check(write(tmp_path, edit(*budgets)))
    place = f"things.yml: bots[bot]{where}"
    assert [finding for finding in findings if finding.where == place and what in finding.what], findings


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("deployed_by: tom", "deployed_by: tom\n    budgets: {}", "things.yml: bots[bot].budgets", "valid array"),
        ("deployed_by: tom", "deployed_by: tom\n    budget: []", "things.yml: bots[bot].budget", "unknown key"),
        ("risk: low", "risk: low\n    budgets: []", "things.yml: actions[orders.read].budgets", "unknown key"),
    ],
)
def test_budgets_that_stand_elsewhere_are_never_ignored(
    tmp_path: Path, old: str, new: str, where: str, what: str
) -> None:
    findings = check(write(tmp_path, (old, new)))
    assert [finding for finding in findings if finding.where == where and what in finding.what], findings
