"""The port to CEL: what does not come to a clean value is an error, never a yes (reference/policy.md, the trap)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.governance.cel import (
    ANY,
    MOMENT,
    OBJECT,
    Returns,
    Scope,
    compile_condition,
    compile_pattern,
    compile_value,
    matches,
)
from app.governance.errors import ExpressionInvalid, RuleError

SCOPE = Scope({"p": OBJECT, "x": ANY, "now": MOMENT, "bot.flag": ANY})


def holds(source: str, **facts: Any) -> bool:
    return compile_condition(source, SCOPE).holds(SCOPE.bind(facts))


def value(source: str, returns: Returns = Returns.KEY, **facts: Any) -> Any:
    return compile_value(source, SCOPE, returns).of(SCOPE.bind(facts))


@pytest.mark.parametrize(
    ("source", "facts", "why"),
    [
        ("p.amount > 1", {"p": {}}, "a key that it reads is missing: amount"),
        ("!(p.amount > 1)", {"p": {}}, "a key that it reads is missing: amount"),
        ("p[x] > 1", {"p": {}, "x": "secret"}, "a key that it reads is missing"),
        ("p.amount > 1", {"p": {"amount": "9"}}, "types that do not go together"),
        ("p.amount > 1", {"p": {"amount": None}}, "types that do not go together"),
        ("p.amount && true", {"p": {"amount": 5}}, "types that do not go together"),
        ("1 / p.zero > 1", {"p": {"zero": 0}}, "divides by zero"),
        ("p.n * 4 > 0", {"p": {"n": 2**62}}, "overflows"),
        ("p.list[3] == 1", {"p": {"list": []}}, "beyond the end"),
        ("x == 1", {}, "a fact that it reads is not there: x"),
        ("int(p.s) > 0", {"p": {"s": "secret"}}, "cannot be evaluated"),
        ("now.getHours(p.z) > 0", {"p": {"z": "Mars"}, "now": datetime.now(UTC)}, "unknown time zone"),
        ("p.l.all(a, p.l.all(b, p.l.all(c, true)))", {"p": {"l": list(range(300))}}, "10,000 iterations"),
    ],
)
def test_a_failure_is_an_error_and_never_a_yes(source: str, facts: dict[str, Any], why: str) -> None:
    with pytest.raises(RuleError, match=why) as caught:
        holds(source, **facts)
    assert "secret" not in str(caught.value)
    assert "Mars" not in str(caught.value)


@pytest.mark.parametrize(
    "fact",
    [
        "ok\0evil",
        "half \ud800",
        {"ok\0": 1},
        2**63,
        -(2**63) - 1,
        float("nan"),
        float("inf"),
        ["x"] * 1001,
        {str(n): n for n in range(1001)},
        datetime(2026, 1, 1),  # noqa: DTZ001  the point
        b"bytes",
        {1: 2},
        {"a"},
        object(),
    ],
)
def test_a_fact_that_cel_would_misread_is_refused(fact: Any) -> None:
    with pytest.raises(RuleError):
        holds("p.x == 'ok'", p={"x": fact})


def test_nesting_without_end_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(200):
        deep = [deep]
    with pytest.raises(RuleError):
        holds("true", x=deep)


def test_a_thousand_elements_are_taken() -> None:
    assert holds("p.x.size() == 1000", p={"x": [1] * 1000})


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("p.flag", "returns DYN"),
        ("1 + 1", "returns INT"),
        ("'true'", "returns STRING"),
        ("null", "returns NULL"),
        ("has(bot.flag)", "is always there"),
        ("true ||  has ( (bot . flag) )", "is always there"),
        ("y == 1", "undeclared"),
        ("", "Syntax error"),
        ("(" * 40 + "true" + ")" * 40, "does not compile"),
        ("true" + " " * 2048, "2048"),
        ("x == '\0'", "NUL"),
    ],
)
def test_a_condition_that_is_none_does_not_compile(source: str, why: str) -> None:
    with pytest.raises(ExpressionInvalid, match=why) as caught:
        compile_condition(source, SCOPE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "facts", "expected"),
    [
        ("has(p.x)", {"p": {}}, False),
        ("has(p.x)", {"p": {"x": None}}, True),
        ("has(p.x) && p.x > 1", {"p": {}}, False),
        ("p.x == 2", {"p": {"x": 2.0}}, True),
        ("p.x + 1 == 3", {"p": {"x": 2.0}}, True),
        ("p.x > 2", {"p": {"x": 2.5}}, True),
        ("p.x == true", {"p": {"x": True}}, True),
        ("p.x == 1", {"p": {"x": True}}, False),
        ("x == null", {"x": None}, True),
        ('x == "9"', {"x": 9}, False),
        ("p.l.exists(i, i.n == 3)", {"p": {"l": [{"n": 3}]}}, True),
        ('now.getHours("Europe/Vienna") == 14', {"now": datetime(2026, 7, 1, 12, tzinfo=UTC)}, True),
        ("now.getHours() == 10", {"now": datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))}, True),
    ],
)
def test_facts_are_what_they_are(source: str, facts: dict[str, Any], expected: bool) -> None:
    assert holds(source, **facts) is expected


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
)


@given(JSON)
def test_json_goes_through_unchanged_or_is_refused(given_value: Any) -> None:
    try:
        assert value("{'v': x}", Returns.MAP, x=given_value) == {"v": given_value}
    except RuleError:
        assert "\0" in repr(given_value).replace("\\x00", "\0")


@pytest.mark.parametrize("source", ["{'a': now}", "{'a': b'x'}", "{'a': 9007199254740993}", "{'a': {1: 2}}"])
def test_a_value_that_json_does_not_have_is_an_error(source: str) -> None:
    with pytest.raises((RuleError, ExpressionInvalid)):
        value(source, Returns.MAP, now=datetime.now(UTC), p={})


def test_patterns_run_in_linear_time_and_end_at_the_end() -> None:
    pattern = compile_pattern(r"^(a+)+$")
    assert matches(pattern, "aaa")
    assert not matches(pattern, "a" * 50_000 + "b")
    assert not matches(pattern, "aaa\n")
    assert not matches(compile_pattern(r"^\d$"), "٣")
    assert matches(compile_pattern('^"\\\\ü😀$'), '"\\ü😀')


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "a\0"])
def test_patterns_that_re2_does_not_take_are_refused(pattern: str) -> None:
    with pytest.raises(ExpressionInvalid):
        compile_pattern(pattern)
