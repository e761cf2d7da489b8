"""Rules and windows compared, in words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.governance.built_in import PREFIX
from app.governance.diff_plans import adds_only, plan_differences
from app.governance.differences import Both, Json, Said, anyhow, quoted, together

_STRICTNESS = {"allow": 0, "hold": 1, "deny": 2}
_NEVER_ERRS = re.compile(
    r"(?:\s|\(|\)|&&|\|\||!=|==|!|true|false|\"[^\"\\]*\"|'[^'\\]*'"
    r"|action\.(?:name|risk|reversibility)|chain\.(?:risk|reversibility)|bot\.id|environment)*"
)
"""Comparisons of texts that are always there: nothing in them can fail."""


def rule_added(both: Both, rule: Json) -> Iterator[Said]:
    """An allow asks for less; a hold may too, for its plan stands in for the action's default plan."""
    word = _word(rule)
    yield Said(f"is new: {_in_words(rule)}", word == "allow" or _holds_anew(both, rule))


def _holds_anew(both: Both, rule: Json) -> bool | None:
    """What a rule comes to that did not hold before."""
    held = rule["hold"] is not None
    return None if held and not adds_only(both, both.new.of("plans")[rule["hold"]]) else False


def rule_removed(both: Both, rule: Json) -> Iterator[Said]:
    """An allow that is gone may ask for less only where it erred, for then it denied."""
    others = (
        bool(both.new.of("rules")) and PREFIX.rstrip(".") not in rule["when"]
    )  # then they err on what none can read
    safe = _word(rule) == "allow" and others and _NEVER_ERRS.fullmatch(rule["when"]) is not None
    gone = None if _word(rule) == "allow" else True
    yield Said(f"is gone: {_in_words(rule)}", False if safe else gone)


def rule_changed(both: Both, old: Json, new: Json) -> Iterator[Said]:
    """Its condition, and what it says."""
    if old["when"] != new["when"]:
        yield Said(f"its condition is now {quoted(new['when'])} (was {quoted(old['when'])})")
    if _says(old) != _says(new):
        yield Said(f"it {_says(new)} (was: {_says(old)})", _says_less(both, old, new))
    yield from anyhow(old, new, "name", "when", "allow", "hold", "deny")


def _says_less(both: Both, old: Json, new: Json) -> bool | None:
    was, now = _word(old), _word(new)
    if _STRICTNESS[now] < _STRICTNESS[was]:
        return True
    if now == "deny":
        return False
    if was == "allow":
        return _holds_anew(both, new)
    plans = both.old.of("plans")[old["hold"]], both.new.of("plans")[new["hold"]]
    return together(plan_differences(both, *plans))


def _word(rule: Json) -> str:
    return next(word for word in _STRICTNESS if rule[word] is not None)


def _says(rule: Json) -> str:
    said = {"allow": "allows", "hold": f"holds under {rule['hold']}", "deny": f"denies: {rule['deny']}"}
    return said[_word(rule)]


def _in_words(rule: Json) -> str:
    return f"when {quoted(rule['when'])} it {_says(rule)}"


def window_in_words(window: Json) -> str:
    """What it counts."""
    what = "counts requests" if window["sum"] is None else f"sums {window['sum']}"
    per = f", by {' and '.join(window['per'])}" if window["per"] else ""
    return f"{what} of {window['action']} over {window['over']}{per}"


def window_changed(_both: Both, old: Json, new: Json) -> Iterator[Said]:
    """A greater figure is more to one rule and less to another: which, only the rules say."""
    if window_in_words(old) != window_in_words(new):
        yield Said(f"{window_in_words(new)} (was: {window_in_words(old)})")
    yield from anyhow(old, new, "name", "action", "sum", "over", "per")
