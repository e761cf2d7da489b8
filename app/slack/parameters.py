"""Parameters as JSON to read: sorted, a line for each, nothing in a string that could pass for structure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import rfc8785

from app.slack.text import all_ascii, excerpt, quoted, right_to_left, visible
from app.use_cases.card_facts import HIDDEN, Hidden

NOT_SHOWN = "⟨not shown⟩"
"""Stands where a value is masked. Within quotes it would be somebody's text; outside of them only we write it."""

_INDENT = "  "
_MAX_GROWTH = 2
"""Deep nesting is not indented where that would make more than this of it, and some."""


def printed(parameters: Any) -> str:
    """All parameters in full. With each `NOT_SHOWN` read as a value, what stands within the braces is JSON."""
    if not isinstance(parameters, dict):
        return _best(parameters)
    return ",\n".join(f"{_key(key)}: {_best(parameters[key])}" for key in _ordered(parameters))


def _best(value: Any) -> str:
    """Indented, or on one line where the indentation of deep nesting would bury it."""
    flat = compact(value)
    most = _MAX_GROWTH * len(flat) + 1_000
    pieces: list[str] = []
    for piece in _indented(value, "\n"):
        pieces.append(piece)
        most -= len(piece)
        if most < 0:
            return flat
    return "".join(pieces)


def _indented(value: Any, newline: str) -> Iterator[str]:
    inner = newline + _INDENT
    if isinstance(value, dict) and value:
        for n, key in enumerate(_ordered(value)):
            yield f"{',' if n else '{'}{inner}{_key(key)}: "
            yield from _indented(value[key], inner)
        yield newline + "}"
    elif isinstance(value, list | tuple) and value:
        for n, one in enumerate(value):
            yield f"{',' if n else '['}{inner}"
            yield from _indented(one, inner)
        yield newline + "]"
    else:
        yield _scalar(value)


def compact(value: Any) -> str:
    """A value on one line. Letters written from right to left are escaped: they would turn round what is beside."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)}: {compact(value[key])}" for key in _ordered(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(compact, value)) + "]"
    said = _scalar(value)
    return all_ascii(said) if isinstance(value, str) and right_to_left(said) else said


def _scalar(value: Any) -> str:
    if isinstance(value, Hidden):
        return NOT_SHOWN
    if isinstance(value, str):
        return quoted(value)
    return rfc8785.dumps(value).decode()


def _key(key: str) -> str:
    said = quoted(key)
    return all_ascii(said) if right_to_left(said) else said


def _ordered(value: dict[str, Any]) -> list[str]:
    """As RFC 8785 sorts: by UTF-16 code units."""
    return sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))


def holds_hidden(facts_parameters: Any, not_shown: tuple[str, ...]) -> bool:
    """True when some value is masked."""
    return bool(not_shown) or NOT_SHOWN in _hidden_in(facts_parameters)


def _hidden_in(value: Any) -> Iterator[str]:
    level = [value]
    while level:
        if any(isinstance(one, Hidden) for one in level):
            yield NOT_SHOWN
            return
        level = [child for one in level for child in _children(one)]


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else []


def telling(parameters: Any, most: int) -> str:
    """As many parameters as fit into ``most`` characters, numbers and short ones first, and how many are left out.

    ``HIDDEN`` ones are named as not shown.
    """
    if not isinstance(parameters, dict):
        return excerpt(compact(parameters), most - 50, "on the card")
    said = [f"{_key(key)}: {compact(value)}" for key, value in sorted(parameters.items(), key=_telling)]
    for kept in range(len(said), -1, -1):
        left = len(said) - kept
        text = "\n".join(
            [*said[:kept], *([f"({left} of {len(said)} parameters are not repeated here)"] if left else [])]
        )
        if len(text) <= most:
            return text
    return ""


def _telling(item: tuple[str, Any]) -> tuple[bool, int, str]:
    key, value = item
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return not number, len(compact(value)), key


def pointer(path: str) -> str:
    """A JSON pointer of a value that is not shown, fit to be listed; the whole of the parameters is ``""``."""
    return visible(path).replace("\n", "\\n").replace("\t", "\\t") or '""'


__all__ = ["HIDDEN", "NOT_SHOWN", "compact", "holds_hidden", "pointer", "printed", "telling"]
