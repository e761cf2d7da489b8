"""What a compiled policy answers."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import GovernanceInvalid, OffSchema, UnknownAction
from app.domain.plan import PlanRule, StageRule
from app.domain.request import Level, Mode, Reversibility, Risk
from app.domain.verdict import Outcome
from app.governance.errors import RuleError
from app.governance.files import load
from app.governance.policy import Policy, compile_policy
from tests.governance.small import pay, policy, read, write


@pytest.fixture(name="rules")
def _rules(tmp_path: Path) -> Policy:
    return policy(tmp_path)


@pytest.mark.aisvs("9.2.3")
def test_the_catalogue(rules: Policy) -> None:
    action = rules.action("orders.pay")
    assert (action.risk, action.reversibility, action.mode) == (Risk.MODERATE, Reversibility.REVERSIBLE, Mode.HTTP)
    assert (action.target, action.path, action.method, action.idempotent) == ("desk", "/pay", "POST", True)
    assert (action.timeout, action.start_within) == (timedelta(seconds=5), None)
    assert (action.default_plan, action.on_behalf_of_required) == ("lead", True)
    assert action.sensitive == (("to",),)
    assert action.rollback is not None
    assert (action.rollback.action, action.rollback.within, action.rollback.plan) == (
        "undo.pay",
        timedelta(hours=72),
        "both",
    )
    reading = rules.action("orders.read")
    assert (reading.mode, reading.start_within) == (Mode.BOT, timedelta(minutes=10))
    assert (reading.default_plan, reading.on_behalf_of_required) == (None, False)
    with pytest.raises(UnknownAction):
        rules.action("orders.sell")


def test_a_plan(rules: Policy) -> None:
    lead = StageRule("leads", "leads", within=timedelta(hours=1), escalate_to=("finance",))
    assert rules.plan("lead") == PlanRule("lead", (lead,), timedelta(hours=4), ("finance",))
    money = StageRule("money", "finance", 2, None, Level.LOGIN, reason_required=True)
    both = PlanRule("both", (StageRule("leads", "leads"), money), timedelta(hours=2), (), allow_repeat=True)
    assert rules.plan("both") == both


def test_nothing_of_it_can_be_changed(rules: Policy) -> None:
    with pytest.raises(TypeError):
        rules.actions["x"] = rules.action("orders.pay")  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        rules.version = "other"  # type: ignore[misc]


@pytest.mark.aisvs("9.5.1")
def test_entitlements(rules: Policy) -> None:
    assert rules.entitled("bot", "orders.pay")
    assert not rules.entitled("bot", "undo.pay")
    assert not rules.entitled("bot", "orders.sell")
    assert not rules.entitled("other", "orders.pay")


def test_seats_and_powers(tmp_path: Path) -> None:
    rules = policy(tmp_path, ("    default_plan: lead\n", "    default_plan: lead\n    owners: {incident: dana}\n"))
    assert rules.seat("bot", None, "incident") == {"ivan"}
    assert rules.seat("bot", "orders.pay", "incident") == {"dana"}
    assert rules.seat("bot", "orders.pay", "business") == {"olivia"}
    assert rules.seat(None, "undo.pay", "rollback") == {"rita"}
    assert rules.seat("other", None, "business") == frozenset()
    assert rules.responders("bot") == {"ivan", "dana"}
    assert [who for who in ("ivan", "dana", "sam") if rules.may(who, "respond")] == ["ivan", "dana"]
    assert [who for who in ("ivan", "dana", "sam") if rules.may(who, "administer")] == ["sam"]
    assert rules.members("leads") == {"dana", "olivia"}
    assert rules.members("none") == frozenset()


def test_windows(rules: Policy) -> None:
    (window,) = rules.windows(rules.action("orders.pay"))
    assert (window.name, window.sum, window.per, window.over) == (
        "paid",
        "amount",
        ("bot", "on_behalf_of"),
        timedelta(hours=24),
    )
    assert rules.windows(rules.action("orders.read")) == ()


def test_parameters(rules: Policy) -> None:
    rules.check_parameters(rules.action("orders.pay"), {"amount": 1, "to": "c:me"})
    with pytest.raises(OffSchema) as caught:
        rules.check_parameters(rules.action("orders.pay"), {"amount": 1, "to": "c:ME"})
    assert caught.value.where == "parameters.to"


@pytest.mark.parametrize(
    ("expression", "facts", "expected"),
    [
        ("on_behalf_of", {"on_behalf_of": "Customer:wren"}, {"customer:wren"}),
        ("on_behalf_of", {"on_behalf_of": None}, set()),
        ("'[on_behalf_of, \"card:1\"]'", {}, {"customer:wren", "card:1"}),
        ("'[]'", {}, set()),
        ("context.payee", {"context": {"payee": "iban:1"}}, {"iban:1"}),
    ],
)
def test_beneficiaries(tmp_path: Path, expression: str, facts: dict[str, Any], expected: set[str]) -> None:
    rules = policy(tmp_path, ("beneficiary: on_behalf_of", f"beneficiary: {expression}"))
    assert rules.beneficiaries(pay(**facts)) == expected


@pytest.mark.parametrize("payee", ["nobody", "", 7, True, {"a": "b:c"}, [None], ["a:b", "c"], "a:b c"])
def test_a_beneficiary_that_is_no_subject_is_an_error(tmp_path: Path, payee: Any) -> None:
    rules = policy(tmp_path, ("beneficiary: on_behalf_of", "beneficiary: context.payee"))
    with pytest.raises(RuleError):
        rules.beneficiaries(pay(context={"payee": payee}))
    with pytest.raises(RuleError):
        rules.beneficiaries(pay())


def test_conflict_keys(rules: Policy) -> None:
    assert rules.conflict_key(pay()) is None
    assert rules.conflict_key(pay(parameters={"amount": 1, "to": "c:x"})) == "c:x"
    assert rules.conflict_key(read()) is None
    for wrong in ("", "x" * 256, 7, ["x"]):
        with pytest.raises(RuleError):
            rules.conflict_key(pay(parameters={"to": wrong}))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("parameters.amount", 7),
        ("parameters.amount / 2", 3),
        ("double(parameters.amount) / 2.0", 3.5),
        ("'has(parameters.to) ? parameters.amount : null'", None),
        ("'null'", None),
        ("uint(parameters.amount)", 7),
    ],
)
def test_the_value_at_risk(tmp_path: Path, expression: str, expected: float | None) -> None:
    rules = policy(tmp_path, ("beneficiary: on_behalf_of", f"value_at_risk: {expression}"))
    assert rules.value_at_risk(pay(parameters={"amount": 7})) == expected
    assert rules.value_at_risk(read()) is None


@pytest.mark.parametrize("value", [True, "7", [7], {"a": 7}, 2**53])
def test_a_value_at_risk_that_is_no_number_is_an_error(tmp_path: Path, value: Any) -> None:
    rules = policy(tmp_path, ("beneficiary: on_behalf_of", "value_at_risk: context.value"))
    with pytest.raises(RuleError):
        rules.value_at_risk(pay(context={"value": value}))
    with pytest.raises(RuleError):
        rules.value_at_risk(pay())


def test_rollback_parameters(rules: Policy) -> None:
    given: dict[str, Any] = {"amount": 1}
    undo = rules.rollback_parameters("orders.pay", given, status="succeeded", result={"id": "p1"})
    assert undo == {"payment": "p1"}
    with pytest.raises(RuleError, match="missing: id"):
        rules.rollback_parameters("orders.pay", given, status="unknown", result={})
    with pytest.raises(RuleError):
        rules.rollback_parameters("orders.pay", given, status="unknown", result=None)
    with pytest.raises(OffSchema):
        rules.rollback_parameters("orders.pay", given, status="succeeded", result={"id": 1})
    with pytest.raises(UnknownAction):
        rules.rollback_parameters("orders.read", {}, status="succeeded", result=None)


@pytest.mark.parametrize(
    ("said", "changed"),
    [
        (None, False),
        ("chat", False),
        ("chat@5", False),
        ("example-ai/chat", False),
        ("example-ai/chat@5", False),
        ("chat@6", True),
        ("Chat", True),
        ("", True),
        (["chat"], True),
        ({"name": "chat"}, True),
    ],
)
def test_a_changed_model_takes_an_allow_away(tmp_path: Path, said: Any, changed: bool) -> None:
    rules = policy(tmp_path)
    context = {} if said is None else {"model": said}
    assert rules.model_changed("bot", context) is changed
    outcome = rules.verdict(pay(5, context=context)).outcome
    assert outcome is (Outcome.HOLD if changed else Outcome.ALLOW)


def test_no_approved_model_is_nothing_to_compare_with(tmp_path: Path) -> None:
    rules = policy(tmp_path, ('    model: {provider: example-ai, name: chat, version: "5"}\n', ""))
    assert not rules.model_changed("bot", {"model": "x"})


def test_a_document_that_cannot_be_read_is_told_with_its_version(tmp_path: Path) -> None:
    document = load(write(tmp_path)).document
    document["rules"][0]["when"] = "nonsense"
    with pytest.raises(GovernanceInvalid, match=r"policy sha256:1: rules\[big\].when: does not compile"):
        compile_policy(document, "sha256:1")
    with pytest.raises(GovernanceInvalid, match="policy sha256:1: later: unknown key"):
        compile_policy({"later": []}, "sha256:1")
