"""The report of an incident for people to read. Texts of people and bots stand in code: nothing in them acts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Facts = Mapping[str, Any]

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Categories of characters that are not seen, or turn around what is."""

_STATES = {
    "failed": "Undoing it failed",
    "unknown": "Nobody knows whether it was undone",
    "skipped": "Left alone",
    "waiting": "Waits for its turn",
    "running": "Is being undone",
    "not-chosen": "Could be undone, and was not chosen",
    "not-reversible": "Could not be undone",
}


def markdown(report: Facts) -> str:
    """The report as CommonMark."""
    incident = report["incident"]
    parts: Iterable[Iterator[str]] = (
        _head(incident, report),
        _section("Totals", _totals(report)),
        _section("Timeline", (_event(event) for event in report["timeline"])),
        _section("Who signed", (line for one in report["rollbacks"] for line in _signed(one))),
        _section("Undone", map(_undone, report["undone"])),
        _section("Not undone", map(_left, report["not_undone"])),
        _summary(incident),
    )
    return "\n".join(line for part in parts for line in part) + "\n"


def code(text: object) -> str:
    """A text on one line as inline code: no link, no markup, nothing hidden."""
    shown = " ".join(_seen(str(text), keep="").split()) or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def block(text: str) -> list[str]:
    """A text with its lines, as a code block."""
    lines = _seen(text.replace("\r\n", "\n"), keep="\n\t").split("\n")
    fence = "`" * max(3, max((len(run) for line in lines for run in re.findall("`+", line)), default=0) + 1)
    return [f"{fence}text", *lines, fence]


def _seen(text: str, *, keep: str) -> str:
    return "".join(
        char if char in keep or unicodedata.category(char) not in _HIDDEN else _escaped(char) for char in text
    )


def _escaped(char: str) -> str:
    return " " if char in "\n\r\t" else f"\\u{{{ord(char):x}}}"


def _head(incident: Facts, report: Facts) -> Iterator[str]:
    yield from (f"# Incident: {code(incident['title'])}", "")
    yield f"- Id: {code(incident['id'])}, {incident['status'].replace('_', ' ')} as of {report['as_of']}"
    yield f"- Opened by {code(incident['opened_by'])} at {incident['opened_at']}"
    yield f"- Bots: {_all(incident['bots'])}"
    yield f"- Actions: {_all(incident['actions'])}"
    yield f"- Started from {incident['from']} to {incident['to']}"


def _all(names: Sequence[str]) -> str:
    return ", ".join(map(code, names)) or "all"


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    yield from list(lines) or ["Nothing."]


def _totals(report: Facts) -> Iterator[str]:
    totals = dict(report["totals"])
    values = {name: totals.pop(name) for name in ("value_undone", "value_left", "without_value")}
    yield from (f"- {name.replace('-', ' ').capitalize()}: {count}" for name, count in totals.items())
    yield f"- Value at risk: {values['value_undone']} undone, {values['value_left']} left;"
    yield f"  of {values['without_value']} requests nothing says it"
    if report["more_candidates"]:
        yield "- There are older requests that it is about, which are not in this report"


def _event(event: Facts) -> str:
    who = event.get("person") or event.get("by")
    shown = [event["what"].replace("-", " ")]
    shown += [f"{name} {code(event[name])}" for name in ("bot", "stage") if event.get(name)]
    shown += [] if who is None else [f"by {code(who)}"]
    shown += [f"{name} {code(event[name])}" for name in ("via", "level", "request", "status", "why") if event.get(name)]
    shown += [f"items {', '.join(map(str, event['items']))}"] if event.get("items") else []
    shown += [f"reason {code(event['reason'])}"] if event.get("reason") else []
    return f"- {event['at']}: {', '.join(shown)}"


def _signed(rollback: Facts) -> Iterator[str]:
    plan = "" if rollback["plan"] is None else f" under the plan {code(rollback['plan'])}"
    yield f"- Request {code(rollback['request'])} of {rollback['items']} items{plan}, {rollback['status']}:"
    yield f"  asked by {code(rollback['asked_by'])}, digest {code(rollback['digest'])}"
    for said in rollback["decisions"]:
        void = "" if said["standing"] else ", which stands no more"
        where = f"stage {code(said['stage'])}, {said['level']}, by {said['via']}"
        yield f"  - {code(said['person'])}: {said['decision']}, {where}, at {said['at']}{void}"


def _undone(fate: Facts) -> str:
    part = "" if fate["part_of"] is None else f" as part of {code(fate['part_of'])}"
    return f"- {_what(fate)}: undone at {fate['at']} by {code(fate['rollback'])}{part}"


def _left(fate: Facts) -> str:
    shown = [_STATES[fate["state"]]]
    shown += [f"by {code(fate['rollback'])}"] if fate["rollback"] else []
    shown += [f"the target answered {fate['error_status']}"] if fate.get("error_status") else []
    shown += [f"to be settled by {_all(fate['settle_by'])}"] if fate.get("settle_by") else []
    shown += [f"why: {code(fate['why'])}"] if fate["why"] else []
    return f"- {_what(fate)}: {', '.join(shown)}"


def _what(fate: Facts) -> str:
    value = "" if fate["value"] is None else f", value {fate['value']}"
    return f"{code(fate['action'])} {code(fate['request'])}{value}"


def _summary(incident: Facts) -> Iterator[str]:
    if incident["summary"] is not None:
        yield from ("", "## Summary", "")
        yield f"Closed by {code(incident['closed_by'])} at {incident['closed_at']}:"
        yield from ("", *block(incident["summary"]))
