"""Each thing that `policy check` finds, by example: the broken line, and where and what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.errors import GovernanceInvalid
from app.governance.check import check
from app.governance.files import load
from tests.governance.small import write

LATER = "not honoured by this version of Interlock"

CASES = [
    # people
    ("id: rita, name: Rita", "id: Rita!, name: Rita", "people.yaml: people[Rita!].id", "does not match"),
    ("id: rita, name: Rita", "id: rita", "people.yaml: people[rita].name", "is missing"),
    ("id: rita, name: Rita", "id: rita, name: 7", "people.yaml: people[rita].name", "must be a valid string"),
    ("id: rita,", "id: tom,", "people.yaml: people[tom]", "the name tom is taken in people.yaml already"),
    ("name: Rita", "name: Rita, shoe: 38", "people.yaml: people[rita].shoe", "unknown key"),
    ("Europe/Vienna", "Europe/Wien", "people.yaml: people[dana].time_zone", "'Europe/Wien' is unknown"),
    ("Europe/Vienna", "../etc/passwd", "people.yaml: people[dana].time_zone", "is unknown"),
    ("customer:olivia", "olivia", "people.yaml: people[olivia].subjects[0]", "is not a subject"),
    ("customer:olivia", "customer:oli\\u200bvia", "people.yaml: people[olivia].subjects[0]", "is not a subject"),
    (
        "name: Rita",
        'name: Rita, subjects: ["Customer:olivia"]',
        "people.yaml: people[rita].subjects[0]",
        "the subject Customer:olivia is olivia's already",
    ),
    (
        "name: Rita",
        "name: Rita, identities: [{slack: T0SHOP/U0OLIVIA}]",
        "people.yaml: people[rita].identities[0]",
        "this identity is olivia's already",
    ),
    (
        "name: Rita",
        'name: Rita, identities: [{oidc: {iss: "https://id.example", sub: "1"}}]',
        "people.yaml: people[rita].identities[0]",
        "this identity is olivia's already",
    ),
    (
        "name: Rita",
        "name: Rita, emails: [Olivia@shop.example]",
        "people.yaml: people[rita].emails[0]",
        "is olivia's already",
    ),
    (
        "name: Rita",
        "name: Rita, identities: [{}]",
        "people.yaml: people[rita].identities[0]",
        "name one of slack, oidc",
    ),
    # groups
    ("[rita, sam]", "[rita, zoe]", "people.yaml: groups[finance].members[1]", "there is no person zoe"),
    ("may: [respond]", "may: [rule]", "people.yaml: groups[responders].may[0]", "must be 'respond'"),
    ("members: [rita, sam]", "claim: fin", "people.yaml: groups[finance].claim", LATER),
    ("members: [rita, sam]", "members: [rita, sam], scim: f", "people.yaml: groups[finance].scim", LATER),
    ("[sam, tom], may", "[sam, sam], may", "people.yaml: groups[admins].members", "at least two distinct persons"),
    ("administer, audit", "audit", "groups", "at least two distinct persons"),
    # targets
    ("hosts: [desk.example]", "hosts: [other]", "things.yml: targets[desk].url", "desk.example is not in hosts"),
    ("hosts: [desk.example]", "hosts: []", "things.yml: targets[desk].hosts", "at least 1 item"),
    ("https://desk.example/api", "http://desk.example", "things.yml: targets[desk].url", "need private: true"),
    ("https://desk.example/api", "https://127.0.0.1", "things.yml: targets[desk].url", "need private: true"),
    ("https://desk.example/api", "https://u@desk.example", "things.yml: targets[desk].url", "without user"),
    ("https://desk.example/api", "ftp://desk.example", "things.yml: targets[desk].url", "must be http(s)"),
    ("https://desk.example/api", "https://desk.example:x", "things.yml: targets[desk].url", "is not a URL"),
    # bots
    ("deployed_by: tom", "deployed_by: zoe", "things.yml: bots[bot].deployed_by", "there is no person zoe"),
    ('"orders.*"', '"order.*"', "things.yml: bots[bot].entitlements[0]", "order.* matches no action"),
    ("legal: sam, ", "", "things.yml: bots[bot].owners.legal", "the seat is empty"),
    ("group:responders", "group:nobody", "things.yml: bots[bot].owners.incident", "there is no group nobody"),
    ("[ivan], may", "[], may", "things.yml: bots[bot].owners.incident", "the seat is empty: nobody is in"),
    ("business: olivia", "business: sam", "things.yml: bots[bot].owners.security", "business and security must differ"),
    ("business: olivia", "business: sam", "things.yml: bots[bot].owners.exceptions", "business and exceptions"),
    ("permissions: tom", "permissions: sam", "things.yml: bots[bot].owners.exceptions", "permissions and exceptions"),
    ("deployed_by: tom", "deployed_by: sam", "things.yml: bots[bot].owners.security", "deployed_by and security"),
    ("[ivan], may", "[ivan, rita], may", "things.yml: bots[bot].owners.rollback", "rita holds both"),
    # actions
    ("name: orders.read", "name: interlock.read", "things.yml: actions[interlock.read]", "Interlock's own"),
    ("risk: moderate", "risk: huge", "things.yml: actions[orders.pay].risk", "must be 'low', 'moderate'"),
    ("default_plan: lead", "default_plan: le", "things.yml: actions[orders.pay].default_plan", "there is no plan le"),
    ("    default_plan: lead\n", "", "things.yml: actions[orders.pay]", "default_plan is missing"),
    (
        "target: desk, path: /pay",
        "target: d, path: /pay",
        "things.yml: actions[orders.pay].run.http.target",
        "no target d",
    ),
    ("path: /pay", "path: //evil", "things.yml: actions[orders.pay].run.http.path", "does not match"),
    ("path: /pay", "path: /../x", "things.yml: actions[orders.pay].run.http.path", "does not match"),
    ("method: POST", "method: GET", "things.yml: actions[orders.pay].run.http.method", "must be 'POST'"),
    ("timeout: 5s", "timeout: 5", "things.yml: actions[orders.pay].run.http.timeout", "valid string"),
    ("timeout: 5s", "timeout: 0s", "things.yml: actions[orders.pay].run.http.timeout", "is not between"),
    ("timeout: 5s", "timeout: 999999999999d", "things.yml: actions[orders.pay].run.http.timeout", "is not between"),
    ("timeout: 5s", "timeout: 5 sec", "things.yml: actions[orders.pay].run.http.timeout", "is not a duration"),
    ("run: {bot: {target: desk}}", "run: {}", "things.yml: actions[orders.read].run", "name one of http, bot"),
    (
        "{bot: {target: desk}}",
        "{temporal: {target: desk, task_queue: interlock, activity: read}}",
        "things.yml: actions[orders.read].run.temporal.task_queue",
        "Interlock's own",
    ),
    (
        "{bot: {target: desk}}",
        "{temporal: {target: desk, task_queue: desk, activity: __stack_trace}}",
        "things.yml: actions[orders.read].run.temporal.activity",
        "does not match",
    ),
    (
        "{bot: {target: desk}}",
        "{temporal: {target: desk, task_queue: desk, activity: read, start_within: 61s}}",
        "things.yml: actions[orders.read].run.temporal.start_within",
        "not between 1ms and 60s",
    ),
    (
        "{bot: {target: desk}}",
        "{temporal: {target: nobody, task_queue: desk, activity: read}}",
        "things.yml: actions[orders.read].run.temporal.target",
        "there is no target nobody",
    ),
    (
        "{bot: {target: desk}}",
        "{temporal: {target: desk, task_queue: desk, activity: read}}",
        "things.yml: actions[orders.read].run.temporal.target",
        "nobody could fetch the grant",
    ),
    ("risk: low", "risk: critical", "things.yml: actions[orders.read]", "default_plan is missing"),
    # what undoes
    (
        "{action: undo.pay",
        "{action: undo.it",
        "things.yml: actions[orders.pay].rollback.action",
        "there is no action undo.it",
    ),
    (
        "within: 72h, plan: both",
        "within: 72h, plan: bo",
        "things.yml: actions[orders.pay].rollback.plan",
        "there is no plan bo",
    ),
    (
        "{action: undo.pay",
        "{action: orders.pay",
        "things.yml: actions[orders.pay].rollback.action",
        "does not undo itself",
    ),
    ("{action: undo.pay", "{action: orders.read", "things.yml: actions[orders.pay].rollback.action", "is run by a bot"),
    (
        "'{\"payment\": outcome.result.id}'",
        "outcome.status",
        "things.yml: actions[orders.pay].rollback.parameters",
        "must return MAP",
    ),
    (
        "outcome.result.id",
        "outcome.id",
        "things.yml: actions[orders.pay].rollback.parameters",
        "undeclared reference to 'outcome.id'",
    ),
    # parameters
    (
        "{type: integer}",
        "{type: number}",
        "rules.yaml: windows[paid].sum",
        "amount is not an integer in the schema of orders.pay",
    ),
    (
        "{type: integer}",
        "{type: whole}",
        "things.yml: actions[orders.pay].parameters.properties.amount.type",
        "not JSON Schema",
    ),
    (
        "parameters: {type: object}",
        "parameters: {type: array}",
        "things.yml: actions[orders.read].parameters.type",
        "must be object",
    ),
    (
        "parameters: {type: object}",
        "parameters: []",
        "things.yml: actions[orders.read].parameters",
        "must be an object",
    ),
    (
        "{type: integer}",
        "{type: integer, format: money}",
        "things.yml: actions[orders.pay].parameters.properties.amount.format",
        LATER,
    ),
    ("^c:[a-z]+$", "(?=x)", "things.yml: actions[orders.pay].parameters.properties.to.pattern", "regular expression"),
    (
        "{type: integer}",
        '{$ref: "https://x.example"}',
        "things.yml: actions[orders.pay].parameters.properties.amount.$ref",
        "#/",
    ),
    ("{type: integer}", '{$ref: "#/no"}', "things.yml: actions[orders.pay].parameters.properties.amount.$ref", "#/"),
    (
        "parameters: {type: object}",
        'parameters: {type: object, $ref: "#"}',
        "things.yml: actions[orders.read].parameters",
        "without end",
    ),
    (
        "parameters: {type: object}",
        "parameters: {type: object, additionalProperties: {x-sensitive: true}}",
        "things.yml: actions[orders.read].parameters.additionalProperties.x-sensitive",
        "can be masked",
    ),
    # expressions
    (
        "beneficiary: on_behalf_of",
        "beneficiary: parameters.size() > 1",
        "things.yml: actions[orders.pay].beneficiary",
        "returns BOOL",
    ),
    (
        "beneficiary: on_behalf_of",
        "beneficiary: windows.paid",
        "things.yml: actions[orders.pay].beneficiary",
        "undeclared",
    ),
    ("parameters.to : null", "1 : 2", "things.yml: actions[orders.pay].conflict_key", "returns INT"),
    (
        "beneficiary: on_behalf_of",
        "value_at_risk: action.name",
        "things.yml: actions[orders.pay].value_at_risk",
        "returns STRING",
    ),
    (
        "beneficiary: on_behalf_of",
        "value_at_risk: windows.paid",
        "things.yml: actions[orders.pay].value_at_risk",
        "undeclared",
    ),
    ("parameters.amount < 10", "parameters.amount <", "rules.yaml: rules[small].when", "Syntax error"),
    (
        "'action.name == \"orders.pay\" && parameters.amount < 10'",
        "parameters.flag",
        "rules.yaml: rules[small].when",
        "returns DYN",
    ),
    (
        "parameters.amount < 10",
        'action.rsik == "low"',
        "rules.yaml: rules[small].when",
        "undeclared reference to 'action.rsik'",
    ),
    (
        "parameters.amount < 10",
        "windows.piad < 10",
        "rules.yaml: rules[small].when",
        "undeclared reference to 'windows.piad'",
    ),
    ("parameters.amount < 10", "has(bot.model_changed)", "rules.yaml: rules[small].when", "is always there"),
    ("parameters.amount < 10", 'action.risk == "mild"', "rules.yaml: rules[small].when", "there is no such risk"),
    (
        "parameters.amount < 10",
        '"none" != chain.reversibility',
        "rules.yaml: rules[small].when",
        "no such reversibility",
    ),
    (
        "parameters.amount < 10",
        'action.name in ["orders.pay", "orders.buy"]',
        "rules.yaml: rules[small].when",
        "never 'orders.buy'",
    ),
    (
        "parameters.amount < 10",
        'now.getHours("Mars/Base") < 6',
        "rules.yaml: rules[small].when",
        "'Mars/Base' is unknown",
    ),
    ("parameters.amount < 10", "now.getDate(environment) < 6", "rules.yaml: rules[small].when", "must be written out"),
    ("parameters.amount < 10", "true" + " && true" * 300, "rules.yaml: rules[small].when", "at most 2048 bytes"),
    # rules, windows, plans
    ("amount < 10', allow: true", "amount < 10'", "rules.yaml: rules[small]", "say one of allow: true"),
    ("amount < 10', allow: true", "amount < 10', allow: true, deny: x", "rules.yaml: rules[small]", "say one of"),
    ("amount < 10', allow: true", "amount < 10', allow: false", "rules.yaml: rules[small].allow", "must be True"),
    ("hold: both", "hold: bo", "rules.yaml: rules[big].hold", "there is no plan bo"),
    ("action: orders.pay, sum", "action: order.pay, sum", "rules.yaml: windows[paid].action", "matches no action"),
    ("per: [bot,", "per: [group,", "rules.yaml: windows[paid].per[0]", "must be 'bot'"),
    ("quorum: 2", "quorum: 0", "rules.yaml: plans[both].stages[1].quorum", "greater than or equal to 1"),
    ("quorum: 2", "quorum: true", "rules.yaml: plans[both].stages[1].quorum", "valid integer"),
    ("within: 1h", "within: 2bh", "rules.yaml: plans[lead].stages[0].within", "or as in 4 business hours"),
    ("within: 1h", "within: {business: 2h}", "rules.yaml: plans[lead].stages[0].within", "valid string"),
    ("expires: 4h", "expires: 4 business hours", "rules.yaml: plans[lead].expires", "counts elapsed time, as in 12h"),
    ("timeout: 5s", "timeout: 5 working days", "things.yml: actions[orders.pay].run.http.timeout", "elapsed time"),
    (
        "escalate_to: finance",
        "escalate_to: none",
        "rules.yaml: plans[lead].stages[0].escalate_to",
        "there is no group none",
    ),
    ("fallback: finance", "fallback: none", "rules.yaml: plans[lead].fallback", "there is no group none"),
    ("on_expiry: deny", "on_expiry: allow", "rules.yaml: plans[both].on_expiry", "must be 'deny'"),
    ("{group: leads}, {name", "{group: finance}, {name", "rules.yaml: plans[both]", "the group finance is there twice"),
    ("expires: 4h", "expire: 4h", "rules.yaml: plans[lead].expires", "is missing"),
    ("  lead: {stages", "  Lead!: {stages", "rules.yaml: plans[Lead!]", "does not match"),
    ("windows:", "budgets: []\nwindows:", "rules.yaml: budgets", "budgets are a bot's: they stand in its entry"),
    ("windows:", "colours: []\nwindows:", "rules.yaml: colours", "unknown key"),
    ("\nplans:", "\n  - nonsense\nplans:", "rules.yaml: rules[3]", "object"),
]


@pytest.mark.parametrize(("old", "new", "where", "what"), CASES)
def test_each_defect_is_found_where_it_is(tmp_path: Path, old: str, new: str, where: str, what: str) -> None:
    findings = check(write(tmp_path, (old, new)))
    assert [finding for finding in findings if finding.where == where and what in finding.what], findings


def test_the_small_governance_is_without_findings(tmp_path: Path) -> None:
    assert check(write(tmp_path)) == []


def test_a_bot_may_run_what_changes_something_and_interlock_what_undoes_it(tmp_path: Path) -> None:
    paid = "{http: {target: desk, path: /pay, method: POST, idempotent: true, timeout: 5s}}"
    assert check(write(tmp_path, (paid, "{bot: {target: desk, start_within: 1m}}"))) == []


def test_all_findings_are_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, ("hold: both", "hold: bo"), ("within: 1h", "within: 1w"), ("[rita, sam]", "[rita, zoe]"))
    with pytest.raises(GovernanceInvalid) as caught:
        load(tmp_path)
    assert {finding.where.split(":")[0] for finding in caught.value.findings} == {"people.yaml", "rules.yaml"}
    assert len(caught.value.findings) == 3


def test_an_entry_with_a_defect_is_still_there_for_those_who_name_it(tmp_path: Path) -> None:
    findings = check(write(tmp_path, ("within: 1h", "within: 1w")))
    assert [finding.where for finding in findings] == ["rules.yaml: plans[lead].stages[0].within"]


def test_one_name_in_two_files_is_refused(tmp_path: Path) -> None:
    write(tmp_path, files={"more.yaml": "groups:\n  - {name: leads, members: [dana]}\n"})
    assert [(finding.where, finding.what) for finding in check(tmp_path)] == [
        ("people.yaml: groups[leads]", "the name leads is taken in more.yaml already")
    ]


def test_a_compensating_action_without_owners_of_its_own_has_eight_empty_seats(tmp_path: Path) -> None:
    text = (write(tmp_path) / "things.yml").read_text()
    (tmp_path / "things.yml").write_text(text[: text.rindex("    owners:")])
    findings = check(tmp_path)
    assert len(findings) == 8
    assert all("no bot is entitled" in finding.what for finding in findings)


def test_a_seat_that_an_action_overrides_must_differ_from_those_that_it_inherits(tmp_path: Path) -> None:
    write(tmp_path, ("    default_plan: lead\n", "    default_plan: lead\n    owners: {business: sam}\n"))
    assert {(finding.where, finding.what) for finding in check(tmp_path)} == {
        ("things.yml: actions[orders.pay].owners.business", "business and security must differ; sam holds both"),
        ("things.yml: actions[orders.pay].owners.business", "business and exceptions must differ; sam holds both"),
    }


def test_a_folder_that_is_not_there_or_holds_nothing_is_a_finding(tmp_path: Path) -> None:
    assert "cannot be read" in check(tmp_path / "none")[0].what
    assert any("holds no *.yaml" in finding.what for finding in check(tmp_path))


@pytest.mark.parametrize("zone", ['"Europe/Vienna"', "'UTC'", 'r"Asia/Kolkata"', '"+02:00"', '"""Asia/Tokyo"""', ""])
def test_time_zones_that_exist_pass(tmp_path: Path, zone: str) -> None:
    condition = f"now.getHours({zone}) < 25".replace("'", "''")
    assert check(write(tmp_path, ("parameters.amount < 10", condition))) == []
