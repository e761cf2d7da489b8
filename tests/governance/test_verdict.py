"""From rules and facts to a verdict: deny beats hold beats allow, rules only add, and an error denies."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.request import Reversibility, Risk
from app.domain.verdict import Outcome
from app.governance.files import load
from app.governance.policy import Policy, compile_policy
from tests.governance.small import pay, policy, read, write


@pytest.mark.parametrize(
    ("facts", "outcome", "code", "plan"),
    [
        (pay(5), "allow", "rule", None),
        (pay(50), "hold", "default-plan", "lead"),
        (pay(500), "hold", "rule", "both"),
        (pay(5, windows={"paid": 99}), "hold", "rule", "both"),
        (pay(5000), "deny", "rule", None),
        (pay(5, chain_reversibility=Reversibility.IRREVERSIBLE), "hold", "default-plan", "lead"),
        (pay(5, chain_risk=Risk.CRITICAL), "hold", "default-plan", "lead"),
        (read(), "allow", "read-only", None),
        (read(chain_risk=Risk.CRITICAL), "allow", "read-only", None),
        (pay(None), "deny", "rule-error", None),
        (pay(5, windows={}), "deny", "rule-error", None),
        (pay(5, parameters={}), "deny", "rule-error", None),
        (pay(5, context={"x": "a\0"}), "deny", "rule-error", None),
        (pay(5, context={"x": [1] * 1001}), "deny", "rule-error", None),
        (pay(5, parameters={"amount": 2**70}), "deny", "rule-error", None),
        (read(context={"x": [1] * 1001}), "deny", "rule-error", None),
    ],
)
def test_the_small_policy(tmp_path: Path, facts: Any, outcome: str, code: str, plan: str | None) -> None:
    verdict = policy(tmp_path).verdict(facts)
    assert (verdict.outcome, verdict.code, verdict.plan and verdict.plan.name) == (outcome, code, plan)


@pytest.mark.aisvs("9.5.3")
def test_an_erring_rule_denies_by_name_though_another_allows(tmp_path: Path) -> None:
    rules = policy(
        tmp_path, ("hold: both}", "hold: both}\n  - {name: broken, when: '!(parameters.nope > 1)', allow: true}")
    )
    verdict = rules.verdict(pay(5))
    assert (verdict.outcome, verdict.code) == (Outcome.DENY, "rule-error")
    assert verdict.reason == "The rule broken failed: a key that it reads is missing: nope"
    assert [(rule.name, rule.error) for rule in verdict.rules] == [("broken", True), ("small", False)]


def test_a_read_with_a_default_plan_is_still_allowed_but_critical_or_of_a_changed_model_held(tmp_path: Path) -> None:
    planned = ("    risk: low\n", "    risk: low\n    default_plan: lead\n")
    assert policy(tmp_path, planned).verdict(read()).outcome is Outcome.ALLOW
    critical = ("    risk: low\n", "    risk: critical\n    default_plan: lead\n")
    assert policy(tmp_path, critical).verdict(read()).outcome is Outcome.HOLD
    moderate = ("    risk: low\n", "    risk: moderate\n    default_plan: lead\n")
    assert policy(tmp_path, moderate).verdict(read()).outcome is Outcome.ALLOW
    assert policy(tmp_path, moderate).verdict(read(context={"model": "other"})).outcome is Outcome.HOLD


FACTS = {
    'action.name == "orders.pay"': True,
    'action.risk == "moderate" && action.reversibility == "reversible"': True,
    'action.data == ["personal"]': False,
    'bot.id == "bot" && bot.model.name == "chat" && !bot.model_changed': True,
    'on_behalf_of == "customer:wren" && triggered_by == null': True,
    'chain.risk == "high" && chain.reversibility == "reversible" && chain.length == 2': True,
    "windows.paid == 7 && parameters.amount == 50": True,
    'now.getHours("Europe/Vienna") == 14 && environment == "development"': True,
    'has(context.model) && context.model == "chat"': True,
    "has(parameters.to)": False,
}


@pytest.mark.parametrize(("condition", "expected"), FACTS.items())
def test_what_rules_see(tmp_path: Path, condition: str, expected: bool) -> None:
    rules = policy(tmp_path, ("hold: both}", f"hold: both}}\n  - {{name: seen, when: '{condition}', deny: Seen}}"))
    facts = pay(
        windows={"paid": 7},
        context={"model": "chat"},
        chain_risk=Risk.HIGH,
        chain_length=2,
        now=datetime(2026, 7, 1, 12, tzinfo=UTC),
    )
    assert (rules.verdict(facts).reason == "Seen") is expected


WORDS = [{"allow": True}, {"hold": "lead"}, {"hold": "both"}, {"deny": "No"}]
CONDITIONS = ["true", "false", "parameters.amount > 40", "parameters.nope > 1", "windows.paid > 3", "1 / 0 > 1"]
RULE = st.tuples(st.sampled_from(CONDITIONS), st.sampled_from(WORDS))
ORDER = [Outcome.ALLOW, Outcome.HOLD, Outcome.DENY]


@pytest.fixture(name="document", scope="module")
def _document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return load(write(tmp_path_factory.mktemp("small"))).document


def _with(document: dict[str, Any], rules: list[tuple[str, dict[str, Any]]]) -> Policy:
    named = [{"name": f"r{n:02}", "when": when, **says} for n, (when, says) in enumerate(rules)]
    return compile_policy({**document, "rules": named}, "sha256:test")


@given(rules=st.lists(RULE, max_size=6), one=RULE, amount=st.integers(0, 90), paid=st.integers(0, 9))
def test_one_more_rule_that_does_not_allow_only_adds(
    document: dict[str, Any], rules: list[Any], one: Any, amount: int, paid: int
) -> None:
    facts = pay(amount, windows={"paid": paid})
    before, after = _with(document, rules).verdict(facts), _with(document, [*rules, one]).verdict(facts)
    if "allow" in one[1] and ORDER.index(after.outcome) < ORDER.index(before.outcome):
        assert (before.code, after.outcome) == ("default-plan", Outcome.ALLOW)
        return
    assert ORDER.index(after.outcome) >= ORDER.index(before.outcome)
    if before.code == "rule" and before.plan is not None and after.plan is not None:
        assert {stage.group for stage in before.plan.stages} <= {stage.group for stage in after.plan.stages}
        assert after.plan.expires <= before.plan.expires


@given(rules=st.lists(RULE, max_size=6), seed=st.randoms(use_true_random=False))
def test_the_order_of_rules_means_nothing(document: dict[str, Any], rules: list[Any], seed: Any) -> None:
    named = [{"name": f"r{n:02}", "when": when, **says} for n, (when, says) in enumerate(rules)]
    shuffled = list(named)
    seed.shuffle(shuffled)
    one, other = (compile_policy({**document, "rules": order}, "v").verdict(pay()) for order in (named, shuffled))
    assert one == other


@given(rules=st.lists(RULE, max_size=6))
@pytest.mark.aisvs("9.5.1")
def test_deny_beats_hold_beats_allow(document: dict[str, Any], rules: list[Any]) -> None:
    matching = [says for when, says in rules if when in ("true", "parameters.amount > 40")]
    erring = any(when in ("parameters.nope > 1", "1 / 0 > 1") for when, _ in rules)
    verdict = _with(document, rules).verdict(pay(50, windows={"paid": 0}))
    if erring:
        assert verdict.code == "rule-error"
    elif any("deny" in says for says in matching):
        assert (verdict.outcome, verdict.reason) == (Outcome.DENY, "No")
    elif plans := {says["hold"] for says in matching if "hold" in says}:
        assert verdict.plan is not None
        assert verdict.plan.name == "+".join(sorted(plans))
    else:
        assert verdict.outcome is (Outcome.ALLOW if matching else Outcome.HOLD)
