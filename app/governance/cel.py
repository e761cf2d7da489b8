"""Our port to cel-expr-python, and the only module that imports it.

The engine does not raise at run time: it returns a value of type ERROR or UNKNOWN whose Python form is a non-empty
string, hence true. So nothing here trusts a value before its type: a condition holds only when the engine says BOOL and
True, and whatever else it says is a `RuleError`, on which callers refuse (reference/policy.md).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any

from cel_expr_python import cel  # type: ignore[import-untyped]  # its stubs are there, its py.typed is not

from app.governance.errors import ExpressionInvalid, RuleError

MAX_SOURCE = 2048
MAX_ITEMS = 1000
MAX_DEPTH = 64
_SAFE_INTEGER = 2**53
_UNFIT = re.compile("[\0\ud800-\udfff]")
_INT64 = range(-(2**63), 2**63)

TEXT, INTEGER, TRUTH, MOMENT, ANY = cel.Type.STRING, cel.Type.INT, cel.Type.BOOL, cel.Type.TIMESTAMP, cel.Type.DYN
TEXTS = cel.Type.List(cel.Type.STRING)
OBJECT = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)


class Returns(Enum):
    """What an expression may return, as the type names that the compiler gives it."""

    CONDITION = re.compile(r"BOOL")
    SUBJECTS = re.compile(r"STRING|NULL|DYN|LIST<(STRING|DYN)>")
    KEY = re.compile(r"STRING|NULL|DYN")
    MAP = re.compile(r"MAP<(STRING|DYN), .*>")
    NUMBER = re.compile(r"INT|UINT|DOUBLE|NULL|DYN")


class Scope:
    """The names that an expression may use, each with its type. A dotted name is one fact: a typo does not compile."""

    def __init__(self, names: Mapping[str, cel.Type]) -> None:
        self.names = frozenset(names)
        self._dotted = sorted(name for name in names if "." in name)
        self._env = cel.NewEnv(variables=dict(names))

    def compile(self, source: str, returns: Returns) -> cel.Expression:
        """The compiled expression. Raises `ExpressionInvalid`: too long, does not compile, wrong type."""
        if len(source.encode()) > MAX_SOURCE or "\0" in source:
            raise ExpressionInvalid(f"an expression is at most {MAX_SOURCE} bytes, without NUL")
        self._refuse_idle_has(source)
        try:
            compiled = self._env.compile(source)
        except Exception as error:  # the engine raises plain RuntimeError, its binding also others
            raise ExpressionInvalid("does not compile: " + _first_line(str(error))) from error
        kind = compiled.return_type().name()
        if not returns.value.fullmatch(kind):
            raise ExpressionInvalid(f"returns {kind}, and must return {returns.value.pattern}")
        return compiled

    def _refuse_idle_has(self, source: str) -> None:
        # The engine takes has() of a whole variable for its value: has(bot.model_changed) would mean the flag itself.
        for name in self._dotted:
            spelled = r"\s*\.\s*".join(name.split("."))
            if re.search(rf"\bhas\s*\([\s(]*{spelled}\s*\)", source):
                raise ExpressionInvalid(f"has({name}) says nothing: {name} is always there")

    def bind(self, facts: Mapping[str, Any]) -> Facts:
        """Facts for the expressions of this scope. Raises `RuleError` for values that CEL would misread."""
        data = {name: _plain(value, 0) for name, value in facts.items() if name in self.names}
        try:
            return Facts(self._env.Activation(data))
        except Exception as error:
            raise RuleError("the facts cannot be put before the rules") from error


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts, converted once for many expressions of one scope."""

    activation: cel.Activation


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition."""

    source: str
    compiled: cel.Expression

    def holds(self, facts: Facts) -> bool:
        """True or false. Raises `RuleError` for everything that is not a clean truth value."""
        value = _evaluate(self.source, self.compiled, facts)
        if value.type() != cel.Type.BOOL:
            raise RuleError("it did not come to true or false")
        return value.value() is True


@dataclass(frozen=True, slots=True)
class ValueExpression:
    """A compiled expression that computes something."""

    source: str
    compiled: cel.Expression

    def of(self, facts: Facts) -> Any:
        """Its value as JSON. Raises `RuleError` when it fails, or comes to something that JSON does not have."""
        return _json(_evaluate(self.source, self.compiled, facts).plain_value())


def compile_condition(source: str, scope: Scope) -> Condition:
    """A condition. Raises `ExpressionInvalid`, also when its compile-time type is not BOOL."""
    return Condition(source, scope.compile(source, Returns.CONDITION))


def compile_value(source: str, scope: Scope, returns: Returns) -> ValueExpression:
    """An expression that computes a value. Raises `ExpressionInvalid`."""
    return ValueExpression(source, scope.compile(source, returns))


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> Condition:
    """A regular expression in RE2, to be used by `matches`: linear time, `$` only at the very end.

    Raises `ExpressionInvalid` for what RE2 does not take (look-around, back-references).
    """
    if "\0" in pattern:
        raise ExpressionInvalid("a regular expression holds NUL")
    literal = json.dumps(pattern, ensure_ascii=False)
    condition = compile_condition(f"text.matches({literal})", _PATTERN_SCOPE)
    try:
        matches(condition, "")
    except RuleError as error:
        raise ExpressionInvalid("is not a regular expression of RE2") from error
    return condition


def matches(pattern: Condition, text: str) -> bool:
    """True when the pattern is somewhere in the text. Raises `RuleError` for a text that CEL would cut short."""
    return pattern.holds(_PATTERN_SCOPE.bind({"text": text}))


def time_zone_known(literal: str) -> bool:
    """True when the engine knows the time zone that this CEL string literal spells."""
    try:
        compiled = _ZONE_SCOPE.compile(f"now.getHours({literal}) >= 0", Returns.CONDITION)
        return Condition(literal, compiled).holds(_ZONE_SCOPE.bind({"now": datetime(2026, 1, 1, tzinfo=UTC)}))
    except (ExpressionInvalid, RuleError):
        return False


def literal_value(literal: str) -> str:
    """What a CEL string literal spells. Raises `ExpressionInvalid` or `RuleError` when it is none."""
    expression = compile_value(literal, _ZONE_SCOPE, Returns.KEY)
    return str(expression.of(_ZONE_SCOPE.bind({})))


_PATTERN_SCOPE = Scope({"text": TEXT})
_ZONE_SCOPE = Scope({"now": MOMENT})


def _evaluate(source: str, compiled: cel.Expression, facts: Facts) -> cel.Value:
    try:
        value = compiled.eval(facts.activation)
    except Exception as error:
        raise RuleError(_sentence(str(error), source)) from error
    if value.type() in (cel.Type.ERROR, cel.Type.UNKNOWN):
        raise RuleError(_sentence(str(value.value()), source))
    return value


_SENTENCES = {
    "Key not found": "a key that it reads is missing",
    "No value with name": "a fact that it reads is not there",
    "No matching overload": "it brings together values of types that do not go together",
    "by zero": "it divides by zero",
    "overflow": "a number overflows",
    "Index error": "it reads beyond the end of a list",
    "timezone": "it names an unknown time zone",
    "budget exceeded": "it takes more than 10,000 iterations",
}


def _sentence(message: str, source: str) -> str:
    """Our sentence for an engine's message, which may quote a value of the facts: only words of the source pass."""
    sentence = next((ours for theirs, ours in _SENTENCES.items() if theirs in message), "it cannot be evaluated")
    quoted = re.search(r'"([^"]*)"', message)
    known = quoted is not None and re.search(rf"(?<!\w){re.escape(quoted[1])}(?!\w)", source)
    return f"{sentence}: {quoted[1]}" if quoted and known and quoted[1] else sentence


def _first_line(message: str) -> str:
    line = (message.splitlines() or ["unknown reason"])[0]
    return re.sub(r"^INVALID_ARGUMENT: (ERROR: <input>:)?|\s*\[[A-Z_]+\]$", "", line)


def _plain(value: Any, depth: int) -> Any:
    """A fact as CEL takes it without loss. What it would cut, round or overflow is refused: it would mislead rules."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return _integer(int(value))
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, datetime):
        return _moment(value)
    return _container(value, depth)


def _container(value: Any, depth: int) -> Any:
    if not isinstance(value, Mapping | list | tuple):
        raise RuleError(f"a fact is of the type {type(value).__name__}")
    if depth >= MAX_DEPTH or len(value) > MAX_ITEMS:
        raise RuleError(f"the facts hold a list of more than {MAX_ITEMS} elements, or nest deeper than {MAX_DEPTH}")
    if isinstance(value, Mapping):
        return {_text(key): _plain(item, depth + 1) for key, item in value.items()}
    return [_plain(item, depth + 1) for item in value]


def _text(value: Any) -> str:
    # The engine ends a string at NUL: "ok\0evil" would equal "ok".
    if not isinstance(value, str) or _UNFIT.search(value):
        raise RuleError("a string of the facts holds NUL or half a surrogate pair")
    return value


def _integer(value: int) -> int:
    if value not in _INT64:
        raise RuleError("an integer of the facts is beyond 64 bits")
    return value


def _number(value: float) -> float | int:
    if not math.isfinite(value):
        raise RuleError("a number of the facts is not finite")
    # 2.0 and 2 are one number in JSON and in the digest, so they are one here.
    return int(value) if value.is_integer() and abs(value) < _SAFE_INTEGER else value


def _moment(value: datetime) -> datetime:
    # The engine reads any datetime as if it were in UTC.
    if value.tzinfo is None:
        raise RuleError("a moment of the facts has no time zone")
    return value.astimezone(UTC)


def _json(value: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int) and abs(value) < _SAFE_INTEGER:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, list):
        return [_json(item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _json(item) for key, item in value.items()}
    raise RuleError("it came to a value that JSON does not have")
