"""What a target answered, made small and storable."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

MAX_BODY = 64 * 1024
MAX_NESTING = 64
MAX_SAFE = 2**53 - 1
"""The largest integer of I-JSON (RFC 7493): RFC 8785 takes none beyond it."""

REPLACEMENT = "\ufffd"


@dataclass(frozen=True, slots=True)
class Body:
    """The first `MAX_BODY` bytes of an answer; ``whole``: there were no more."""

    data: bytes
    whole: bool


class NotStorable(ValueError):
    """Not JSON that can be kept; the sentence says why."""


def as_result(body: Body) -> tuple[Any, str | None]:
    """The JSON value of a good answer and None; or None and a sentence that says why it was not kept."""
    if not body.data:
        return None, None
    try:
        return as_json(body), None
    except NotStorable as reason:
        return None, f"The answer's body was not kept: {reason}."


def as_error(status: int, body: Body) -> dict[str, Any]:
    """``{status, body}`` of a bad answer; the body as JSON, else as text, and ``truncated: true`` when cut."""
    try:
        return {"status": status, "body": as_json(body) if body.data else None}
    except NotStorable:
        text = storable_text(body.data.decode("utf-8", errors="replace"))
        return {"status": status, "body": text} | ({} if body.whole else {"truncated": True})


def as_json(body: Body) -> Any:
    """The body as a JSON value that PostgreSQL's jsonb and RFC 8785 both take. Raises `NotStorable`."""
    if not body.whole:
        raise NotStorable(f"it is over {MAX_BODY} bytes")
    try:
        value = json.loads(body.data.decode("utf-8"), parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise NotStorable("it is not JSON") from error
    return storable(value)


def storable(value: Any, depth: int = 0) -> Any:
    """A JSON value without what cannot be stored.

    NUL (jsonb refuses it) and lone surrogates become U+FFFD, integers beyond `MAX_SAFE` their decimal text.
    Raises `NotStorable` beyond `MAX_NESTING` levels.
    """
    if depth > MAX_NESTING:
        raise NotStorable(f"it is nested deeper than {MAX_NESTING} levels")
    match value:
        case str():
            return storable_text(value)
        case dict():
            return {storable_text(key): storable(item, depth + 1) for key, item in value.items()}
        case list():
            return [storable(item, depth + 1) for item in value]
        case int() if abs(value) > MAX_SAFE:
            return str(value)
    return value


def storable_text(text: str) -> str:
    """Text with NUL and lone surrogates as U+FFFD, one each."""
    return "".join(REPLACEMENT if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in text)


def _refuse(constant: str) -> Any:
    raise NotStorable(f"it contains {constant}")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise NotStorable("it contains a number beyond a double")
    return number
