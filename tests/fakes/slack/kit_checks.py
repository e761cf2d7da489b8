"""Checks of JSON values: each gives one sentence for each thing that Slack would refuse, with a pointer to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

Check = Callable[[Any, str], Iterator[str]]
Object = dict[str, Any]


def problem(sentence: str, where: str) -> str:
    """One problem as Slack words it: the sentence and the JSON pointer."""
    return f"{sentence} [json-pointer:{where}]"


def string(most: int, least: int = 1, *, blank: bool = False) -> Check:
    """A string of `least` to `most` code points; only with `blank` may it be all white space."""

    def check(value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield problem("must be a string", where)
        elif len(value) > most:
            yield problem(f"must be less than {most + 1} characters", where)
        elif len(value) < least:
            yield problem(f"must be more than {least - 1} characters", where)
        elif least and not blank and not value.strip():
            yield problem("must not be blank", where)

    return check


def pattern(expression: str, said: str, most: int = 3000) -> Check:
    """A string of at most `most` code points that matches `expression` from end to end; `said` is what it must be."""

    def check(value: Any, where: str) -> Iterator[str]:
        yield from string(most)(value, where)
        if isinstance(value, str) and not re.fullmatch(expression, value, re.DOTALL):
            yield problem(f"must be {said}", where)

    return check


def url(most: int = 3000) -> Check:
    """An http or https address."""
    return pattern(r"https?://[^\s<>|]+", "a valid URL", most)


def choice(*values: Any) -> Check:
    """One of `values`."""

    def check(value: Any, where: str) -> Iterator[str]:
        if not any(value == allowed and type(value) is type(allowed) for allowed in values):
            yield problem(f"must be one of {', '.join(map(str, values))}", where)

    return check


def boolean(value: Any, where: str) -> Iterator[str]:
    """True or false."""
    if not isinstance(value, bool):
        yield problem("must be a boolean", where)


def whole(least: int, most: int) -> Check:
    """A whole number from `least` to `most`."""

    def check(value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            yield problem(f"must be a whole number from {least} to {most}", where)

    return check


def listing(of: Check, most: int, least: int = 1) -> Check:
    """A list of `least` to `most` values that all pass `of`."""

    def check(value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield problem("must be an array", where)
            return
        if len(value) > most:
            yield problem(f"no more than {most} items allowed", where)
        if len(value) < least:
            yield problem(f"no fewer than {least} items required", where)
        for index, one in enumerate(value):
            yield from of(one, f"{where}/{index}")

    return check


def thing(kind: str | None, needed: dict[str, Check], may: dict[str, Check] | None = None) -> Check:
    """An object with all of `needed`, perhaps some of `may`, and nothing else; `kind` is its type, None has none."""
    known = {**({"type": choice(kind)} if kind else {}), **needed, **(may or {})}

    def check(value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield problem("must be an object", where)
            return
        for key in (key for key in ("type", *needed) if key in known and key not in value):
            yield problem(f"missing required field: {key}", where)
        for key, one in value.items():
            if key in known:
                yield from known[key](one, f"{where}/{key}")
            else:
                yield problem(f"invalid additional property: {key}", where)

    return check


def kinds(**checks: Check) -> Check:
    """An object that passes the check of its type; other types are problems."""

    def check(value: Any, where: str) -> Iterator[str]:
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind not in checks:
            yield problem(f"unsupported type: {kind}", where)
        else:
            yield from checks[kind](value, where)

    return check


def every(*checks: Check) -> Check:
    """Passes all of `checks`."""

    def check(value: Any, where: str) -> Iterator[str]:
        for one in checks:
            yield from one(value, where)

    return check


def plain(most: int) -> Check:
    """A plain_text object of at most `most` code points."""
    return thing("plain_text", {"text": string(most)}, {"emoji": boolean})


def text(most: int) -> Check:
    """A plain_text or mrkdwn object of at most `most` code points."""
    return kinds(plain_text=plain(most), mrkdwn=thing("mrkdwn", {"text": string(most)}, {"verbatim": boolean}))


def some_of(*keys: str) -> Check:
    """An object that has at least one of `keys`."""

    def check(value: Any, where: str) -> Iterator[str]:
        if isinstance(value, dict) and not any(key in value for key in keys):
            yield problem(f"one of {', '.join(keys)} is required", where)

    return check
