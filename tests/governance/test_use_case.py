"""A bot's statement is worked out from the rules, and compared with one that was approved."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.governance.catalogue import covers
from app.governance.files import load_files
from app.governance.policy import Policy, compile_policy
from app.governance.use_case import Approved, Statement, beyond, from_json, in_words, missing, statement, stopped
from tests.drafts import draft

NOW = datetime(2026, 1, 5, 23, 59, tzinfo=UTC)
ALLOWED = ("allowed", 'has(parameters.mode) && parameters.mode == "allow"')
DATA = ("    title: Something moderate\n", "    title: Something moderate\n    data: [payment]\n")


@cache
def policy(*edits: tuple[str, str]) -> Policy:
    """The rules of tests/rules, changed like this."""
    return compile_policy(load_files(draft(*edits)).document, "test")


def said(*edits: tuple[str, str], bot: str = "bot") -> Statement:
    rules = policy(*edits)
    return statement(rules, rules.bots[bot])


def rule(when: str) -> tuple[str, str]:
    """One more rule that allows."""
    return "rules:\n", f"rules:\n  - {{name: more, when: '{when}', allow: true}}\n"


def test_what_the_rules_say() -> None:
    assert said() == Statement(
        title="A bot",
        purpose="Tests",
        data=("personal",),
        entitlements=("do.*", "look.*"),
        model={"provider": "example", "name": "chat", "version": "1"},
        reads=("look.briefly", "look.up"),
        rules=(ALLOWED,),
    )
    assert said(bot="other-bot").reads == ()


def test_the_data_of_its_actions_is_its_own() -> None:
    """Whatever its use case names."""
    assert (said(DATA).data, said(DATA, bot="other-bot").data) == (("payment", "personal"), ("payment",))


def test_a_critical_read_is_held() -> None:
    critical = "title: Look something up\n    risk: low", "title: Look something up\n    risk: critical"
    assert said(critical).reads == ("look.briefly",)


@pytest.mark.parametrize(
    ("when", "bots"),
    [
        ("true", {"bot", "other-bot"}),
        ('action.name == "do.high"', {"bot"}),
        ('action.name == "do.high" && chain.length == 1', {"bot"}),
        ('action.name == "do.moderate"', {"bot", "other-bot"}),
        ('bot.id == "other-bot"', {"other-bot"}),
        ('bot.id=="other-bot" && action.name=="do.high"', set()),
        ('action.name == "look.up"', set()),
        ('action.name == "do.high" || bot.id == "other-bot"', {"bot", "other-bot"}),
        ('!(action.name == "look.up")', {"bot", "other-bot"}),
        ('action.name != "look.up"', {"bot", "other-bot"}),
        ('action.risk == "low" ? action.name == "look.up" : true', {"bot", "other-bot"}),
        ('action.name in ["look.up"]', {"bot", "other-bot"}),
    ],
)
def test_whose_autonomy_a_rule_is(when: str, bots: set[str]) -> None:
    """Where it cannot be told it is everybody's."""
    more = {bot for bot in ("bot", "other-bot") if len(said(rule(when), bot=bot).rules) == 2}
    assert more == bots


def test_a_rule_that_holds_or_denies_is_no_autonomy() -> None:
    assert said(("rules:\n", "rules:\n  - {name: more, when: 'true', hold: one}\n")).rules == (ALLOWED,)


@pytest.mark.parametrize("edits", [(), (DATA,), (rule("true"),)], ids=["as it is", "data", "a rule"])
def test_it_is_stored_as_it_is(edits: tuple[tuple[str, str], ...]) -> None:
    whole = said(*edits)
    assert from_json(json.loads(json.dumps(whole.as_json()))) == whole


def approved(**changed: Any) -> Approved:
    return Approved(replace(said(), **changed), date(2026, 1, 5))


def test_within_what_is_approved() -> None:
    bot = policy().bots["bot"]
    assert stopped(bot, approved(), NOW) is None
    assert stopped(bot, approved(title="Else", data=("personal", "more"), model=None, reads=(), rules=()), NOW) is None
    assert beyond(policy().actions["do.high"], approved(entitlements=("do.h*",))) is None


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"purpose": "Else"}, "purpose"),
        ({"purpose": None}, "purpose"),
        ({"data": ()}, "data"),
        ({"model": {"name": "chat"}}, "model"),
    ],
)
def test_what_stops_a_bot(changed: dict[str, Any], word: str) -> None:
    why = stopped(policy().bots["bot"], approved(**changed), NOW)
    assert why is not None
    assert word in why
    assert "interlock.use_cases.approve" in why


def test_its_last_day() -> None:
    """By UTC, to its end."""
    bot = policy().bots["bot"]
    why = stopped(bot, approved(), datetime(2026, 1, 6, tzinfo=UTC))
    assert why is not None
    assert "2026-01-05" in why


def test_what_is_missing() -> None:
    """Nothing of what is narrower; the rest by name."""
    now = said(DATA, rule("true"))
    assert missing(now, now) == []
    assert missing(now, replace(now, entitlements=("*",), data=("payment", "personal", "x"), model=None)) == []
    before = replace(said(), purpose="Else", entitlements=("do.*",), reads=("look.up",), model={"name": "chat"})
    assert [one.partition(":")[0] for one in missing(now, before)] == [
        "purpose",
        "model",
        "data",
        "entitlements",
        "reads without being held",
        "runs without a person by the rule more",
    ]


def test_what_signers_read() -> None:
    found = in_words(said(DATA), replace(said(), purpose="Else", entitlements=("do.*",), rules=(), reads=("look.old",)))
    assert found[0] == "purpose: `Tests` (approved is `Else`)"
    assert "data: payment, personal (new: payment)" in found
    assert "entitled to: do.*, look.* (new: look.*)" in found
    assert "reads without being held: look.briefly, look.up (new: look.briefly, look.up; no longer: look.old)" in found
    assert found[-1].startswith("runs without a person by the rule allowed: when ")
    assert found[-1].endswith(" (new)")
    assert "new" not in " ".join(in_words(said(), None))
    assert in_words(replace(said(), rules=(), data=()), None)[-1] == "all else waits for people"


PATTERNS = st.text("ab.*", min_size=1, max_size=6)


@given(one=PATTERNS, other=PATTERNS, name=st.text("ab.", max_size=6))
def test_a_pattern_that_is_not_missing_covers_all_of_it(one: str, other: str, name: str) -> None:
    now, before = replace(said(), entitlements=(one,)), replace(said(), entitlements=(other,))
    if not missing(now, before) and covers(one, name):
        assert covers(other, name)
