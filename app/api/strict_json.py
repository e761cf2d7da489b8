"""JSON that every parser reads alike (RFC 8259, I-JSON RFC 7493), or none at all."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from app.domain.errors import Malformed

MAX_DEPTH = 64
MAX_NUMBER = 2**53 - 1
"""Beyond it two parsers may read one text as two integers, and what was signed is not what runs."""

_UNSAFE = re.compile("[\0\ud800-\udfff]")
_BOM = b"\xef\xbb\xbf"


def loads(raw: bytes) -> Any:
    """The value of one JSON text.

    Raises Malformed for what is not JSON in UTF-8 without a byte order mark, and for duplicate keys, NUL and lone
    surrogates in strings and keys, numbers that are not finite or beyond ±(2^53-1), nesting beyond 64.
    """
    if raw.startswith(_BOM):
        raise Malformed("The body starts with a byte order mark; send UTF-8 without one.")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("The body is not valid UTF-8.") from None
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        raise Malformed(f"The body is not JSON: {error.msg} at character {error.pos}.") from None
    _check(value)
    return value


def _check(value: Any) -> None:
    """Depth and strings, without recursion: the depth is not known to be harmless yet."""
    level, depth = [value], 0
    while level:
        containers = [item for item in level if isinstance(item, dict | list)]
        depth += 1
        if containers and depth > MAX_DEPTH:
            raise _too_deep()
        for text in (item for item in level if isinstance(item, str)):
            _safe(text)
        level = [child for container in containers for child in _children(container)]


def _children(container: dict[str, Any] | list[Any]) -> Iterator[Any]:
    if isinstance(container, dict):
        yield from container.keys()
        yield from container.values()
    else:
        yield from container


def _safe(text: str) -> None:
    found = _UNSAFE.search(text)
    if found is not None:
        what = "a NUL character" if found[0] == "\0" else "half of a surrogate pair"
        raise Malformed(f"A string or key in the body holds {what}.")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("An object in the body has the same key twice.")
    return found


def _integer(digits: str) -> int:
    # int() takes quadratic time over its digits; 17 hold a sign and every number that is allowed.
    if len(digits) > 17 or abs(int(digits)) > MAX_NUMBER:
        raise _beyond()
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise Malformed("A number in the body is not finite.")
    if abs(number) > MAX_NUMBER:  # RFC 8785 would write it as the integer that it is
        raise _beyond()
    return number


def _constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is not JSON.")


def _beyond() -> Malformed:
    return Malformed("A number in the body is beyond ±(2^53-1); send it as a string.")


def _too_deep() -> Malformed:
    return Malformed(f"The body is nested more than {MAX_DEPTH} deep.")


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_int=_integer, parse_float=_number, parse_constant=_constant)
