"""A draft judged over asks that there were: counts, windows, chains, and rules that err."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import Malformed
from app.domain.request import Reversibility, Risk
from app.governance.calls import Unsaid, calls_of_lines
from app.governance.files import load
from app.governance.policy import Policy, compile_policy
from app.governance.simulate import LISTED, LOOKS_UP, Asked, simulate
from tests.conftest import FIGURE
from tests.governance.real_calls import DRAFT, ERRING, EXAMPLE, agrees, as_lines, draft, expected, real_calls
from tests.governance.small import policy

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
UNSAID = Unsaid("support-bot", NOON, "development")
Made = Callable[..., Policy]


@pytest.fixture(name="rules")
def _rules(tmp_path: Path) -> Made:
    """The small governance, edited."""
    number = iter(range(100))

    def made(*edits: tuple[str, str]) -> Policy:
        folder = tmp_path / str(next(number))
        folder.mkdir()
        return policy(folder, *edits)

    return made


def paying(amount: int, minutes: int = 0, **more: Any) -> Asked:
    """The bot pays, so long after noon."""
    given: dict[str, Any] = {
        "ref": f"{amount} at {minutes}",
        "action": "orders.pay",
        "parameters": {"amount": amount},
        "bot": "bot",
        "at": NOON + timedelta(minutes=minutes),
        "environment": "development",
        "on_behalf_of": "customer:wren",
    }
    return Asked(**{**given, **more})


def test_the_real_calls_come_to_what_was_worked_out_by_hand(tmp_path: Path, record_property: Any) -> None:
    calls = real_calls()
    wanted = expected(calls)
    assert len(calls) == 550
    assert len(wanted.outcomes) >= 4, "too little happens"
    assert len(wanted.plans) >= 3, "too little happens"
    in_force = compile_policy(load(EXAMPLE).document, "in force")
    stricter = compile_policy(load(draft(tmp_path, DRAFT)).document, "draft")
    before = time.perf_counter()
    found = simulate(in_force, stricter, list(calls_of_lines(as_lines(calls), UNSAID)))
    seconds = time.perf_counter() - before
    agrees(found.as_json(), wanted)
    record_property(FIGURE, f"simulate, 550 real calls under two governances: {seconds:.2f} s, {found.outcomes}")


def test_a_rule_that_errs_is_shown_to_deny_by_name(tmp_path: Path) -> None:
    calls = real_calls()
    cancels = sum(call.tool.action == "orders.cancel" for call in calls)
    in_force = compile_policy(load(EXAMPLE).document, "in force")
    erring = compile_policy(load(draft(tmp_path, ERRING)).document, "draft")
    told = simulate(in_force, erring, calls_of_lines(as_lines(calls), UNSAID)).as_json()
    (vip,) = (one for one in told["rules"] if one["rule"] == "vip")
    assert vip == {
        "rule": "vip",
        "before": {"matched": 0, "erred": 0},
        "after": {"matched": 0, "erred": cancels},
    }
    assert told["changed"] == cancels > 0
    assert {one["after"]["code"] for one in told["asks"]} == {"rule-error"}
    assert {"before": "hold", "after": "deny", "count": cancels} in told["outcomes"]


def test_the_same_governance_changes_nothing(rules: Made) -> None:
    told = simulate(rules(), rules(), [paying(amount) for amount in (5, 50, 500, 5000)]).as_json()
    assert (told["total"], told["unchanged"], told["plans"], told["asks"]) == (4, 4, [], [])


def test_a_window_rolls_over_what_is_judged(rules: Made) -> None:
    """Over 100 together within a day it takes both; the draft counts for an hour only."""
    asks = [paying(60), paying(60, 30), paying(60, 95), paying(60, 96, on_behalf_of="customer:finn")]
    told = simulate(rules(), rules(("over: 24h", "over: 1h")), asks).as_json()
    (changed,) = told["asks"]
    assert changed["ref"] == "60 at 95"
    assert changed["before"]["plan"].startswith("both (")
    assert changed["after"]["plan"] == "lead (1 of leads)"


def test_the_edge_of_a_window_is_out_of_it(rules: Made) -> None:
    hour = rules(("over: 24h", "over: 1h"))
    for minutes, changed in ((59, []), (60, ["60 at 60"])):
        told = simulate(rules(), hour, [paying(60), paying(60, minutes)]).as_json()
        assert [one["ref"] for one in told["asks"]] == changed


def test_a_figure_that_was_recorded_is_taken_for_the_same_window(rules: Made) -> None:
    """The draft's window is another one, and is counted."""
    old = rules()
    recorded = {old.all_windows[0]: 90}
    told = simulate(old, rules(("over: 24h", "over: 1h")), [paying(60, recorded=recorded)]).as_json()
    assert [one["before"]["plan"].split()[0] for one in told["asks"]] == ["both"]
    assert [one["after"]["plan"].split()[0] for one in told["asks"]] == ["lead"]


def test_what_was_denied_or_came_to_nothing_is_not_counted(rules: Made) -> None:
    """The draft denies the first, which then makes no figure; and what failed makes none under either."""
    stricter = rules(("amount > 1000", "amount > 90"))
    told = simulate(rules(), stricter, [paying(95), paying(60, 1), paying(99, 2, counts=False)]).as_json()
    assert [one["ref"] for one in told["asks"]] == ["95 at 0", "60 at 1", "99 at 2"]
    assert told["asks"][1]["before"]["plan"].startswith("both")
    assert told["asks"][1]["after"]["plan"].startswith("lead")
    nothing = simulate(rules(), rules(), [paying(95, counts=False), paying(60, 1)])
    assert nothing.outcomes == {("hold", "hold"): 2}
    assert nothing.rules == {}


def test_what_came_before_the_time_in_question_only_counts(rules: Made) -> None:
    told = simulate(rules(), rules(), [paying(60, judged=False), paying(60, 1)]).as_json()
    assert told["total"] == 1
    assert [one["rule"] for one in told["rules"]] == ["big"]


def test_a_chain_is_judged_by_the_classes_of_each_governance(rules: Made) -> None:
    """The draft has the first of them critical: no allow counts for what follows from it."""
    asks = [paying(5), paying(6, 1, parent="5 at 0")]
    told = simulate(
        rules(),
        rules(("risk: high\n    reversibility: irreversible", "risk: low\n    reversibility: reversible")),
        asks,
    )
    assert told.unchanged == 2
    told = simulate(rules(), rules(("risk: moderate", "risk: critical")), asks)
    assert told.outcomes == {("allow", "hold"): 2}


def test_a_parent_that_is_not_among_them_counts_as_it_stood(rules: Made) -> None:
    outside = {"gone": (Risk.CRITICAL, Reversibility.IRREVERSIBLE, 3)}
    told = simulate(rules(), rules(), [paying(5, parent="gone")], outside=outside)
    assert told.outcomes == {("hold", "hold"): 1}


def test_what_no_bot_may_ask_for_is_denied(rules: Made) -> None:
    whole = rules()
    narrower = replace(whole, bots={"bot": replace(whole.bots["bot"], entitlements=("orders.read",))})
    asks = [paying(50, bot="stranger"), paying(50, action="orders.nothing"), paying(50)]
    told = simulate(whole, narrower, asks)
    assert told.outcomes == {("deny", "deny"): 2, ("hold", "deny"): 1}
    assert told.changed[0]["after"] == {"outcome": "deny", "code": "not-entitled", "plan": None}


def test_parameters_off_the_drafts_schema_would_be_refused(rules: Made) -> None:
    told = simulate(rules(), rules(("required: [amount]", "required: [amount, to]")), [paying(50)]).as_json()
    assert told["asks"][0]["after"] == {"outcome": "deny", "code": "off-schema", "plan": None}


def test_a_beneficiary_that_errs_denies_by_name(rules: Made) -> None:
    erring = rules(("beneficiary: on_behalf_of", "beneficiary: parameters.payee"))
    told = simulate(rules(), erring, [paying(50)]).as_json()
    assert [one["rule"] for one in told["rules"] if one["after"]["erred"]] == ["orders.pay: beneficiary"]


def test_a_plan_that_differs_only_in_its_clocks_is_told(rules: Made) -> None:
    told = simulate(rules(), rules(("expires: 4h", "expires: 3h")), [paying(50)]).as_json()
    assert told["plans"] == [{"before": "lead (1 of leads)", "after": "lead (1 of leads) with other terms", "count": 1}]


def test_the_list_is_cut_and_the_counts_are_not(rules: Made) -> None:
    asks = [paying(50, number) for number in range(LISTED + 5)]
    told = simulate(rules(), rules(("> 1000", "> 10")), asks).as_json()
    assert (told["changed"], len(told["asks"])) == (LISTED + 5, LISTED)


def test_it_ends_when_it_may_not_go_on(rules: Made) -> None:
    answers = iter([True, False])
    asks = [paying(5, number) for number in range(LOOKS_UP * 3)]
    tally = simulate(rules(), rules(), asks, go_on=lambda: next(answers))
    assert (tally.total, tally.complete) == (LOOKS_UP, False)


BAD = {
    "{": "line 2: is not JSON",
    "[]": "line 2: Input should be",
    "[" * 100_000: "line 2: is not JSON",
    '{"parameters": {}}': "line 2, action: Field required",
    '{"action": "a", "parameters": []}': "line 2, parameters: ",
    '{"action": "a", "parameters": {}, "tool": 1}': "line 2, tool: Extra inputs",
    '{"action": "a", "parameters": {}, "at": "noon"}': "line 2, at: ",
    '{"action": "a", "parameters": {}, "at": "2026-07-01T10:00:00"}': "line 2, at: ",
    '{"action": "a", "parameters": {}, "on_behalf_of": "wren"}': "line 2, on_behalf_of: ",
    '{"action": "a", "parameters": {}, "bot": ""}': "line 2, bot: ",
}


@pytest.mark.parametrize("line", BAD, ids=[line[:60] for line in BAD])
def test_a_bad_line_is_named(line: str) -> None:
    with pytest.raises(Malformed, match=r"^line 2") as refused:
        list(calls_of_lines(['{"action": "a", "parameters": {}}', line], UNSAID))
    assert str(refused.value).startswith(BAD[line])


def test_empty_lines_are_passed_over_and_counted() -> None:
    (one, two) = calls_of_lines(
        ["", '{"action": "a", "parameters": {}}', "  ", '{"action": "b", "parameters": {}}'], UNSAID
    )
    assert (one.ref, two.ref) == ("line 2", "line 4")
    assert (one.bot, one.at, one.environment) == ("support-bot", NOON, "development")


def test_which_bot_must_be_said_where_there_are_several() -> None:
    with pytest.raises(Malformed, match="line 1: say which bot"):
        list(calls_of_lines(['{"action": "a", "parameters": {}}'], Unsaid(None, NOON, "development")))
