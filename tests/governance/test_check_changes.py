"""A draft under which nobody could change the rules any more is not in order; what only tightens is."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from app.governance.check import check
from tests.governance.small import write

PUBLISHING = 'action.name == "interlock.policy.publish"'
ALL_OF_OURS = 'action.name.startsWith("interlock.")'


def found(folder: Path, *rules: str, plan: str = "", edits: tuple[tuple[str, str], ...] = ()) -> list[str]:
    """What is wrong with the small governance with these rules and this plan more."""
    more = "".join(f"  - {{name: r{number}, {rule}}}\n" for number, rule in enumerate(rules))
    write(folder, ("plans:\n", f"{more}plans:\n{plan}"), *edits)
    return [f"{one.where}: {one.what}" for one in check(folder)]


@pytest.mark.parametrize(
    ("when", "then", "says"),
    [
        (PUBLISHING, "deny: Never", "denies interlock.policy.publish always from now on"),
        (ALL_OF_OURS, "deny: Never", "denies interlock.policy.publish always from now on"),
        (f"{ALL_OF_OURS} && environment == 'production'", "deny: Never", "always from now on"),
        (f"{ALL_OF_OURS} && parameters.bot == 'bot'", "deny: Not this", "fails on, and so denies,"),
        (f"{PUBLISHING} && windows.paid > 1", "hold: both", "fails on, and so denies,"),
        (f"{PUBLISHING} && now < timestamp('2999-01-01T00:00:00Z')", "deny: Later", "always from now on"),
        (f"{PUBLISHING} && now > timestamp('2031-09-01T00:00:00Z')", "deny: Over", "always ten years from now"),
        (f"{PUBLISHING} && !has(parameters.more)", "deny: No", "always from now on"),
        (f"{PUBLISHING} && parameters.files.exists(f, f == 'a.yaml')", "hold: both", "may not go through lists"),
    ],
)
def test_a_rule_that_would_lock_everybody_out_is_named(tmp_path: Path, when: str, then: str, says: str) -> None:
    quoted = when.replace("'", "''")
    (finding,) = found(tmp_path, f"when: '{quoted}', {then}")
    assert finding.startswith("rules.yaml: rules[r0]")
    assert says in finding


def test_two_rules_that_leave_no_time_between_them_are_both_named(tmp_path: Path) -> None:
    hours = f'{PUBLISHING} && now.getHours("Europe/Vienna")'
    by_night, by_day = f"when: '{hours} < 6', deny: By night", f"when: '{hours} > 5', deny: By day"
    assert found(tmp_path, by_night) == []
    assert [one.split(":")[1].strip() for one in found(tmp_path, by_night, by_day)] == ["rules[r0]", "rules[r1]"]


@pytest.mark.parametrize(
    ("when", "then"),
    [
        (f'{PUBLISHING} && now.getDayOfWeek("Europe/Vienna") != 2', "deny: On Tuesdays"),
        (f'{PUBLISHING} && now.getMonth("Europe/Vienna") == 11', "deny: Not before Christmas"),
        (f"{PUBLISHING} && !has(parameters.base)", "deny: Say from what"),
        (f"{PUBLISHING} && has(parameters.base)", "deny: Do not say"),
        ('action.name == "interlock.bots.resume"', "deny: They stay stopped"),
        (PUBLISHING, "hold: lead"),
        (ALL_OF_OURS, "hold: lead"),
    ],
)
def test_what_only_tightens_is_in_order(tmp_path: Path, when: str, then: str) -> None:
    assert found(tmp_path, f"when: '{when}', {then}") == []


def test_with_a_third_administrator_the_other_two_need_not_sign_twice(tmp_path: Path) -> None:
    third = ("members: [sam, tom], may: [administer", "members: [sam, tom, ivan], may: [administer")
    assert found(tmp_path, f"when: '{PUBLISHING}', hold: both", edits=(third,)) == []


@pytest.mark.parametrize(
    ("plan", "fits"),
    [
        ("{stages: [{group: admins}], expires: 4h}", False),  # two are all: one asks, one signs the built-in stage
        ("{stages: [{group: finance}, {group: leads, quorum: 2}], expires: 4h}", True),
        ("{stages: [{group: finance, quorum: 2}], expires: 4h}", False),  # one of them is the other administrator
        ("{stages: [{group: finance}, {group: responders}, {group: leads, quorum: 2}], expires: 4h}", True),
        ("{stages: [{group: finance, quorum: 2}], expires: 4h, allow_repeat: true}", False),
        ("{stages: [{group: finance, quorum: 3, escalate_to: leads}], expires: 4h}", True),
        ("{stages: [{group: finance, quorum: 3}], expires: 4h}", False),
        ("{stages: [{group: finance}], expires: 1m}", False),
        ("{stages: [{group: finance, within: 1s}], expires: 1h}", False),
        ("{stages: [{group: finance, within: 10m}], expires: 10m}", True),
    ],
)
def test_a_plan_must_leave_enough_people_and_time(tmp_path: Path, plan: str, fits: bool) -> None:
    findings = found(tmp_path, f"when: '{PUBLISHING}', hold: heavy", plan=f"  heavy: {plan}\n")
    assert bool(findings) is not fits, findings
    assert all(one.startswith("rules.yaml: rules[r0]: holds interlock.policy.publish for ") for one in findings)


def test_a_draft_that_takes_long_to_look_at_is_not_looked_at_for_long(tmp_path: Path) -> None:
    """Each look matches a long text by many patterns; there are thousands of looks."""
    costly = " || ".join(f'"{"y" * 700}".matches("(.*x){{8}}{number}")' for number in range(2))
    rules = [f"when: '{PUBLISHING} && !({costly})', deny: Never"] * 50
    before = time.monotonic()
    findings = found(tmp_path, *rules)
    assert time.monotonic() - before < 30
    assert len(findings) == len(rules)
