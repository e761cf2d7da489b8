"""What differs between two governances, in words; and whether less is asked for than before."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from app.governance.catalogue import PersonFile, PersonIdentity
from app.governance.diff import Change, State, diff
from app.governance.files import load
from tests.governance.small import write


def state(*edits: tuple[str, str], more: str = "") -> State:
    """The small governance, edited, with another file beside."""
    with tempfile.TemporaryDirectory() as folder:
        files = {"more.yaml": more} if more else None
        rules = load(write(Path(folder), *edits, files=files))
    return State(rules.document, rules.people)


def told(*edits: tuple[str, str], more: str = "") -> list[Change]:
    """What the edits change."""
    return list(diff(state(), state(*edits, more=more)))


SNAPSHOT = """\
person dana: is now called Dana Hale (was Dana)
person dana: gains an e-mail address
  changed None
group finance: gains Ivan (ivan)
group finance: loses Sam (sam)
  changed True
group nobody: is new: nobody
  added False
target desk: url is now `https://desk.example/v2` (was `https://desk.example/api`)
  changed None
bot bot: gains the entitlement `undo.*`: undo.pay
bot bot: approved model is now `example-ai/chat@6` (was `example-ai/chat@5`)
bot bot: asks for what is new only once its use case is approved for that
bot bot: deployed by `Rita (rita)` (was `Tom (tom)`)
bot bot: seat legal is now `Tom (tom)` (was `Sam (sam)`)
  changed True
action orders.pay: risk `low` instead of `moderate`
action orders.pay: default plan is now `both` (was `lead`)
action orders.pay: parameters.required is now `["amount", "to"]` (was `["amount"]`)
action orders.pay: rollback.within is now `24h` (was `72h`)
  changed True
window paid: sums parameters.amount of orders.pay over 48h, by bot and on_behalf_of (was: sums parameters.amount of \
orders.pay over 24h, by bot and on_behalf_of)
  changed None
rule huge: it denies: Far too much (was: denies: Too much)
  changed False
rule night: is new: when `now.getHours("Europe/Vienna") < 6` it denies: Not at night
  added False
rule small: is gone: when `action.name == "orders.pay" && parameters.amount < 10` it allows
  removed None
plan both: stage money: quorum 1 instead of 2
plan both: stage money: an approval no longer needs a reason
plan both: expires after `1h` instead of `2h`
  changed True
plan lead: stage leads: its clock (within) is now `30m` (was `1h`)
plan lead: stage finance is new: 1 of finance (by strong)
plan lead: fallback is gone (was `finance`)
  changed None
"""


def test_a_diff_in_words() -> None:
    found = told(
        ("name: Dana,", "name: Dana Hale, emails: [dana@shop.example],"),
        ("members: [rita, sam]", "members: [rita, ivan]"),
        ("desk.example/api", "desk.example/v2"),
        ('entitlements: ["orders.*"]', 'entitlements: ["orders.*", "undo.*"]'),
        ('version: "5"', 'version: "6"'),
        ("deployed_by: tom", "deployed_by: rita"),
        ("legal: sam", "legal: tom"),
        ("risk: moderate", "risk: low"),
        ("default_plan: lead", "default_plan: both"),
        ("required: [amount]", "required: [amount, to]"),
        ("within: 72h", "within: 24h"),
        ("over: 24h", "over: 48h"),
        ("deny: Too much", "deny: Far too much"),
        ("""  - {name: small, when: 'action.name == "orders.pay" && parameters.amount < 10', allow: true}\n""", ""),
        ("quorum: 2, level: login, reason_required: true", "quorum: 1, level: login"),
        ("    expires: 2h", "    expires: 1h"),
        (
            "{stages: [{group: leads, within: 1h, escalate_to: finance}], fallback: finance,",
            "{stages: [{group: leads, within: 30m, escalate_to: finance}, {group: finance, level: strong}],",
        ),
        more="""
groups: [{name: nobody, members: []}]
rules:
  - {name: night, when: 'now.getHours("Europe/Vienna") < 6', deny: Not at night}
""",
    )
    text = "".join(
        "".join(f"{sentence}\n" for sentence in change.sentences) + f"  {change.change} {change.loosens}\n"
        for change in found
    )
    assert text == SNAPSHOT


def test_the_same_is_no_difference() -> None:
    assert told() == []


def test_how_it_is_spelled_is_no_difference() -> None:
    spelled = (
        ("{group: leads, within: 1h", "{group: leads, name: leads, quorum: 1, level: click, within: 1h"),
        ("amount: {type: integer}", 'amount: {"type": integer}'),
    )
    assert told(*spelled) == []
    assert told(("title: Pay\n", 'title: "Pay"\n')) == []


BIG = """\
  - {name: big, when: 'action.name == "orders.pay" && windows.paid + parameters.amount > 100', hold: both}
"""
LESS: dict[str, tuple[tuple[str, str], ...]] = {
    "a smaller quorum": (("quorum: 2, level: login", "quorum: 1, level: login"),),
    "a weaker level": (("quorum: 2, level: login", "quorum: 2, level: click"),),
    "no reason": ((", reason_required: true", ""),),
    "a stage fewer": (
        ("stages: [{group: leads}, {name: money, group: finance,", "stages: [{name: money, group: finance,"),
    ),
    "a longer clock": (("within: 1h", "within: 2h"),),
    "a longer life": (("expires: 4h", "expires: 5h"),),
    "a fallback": (("    expires: 2h", "    fallback: leads\n    expires: 2h"),),
    "a hold that is gone": ((BIG, ""),),
    "a denial that is gone": (
        ("""  - {name: huge, when: 'action.name == "orders.pay" && parameters.amount > 1000', deny: Too much}\n""", ""),
    ),
    "a denial that holds": (("deny: Too much", "hold: both"),),
    "a hold that allows": (("> 100', hold: both", "> 100', allow: true"),),
    "a hold under a weaker plan": (("> 100', hold: both", "> 100', hold: lead"),),
    "a wider entitlement": (('entitlements: ["orders.*"]', 'entitlements: ["*"]'),),
    "one more who decides": (("members: [rita, sam]", "members: [rita, sam, tom]"),),
    "one more who administers": (("members: [sam, tom]", "members: [sam, tom, rita]"),),
    "a group that may more": (("members: [ivan], may: [respond]", "members: [ivan], may: [respond, administer]"),),
    "a lower risk": (("risk: moderate", "risk: low"),),
    "a milder kind": (("reversibility: irreversible", "reversibility: reversible"),),
    "a weaker default plan": (("    default_plan: both\n", "    default_plan: lead\n"),),
    "no beneficiary": (("    beneficiary: on_behalf_of\n", ""),),
    "a subject fewer": ((', subjects: ["customer:olivia"]', ""),),
    "a bot without a model": (("""    model: {provider: example-ai, name: chat, version: "5"}\n""", ""),),
    "nobody in particular": (
        ("    beneficiary: on_behalf_of\n", "    beneficiary: on_behalf_of\n    on_behalf_of: optional\n"),
    ),
}
NO_LESS: dict[str, tuple[tuple[str, str], ...]] = {
    "a larger quorum": (("{group: leads}, {name: money", "{group: leads, quorum: 2}, {name: money"),),
    "a stronger level": (("quorum: 2, level: login", "quorum: 2, level: strong"),),
    "a reason": (("{group: leads}, {name: money", "{group: leads, reason_required: true}, {name: money"),),
    "a shorter life": (("expires: 4h", "expires: 3h"),),
    "no escalation": ((", escalate_to: finance", ""),),
    "no fallback": ((" fallback: finance,", ""),),
    "no repeat": (("    allow_repeat: true\n", ""),),
    "a hold that denies": (("> 100', hold: both", "> 100', deny: Too much as well"),),
    "an allow that denies": (("< 10', allow: true", "< 10', deny: Too little"),),
    "one fewer who decides": (("members: [dana, olivia], slack_channel", "members: [dana], slack_channel"),),
    "a higher risk": (("risk: moderate", "risk: critical"),),
    "a narrower entitlement": (('entitlements: ["orders.*"]', 'entitlements: ["orders.pay", "orders.r*"]'),),
    "another title": (("title: Pay", "title: Pay out"),),
    "a value at risk": (("    conflict_key", "    value_at_risk: parameters.amount\n    conflict_key"),),
    "a subject more": (('["customer:olivia"]', '["customer:olivia", "customer:liv"]'),),
}
MAYBE: dict[str, tuple[tuple[str, str], ...]] = {
    "another condition": (("> 100'", "> 90'"),),
    "an allow that is gone and might have erred": (
        ("""  - {name: small, when: 'action.name == "orders.pay" && parameters.amount < 10', allow: true}\n""", ""),
    ),
    "a longer window": (("over: 24h", "over: 48h"),),
    "another schema": (("required: [amount]", "required: [amount, to]"),),
    "another path": (("path: /pay", "path: /pay-now"),),
    "another beneficiary": (("beneficiary: on_behalf_of", "beneficiary: triggered_by"),),
    "another owner": (("business: olivia", "business: dana"),),
    "another model": (('version: "5"', 'version: "6"'),),
    "a shorter clock that escalates": (("within: 1h", "within: 30m"),),
    "another account": (("T0SHOP/U0OLIVIA", "T0SHOP/U0OTHER"),),
    "another host": (("hosts: [desk.example]", "hosts: [desk.example, other.example]"),),
}


@pytest.mark.parametrize(
    ("edits", "loosens"),
    [
        pytest.param(edits, loosens, id=name)
        for loosens, cases in ((True, LESS), (False, NO_LESS), (None, MAYBE))
        for name, edits in cases.items()
    ],
)
def test_whether_less_is_asked_for(edits: tuple[tuple[str, str], ...], loosens: bool | None) -> None:
    assert {change.loosens for change in told(*edits)} == {loosens}


def test_a_new_hold_asks_for_no_less_only_where_its_plan_covers_every_default_plan() -> None:
    """A hold stands in for the default plan: `lead` is weaker than `both`, which `undo.pay` has."""
    rule = 'rules: [{{name: more, when: "true", hold: {}}}]'
    (weaker,) = told(more=rule.format("lead"))
    assert weaker.loosens is None
    plan = "plans: {all: {stages: [{group: leads}, {group: finance, quorum: 2, level: login, reason_required: true}], "
    plan += "expires: 2h}}\n"
    calm = (", escalate_to: finance", ""), (" within: 1h", "")
    whole = diff(state(*calm), state(*calm, more=plan + rule.format("all")))
    assert [(change.section, change.loosens) for change in whole] == [("rules", False), ("plans", False)]


def test_an_allow_that_could_not_err_is_missed_by_nobody() -> None:
    rule = """rules: [{name: quick, when: 'action.name == "orders.pay" && bot.id != "x"', allow: true}]"""
    assert [change.loosens for change in diff(state(more=rule), state())] == [False]


def test_addresses_accounts_and_subjects_are_counted_not_told() -> None:
    old = PersonFile("dana", "Dana", ("old@shop.example",), subjects=frozenset({"customer:dana"}))
    accounts = (
        PersonIdentity("slack", "T0SHOP", "U0DANA"),
        PersonIdentity("oidc", "https://id.example", "dana@x.example"),
    )
    new = PersonFile("dana", "Dana", ("a@shop.example", "b@shop.example"), identities=accounts)
    empty = state().document
    (change,) = diff(State(empty, (old,)), State(empty, (new,)))
    assert change.sentences == (
        "person dana: gains 2 e-mail addresses",
        "person dana: loses an e-mail address",
        "person dana: loses a subject (customer)",
        "person dana: gains an account at Slack team T0SHOP",
        "person dana: gains an account at https://id.example",
    )
    assert change.loosens is True


def test_what_a_terminal_would_obey_is_escaped() -> None:
    (change,) = told(("< 10'", """< 10 || bot.id == "\\u001B[2J"' """.rstrip()))
    assert change.sentences[0].isprintable()


def test_a_higher_risk_may_ask_for_less_where_a_rule_reads_it() -> None:
    """A hold of what is moderate no longer holds what has become critical."""
    rule = "rules: [{name: mild, when: 'action.risk == \"moderate\"', hold: both}]"
    higher = (("risk: moderate", "risk: critical"),)
    assert [change.loosens for change in diff(state(more=rule), state(*higher, more=rule))] == [None]
    assert [change.loosens for change in told(*higher)] == [False]
