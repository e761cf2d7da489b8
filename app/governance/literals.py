"""String literals in CEL source that must name something that exists: time zones, actions, risks.

A rule that compares with a name that does not exist never matches, and nobody notices; so the source is read for them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from zoneinfo import ZoneInfo

from app.governance.built_in import BUILT_IN
from app.governance.cel import literal_value, time_zone_known
from app.governance.errors import ExpressionInvalid, RuleError
from app.governance.scopes import WORDS

_STRING = (
    r"""[rR](?:\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|"[^"\n]*"|'[^'\n]*')"""
    r"""|(?:\"{3}(?:\\[\s\S]|[^\\])*?\"{3}|'{3}(?:\\[\s\S]|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
)
_CLOCK = r"\.\s*get(?:FullYear|Month|Date|DayOfMonth|DayOfWeek|DayOfYear|Hours|Minutes|Seconds|Milliseconds)\s*\("
_TOKEN = re.compile(rf"//[^\n]*|(?P<clock>{_CLOCK})\s*(?P<zone>{_STRING}|[^)\s])?|(?P<string>{_STRING})")
_OFFSET = re.compile(r"[+-]?\d{2}:\d{2}")

_FACT = r"(?P<fact>action\.name|(?:action|chain)\.(?:risk|reversibility))"
_COMPARED = re.compile(rf"(?<![\w.]){_FACT}\s*(?:==|!=)\s*(?P<one>{_STRING})")
_REVERSED = re.compile(rf"(?P<one>{_STRING})\s*(?:==|!=)\s*{_FACT}(?!\w)")
_LISTED = re.compile(rf"(?<![\w.]){_FACT}\s+in\s+\[(?P<many>(?:\s*(?:{_STRING})\s*,?)*)\]")


def literal_findings(source: str, actions: Collection[str]) -> Iterator[str]:
    """What is wrong with the literals of an expression that compiles."""
    yield from _zone_findings(source)
    known: Mapping[str, Collection[str]] = {"name": actions, **WORDS}
    for fact, literal in _compared(source):
        value = _value(literal)
        if value is not None and value not in known[fact.split(".")[1]] and value not in BUILT_IN:
            yield f"{fact} is never {value!r}: there is no such {fact.split('.')[1].replace('name', 'action')}"


def _compared(source: str) -> Iterator[tuple[str, str]]:
    for match in (*_COMPARED.finditer(source), *_REVERSED.finditer(source)):
        yield match["fact"], match["one"]
    for match in _LISTED.finditer(source):
        yield from ((match["fact"], literal) for literal in re.findall(_STRING, match["many"]))


def _zone_findings(source: str) -> Iterator[str]:
    for match in _TOKEN.finditer(source):
        literal = match["zone"]
        if match["clock"] is None or literal is None:
            continue
        zone = _value(literal) if re.fullmatch(_STRING, literal) else None
        if zone is None:
            yield "a time zone must be written out as a string, so that it can be tried"
        elif not _zone_known(zone, literal):
            yield f"the time zone {zone!r} is unknown"


def _zone_known(zone: str, literal: str) -> bool:
    if not time_zone_known(literal):
        return False
    return _OFFSET.fullmatch(zone) is not None or zone_exists(zone)


def zone_exists(name: str) -> bool:
    """True when Python knows the IANA time zone."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError):
        return False
    except LookupError:
        return False
    return True


def _value(literal: str) -> str | None:
    try:
        return literal_value(literal)
    except (ExpressionInvalid, RuleError):
        return None
