"""Budgets of a bot and the calendar of a group compared, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.domain.clocks import duration
from app.governance.differences import Json, Said, anyhow, listed, moved, now_and_then, quoted


def budgets_in_words(old: list[Json], new: list[Json]) -> Iterator[Said]:
    """By name: what they allow, and of what."""
    before, after = ({budget["name"]: budget for budget in budgets} for budgets in (old, new))
    for name, budget in before.items():
        if name not in after:
            yield Said(f"budget {name} is gone ({_budget(budget)})", loosens=True)
        else:
            for said in _budget_changed(budget, after[name]):
                yield said._replace(sentence=f"budget {name}: {said.sentence}")
    for name, budget in after.items():
        if name not in before:
            yield Said(f"budget {name} is new: {_budget(budget)}", loosens=False)
    kept = [name for name in after if name in before]
    if kept != [name for name in before if name in after]:
        yield Said(f"its budgets come in another order: {listed(after)}", loosens=False)


def _budget(budget: Json) -> str:
    over = f" over {budget['over']}" if budget["over"] else ""
    return f"at most {budget['at_most']} {_what(budget)} by {budget['action']}{over}"


def _what(budget: Json) -> str:
    return {None: f"of {budget['sum']}", "holds": "held at once"}.get(budget["count"], str(budget["count"]))


def _budget_changed(old: Json, new: Json) -> Iterator[Said]:
    if old["at_most"] != new["at_most"]:
        yield Said(f"at most {new['at_most']} instead of {old['at_most']}", new["at_most"] > old["at_most"])
    if _what(old) != _what(new):
        yield Said(f"counts {_what(new)} instead of {_what(old)}")
    if old["action"] != new["action"]:
        yield Said(f"by {quoted(new['action'])} instead of {quoted(old['action'])}")
    if old["over"] != new["over"]:
        yield Said(now_and_then("over", old["over"], new["over"]), _sooner(old["over"], new["over"]))
    yield from anyhow(old, new, "name", "action", "count", "sum", "at_most", "over")


def _sooner(old: str | None, new: str | None) -> bool | None:
    """True when what was taken is forgotten sooner; None where there is nothing to compare."""
    return None if old is None or new is None else duration(new) < duration(old)


def calendar_in_words(old: Json | None, new: Json | None) -> Iterator[Said]:
    """Hours, days and holidays; each may give more time, or bring in others sooner."""
    if old is None or new is None:
        if old != new:
            words = [None if one is None else _calendar(one) for one in (old, new)]
            yield Said(now_and_then("calendar", *words))
        return
    for key, word in (("hours", str), ("time_zone", str), ("days", listed), ("holidays", _holidays)):
        if old[key] != new[key]:
            yield Said(f"calendar: {now_and_then(key, _or_none(word, old[key]), _or_none(word, new[key]))}")
    came, went = moved(old["closed"], new["closed"])
    if came:
        yield Said(f"calendar: closed on {listed(came)}, too")
    if went:
        yield Said(f"calendar: no longer closed on {listed(went)}")
    if not (came or went) and old["closed"] != new["closed"]:
        yield Said(f"calendar: its days off come in another order: {listed(new['closed'])}", loosens=False)
    told = ("hours", "time_zone", "days", "holidays", "closed")
    for said in anyhow(old, new, *told):
        yield said._replace(sentence=f"calendar: {said.sentence}")


def _calendar(calendar: Json) -> str:
    free = "" if calendar["holidays"] is None else f", but for the holidays of {_holidays(calendar['holidays'])}"
    closed = f", closed on {listed(calendar['closed'])}" if calendar["closed"] else ""
    return f"{listed(calendar['days'])} {calendar['hours']} in {calendar['time_zone']}{free}{closed}"


def _holidays(holidays: Json) -> str:
    part = holidays["subdivision"]
    return str(holidays["country"]) + (f"-{part}" if part else "")


def _or_none(word: Any, value: Any) -> str | None:
    return None if value is None else word(value)
