"""Hostile bodies: what no strict reader of JSON takes, and what is JSON but not of the shape that was asked for."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from typing import Any

from tests.hostile.bodies_of_incidents import LONG, NO_REASON, OF_INCIDENTS
from tests.hostile.cases import (
    ASK,
    ATTEST,
    AWAY,
    BREAK,
    CANCEL,
    CHANGE,
    COMPARE,
    DECIDE,
    FETCH,
    GONE,
    GRANT,
    JSON,
    LINK,
    OUTCOME,
    ROLLBACK,
    ROUTES,
    SETTLE,
    SIMULATE,
    STOPS,
    Hostile,
    Route,
    by_both,
    by_some,
    encoded,
)

MIB = 1024 * 1024
MALFORMED: dict[str, Any] = {"status": 422, "problem": "malformed"}
Made = Callable[[Route], bytes]


def _good(route: Route) -> bytes:
    return encoded(route.good)


def _text(value: bytes) -> Made:
    """A string, given as JSON, where the route takes any text."""
    return lambda route: route.with_raw(route.text, b'"' + value + b'"')


def _value(value: bytes) -> Made:
    """A value where the route takes anything, if it does: in parameters, in a result."""

    def made(route: Route) -> bytes:
        if route in (ASK, CHANGE):
            return route.with_raw("parameters", b'{"thing":"t","amount":' + value + b"}")
        return route.with_raw("result" if route is OUTCOME else "more", value)

    return made


def _first_key_again(escaped: bool) -> Made:
    def made(route: Route) -> bytes:
        name = next(iter(route.good), "a")
        again = f"\\u{ord(name[0]):04x}{name[1:]}" if escaped else name
        first = _good(route) if route.good else b'{"a":1}'
        return first[:-1] + f',"{again}":"approve"}}'.encode()

    return made


NOT_JSON: dict[str, tuple[Made, str]] = {
    "nothing": (lambda _: b"", "not JSON"),
    "blanks": (lambda _: b" \r\n\t", "not JSON"),
    "an open brace": (lambda _: b"{", "not JSON"),
    "cut short": (lambda route: _good(route)[:-1], "not JSON"),
    "a comma too many": (lambda route: _good(route)[:-1] + b",}", "not JSON"),
    "more after it": (lambda route: _good(route) + b"x", "not JSON"),
    "two documents": (lambda route: _good(route) * 2, "not JSON"),
    "a comment": (lambda route: b"/* */" + _good(route), "not JSON"),
    "single quotes": (lambda route: _good(route).replace(b'"', b"'") if route.good else b"{'a':1}", "not JSON"),
    "a form": (lambda _: b"decision=approve", "not JSON"),
    "XML": (lambda _: b"<!DOCTYPE A [<!ENTITY B SYSTEM 'file:///etc/passwd'>]><A>&B;</A>", "not JSON"),
    "a raw NUL": (lambda route: _good(route) + b"\0", "not JSON"),
    "a raw NUL in a string": (_text(b"a\0b"), "not JSON"),
    "a raw line feed in a string": (_text(b"a\nb"), "not JSON"),
    "a bad escape": (_text(b"\\x41"), "not JSON"),
    "a byte order mark": (lambda route: b"\xef\xbb\xbf" + _good(route), "byte order mark"),
    "UTF-16": (lambda route: _good(route).decode().encode("utf-16"), "UTF-8"),
    "Latin-1": (_text("ü".encode("latin-1")), "UTF-8"),
    "an overlong NUL": (_text(b"\xc0\x80"), "UTF-8"),
    "a surrogate in UTF-8": (_text(b"\xed\xa0\x80"), "UTF-8"),
    "beyond Unicode": (_text(b"\xf4\x90\x80\x80"), "UTF-8"),
    "a cut character": (lambda route: _good(route) + b"\xe2\x82", "UTF-8"),
    "compressed": (lambda route: gzip.compress(_good(route), mtime=0), "UTF-8"),
}
NOT_STRICT: dict[str, tuple[Made, str]] = {
    "NUL": (_text(b"a\\u0000b"), "NUL"),
    "NUL in a key": (lambda route: route.with_raw("a\\u0000", b"1"), "NUL"),
    "a lone high surrogate": (_text(b"\\ud800"), "surrogate"),
    "a lone low surrogate": (_text(b"\\udc00"), "surrogate"),
    "surrogates in the wrong order": (_text(b"\\udc00\\ud800"), "surrogate"),
    "a lone surrogate in a key": (lambda route: route.with_raw("\\ud83d", b"1"), "surrogate"),
    "a key twice": (_first_key_again(escaped=False), "same key twice"),
    "a key twice, once in escapes": (_first_key_again(escaped=True), "same key twice"),
    "a key twice, further in": (_value(b'{"a":1,"a":1}'), "same key twice"),
    "2^53": (_value(b"9007199254740992"), "2^53"),
    "-2^53": (_value(b"-9007199254740992"), "2^53"),
    "2^53 with a fraction": (_value(b"9007199254740992.0"), "2^53"),
    "an integer of 100,000 digits": (_value(b"9" * 100_000), "2^53"),
    "1e400": (_value(b"1e400"), "finite"),
    "NaN": (_value(b"NaN"), "NaN"),
    "-Infinity": (_value(b"-Infinity"), "-Infinity"),
    "65 lists deep": (_value(b"[" * 65 + b"]" * 65), "nested"),
    "65 objects deep": (_value(b'{"a":' * 65 + b"1" + b"}" * 65), "nested"),
    "500,000 lists deep": (lambda _: b"[" * 500_000, "nested"),
    "100,000 objects deep": (lambda _: b'{"a":' * 100_000, "nested"),
}
NO_OBJECT = {"null": b"null", "true": b"true", "a number": b"1", "a string": b'"approve"', "a list": b"[]"}
UNKNOWN = ("decided_by", "asker", "__proto__", "version")


def _unread() -> Iterator[Hostile]:
    """The same for every route and caller: nothing of the body is believed."""
    for route in ROUTES:
        for name, (made, says) in {**NOT_JSON, **NOT_STRICT}.items():
            yield from by_some(route, Hostile(name, says=says, **MALFORMED, **route.sent(made(route))))
        for name, body in NO_OBJECT.items():
            yield from by_some(route, Hostile(name, says="The body", **MALFORMED, **route.sent(body)))
        for name in UNKNOWN:
            line = Hostile(
                f"the unknown field {name}",
                says=name,
                more={"where": name},
                **MALFORMED,
                **route.sent(route.changed(**{name: "dana"})),
            )
            yield from by_some(route, line)
        long = _good(route).ljust(MIB + 1)
        yield from by_some(route, Hostile("1 MiB and a byte", 413, "too-large", "1024 KiB", **route.sent(long)))


TYPES: dict[str, tuple[bytes, ...]] = {
    "text/plain": (b"text/plain",),
    "a form": (b"application/x-www-form-urlencoded",),
    "multipart": (b"multipart/form-data; boundary=x",),
    "another JSON": (b"application/vnd.api+json",),
    "two types in one": (b"application/json, text/plain",),
    "two headers": (b"application/json", b"application/json"),
    "UTF-16": (b"application/json; charset=utf-16",),
    "an unknown parameter": (b"application/json; version=2",),
    "an empty one": (b"",),
    "beyond ASCII": ("application/jsön".encode(),),
    "none": (),
}


def _undeclared() -> Iterator[Hostile]:
    """The body is good, and not said to be JSON: a browser's form could send it without asking."""
    for route in ROUTES:
        rest = tuple(line for line in route.headers if line is not JSON)
        for name, types in TYPES.items():
            headers = (*rest, *((b"Content-Type", value) for value in types))
            line = Hostile(
                f"declared as {name}",
                415,
                "not-json",
                "application/json",
                **route.sent(_good(route) + b" ", headers=headers),
            )
            yield from by_some(route, line)


NO_FILES: dict[str, tuple[dict[str, Any], str]] = {
    "no files": ({"files": GONE}, "files"),
    "null files": ({"files": None}, "files"),
    "not one file": ({"files": {}}, "files"),
    "a list of files": ({"files": ["people: []"]}, "files"),
    "33 files": ({"files": {f"{number}.yaml": "" for number in range(33)}}, "files"),
    "a number for a file": ({"files": {"a.yaml": 1}}, "files.a.yaml"),
    "a folder": ({"folder": "/etc"}, "folder"),
}
A_CALL = {"action": "a", "parameters": {}}
FIELDS: dict[Route, dict[str, tuple[dict[str, Any], str]]] = {
    ASK: {
        "no action": ({"action": GONE}, "action"),
        "an empty action": ({"action": ""}, "action"),
        "a long action": ({"action": "x" * 201}, "action"),
        "a list of actions": ({"action": ["do.moderate"]}, "action"),
        "no parameters": ({"parameters": GONE}, "parameters"),
        "null parameters": ({"parameters": None}, "parameters"),
        "a list of parameters": ({"parameters": []}, "parameters"),
        "parameters beyond 256 KiB": ({"parameters": {"thing": "x" * 256 * 1024}}, "256 KiB"),
        "a long reason": ({"reason": LONG}, "reason"),
        "nobody in particular": ({"on_behalf_of": "carl"}, "on_behalf_of"),
        "a subject with a blank": ({"on_behalf_of": "customer:a b"}, "on_behalf_of"),
        "a subject that looks like another": ({"on_behalf_of": "customer:car\u200bl"}, "on_behalf_of"),
        "a subject written from right to left": ({"triggered_by": "customer:\u202elrac"}, "triggered_by"),
        "a subject without an end": ({"triggered_by": "customer:" + "x" * 201}, "triggered_by"),
        "a scheme beyond ASCII": ({"on_behalf_of": "cu\u017ftomer:carl"}, "on_behalf_of"),
        "an empty subject": ({"on_behalf_of": ""}, "on_behalf_of"),
        "a parent that is no id": ({"parent": "x"}, "parent"),
        "a parent in braces": ({"parent": "{<held>}"}, "parent"),
        "a number supersedes": ({"supersedes": 1}, "supersedes"),
        "an unknown context": ({"context": {"other": "x"}}, "context.other"),
        "a long excerpt": ({"context": {"prompt_excerpt": "x" * 20_001}}, "context.prompt_excerpt"),
    },
    DECIDE: {
        "no decision": ({"decision": GONE}, "decision"),
        "an unknown decision": ({"decision": "yes"}, "decision"),
        "a decision in capitals": ({"decision": "APPROVE"}, "decision"),
        "a list of decisions": ({"decision": ["approve"]}, "decision"),
        "true for a decision": ({"decision": True}, "decision"),
        "no digest": ({"digest": GONE}, "digest"),
        "a null digest": ({"digest": None}, "digest"),
        "a long digest": ({"digest": "sha256:" + "0" * 200}, "digest"),
        "a long reason": ({"reason": LONG}, "reason"),
        "a denial without a reason": ({"decision": "deny"}, "reason"),
        "a denial with blanks for a reason": ({"decision": "deny", "reason": " \u3000\t"}, "reason"),
    },
    CANCEL: {"a long reason": ({"reason": LONG}, "reason"), "a list of reasons": ({"reason": ["x"]}, "reason")},
    GRANT: {"a digest": ({"digest": "<digest>"}, "digest")},
    OUTCOME: {
        "no status": ({"status": GONE}, "status"),
        "unknown": ({"status": "unknown"}, "status"),
        "held": ({"status": "held"}, "status"),
        "a long detail": ({"detail": LONG}, "detail"),
        "a result beyond 64 KiB": ({"result": "x" * 64 * 1024}, "64 KiB"),
    },
    SETTLE: {
        "no status": ({"status": GONE}, "status"),
        "cancelled": ({"status": "cancelled"}, "status"),
        "no reason": ({"reason": GONE}, "reason"),
        "blanks for a reason": ({"reason": " \u2003"}, "reason"),
        "a long reason": ({"reason": LONG}, "reason"),
    },
    ROLLBACK: {**NO_REASON, "an action of its own": ({"action": "do.back"}, "action")},
    **dict.fromkeys(STOPS, NO_REASON),
    CHANGE: {
        **NO_REASON,
        "no action": ({"action": GONE}, "action"),
        "an empty action": ({"action": ""}, "action"),
        "a long action": ({"action": "x" * 201}, "action"),
        "a list of actions": ({"action": ["interlock.bots.resume"]}, "action"),
        "no parameters": ({"parameters": GONE}, "parameters"),
        "null parameters": ({"parameters": None}, "parameters"),
        "a list of parameters": ({"parameters": []}, "parameters"),
        "somebody else who asks": ({"on_behalf_of": "customer:carl"}, "on_behalf_of"),
    },
    BREAK: {
        **NO_REASON,
        "no digest": ({"digest": GONE}, "digest"),
        "a null digest": ({"digest": None}, "digest"),
        "a long digest": ({"digest": "x" * 201}, "digest"),
        "somebody else who does it": ({"person": "nora"}, "person"),
    },
    ATTEST: {
        **NO_REASON,
        "no finding": ({"finding": GONE}, "finding"),
        "a finding of its own": ({"finding": "fine"}, "finding"),
        "somebody else who found it": ({"reviewer": "eve"}, "reviewer"),
    },
    AWAY: {
        **NO_REASON,
        "nobody": ({"to": GONE}, "to"),
        "an empty name": ({"to": ""}, "to"),
        "two delegates": ({"to": ["eve", "marco"]}, "to"),
        "no end": ({"until": GONE}, "until"),
        "a null end": ({"until": None}, "until"),
        "a number for an end": ({"until": 1_900_000_000}, "until"),
        "a date for an end": ({"until": "2030-01-19"}, "until"),
        "an end without its zone": ({"until": "2030-01-19T08:00:00"}, "until"),
        "an end that no calendar has": ({"until": "2030-02-30T08:00:00Z"}, "until"),
        "an end before the calendar": ({"until": "0001-01-01T00:00:00+14:00"}, "until"),
        "an end after the calendar": ({"until": "9999-12-31T23:59:59-14:00"}, "until"),
        "an end with full-width digits": ({"until": "\uff12\uff10\uff13\uff10-01-19T08:00:00Z"}, "until"),
        "a begin that is none": ({"from": "now"}, "from"),
        "for somebody else": ({"person": "marco"}, "person"),
        "a begin by another name": ({"begin": "2030-01-19T08:00:00Z"}, "begin"),
    },
    LINK: {
        "no code": ({"code": GONE}, "code"),
        "an empty code": ({"code": ""}, "code"),
        "a null code": ({"code": None}, "code"),
        "a number for a code": ({"code": 1}, "code"),
        "a list of codes": ({"code": ["<code>"]}, "code"),
        "a long code": ({"code": "A" * 101}, "code"),
        "an account": ({"team": "T0", "user": "U0DANA"}, "team"),
        "another person": ({"person": "dana"}, "person"),
    },
    FETCH: {
        "no handle": ({"handle": GONE}, "handle"),
        "an empty handle": ({"handle": ""}, "handle"),
        "a null handle": ({"handle": None}, "handle"),
        "a list of handles": ({"handle": ["made-up"]}, "handle"),
        "a long handle": ({"handle": "h" * 201}, "handle"),
        "a target of its own": ({"target": "desk"}, "target"),
    },
    **OF_INCIDENTS,
    COMPARE: NO_FILES,
    SIMULATE: {
        **NO_FILES,
        "one call": ({"calls": {}}, "calls"),
        "calls that are none": ({"calls": ["do.moderate"]}, "calls.0"),
        "a call without an action": ({"calls": [{"parameters": {}}]}, "calls.0.action"),
        "a call with a decision": ({"calls": [{**A_CALL, "decision": "approve"}]}, "calls.0.decision"),
        "1,001 calls": ({"calls": [A_CALL] * 1_001}, "calls"),
        "a number for a time": ({"since": 30}, "since"),
        "a long time": ({"since": "9" * 21}, "since"),
    },
}
"""Shapes that are refused whoever sends them, but for those of `JUDGED`, which take a caller who may ask at all."""

JUDGED = {
    "nobody in particular",
    "a subject with a blank",
    "a subject that looks like another",
    "a scheme beyond ASCII",
    "a subject written from right to left",
    "a subject without an end",
    "an empty subject",
    "parameters beyond 256 KiB",
}


def _off_shape() -> Iterator[Hostile]:
    for route, lines in FIELDS.items():
        for name, (fields, says) in lines.items():
            line = Hostile(name, says=says, **MALFORMED, **route.sent(route.changed(**fields)))
            yield from (found for found in by_both(route, line) if name not in JUDGED or found.who == "bot")


OFF_SCHEMA: dict[str, tuple[dict[str, Any], str]] = {
    "a number for a text": ({"parameters": {"thing": 1}}, "thing"),
    "a text for a number": ({"parameters": {"thing": "t", "amount": "1"}}, "amount"),
    "true for a number": ({"parameters": {"thing": "t", "amount": True}}, "amount"),
    "half a number": ({"parameters": {"thing": "t", "amount": 0.5}}, "amount"),
    "nothing of what is needed": ({"parameters": {}}, "thing"),
    "one more than there is": ({"parameters": {"thing": "t", "approved_by": "dana"}}, "beyond"),
    "on behalf of nobody": ({"on_behalf_of": GONE}, "on whose behalf"),
    "an unknown parent": ({"parent": "<absent>"}, "no request of this bot"),
    "a foreign parent": ({"parent": "<foreign>"}, "no request of this bot"),
    "an unknown one superseded": ({"supersedes": "<absent>"}, "no request of this bot"),
    "a foreign one superseded": ({"supersedes": "<foreign>"}, "no request of this bot"),
}
NO_ACTIONS = (
    "do.nothing",
    "do",
    "do.*",
    "DO.MODERATE",
    "do.moderate ",
    "../do.moderate",
    "do.moderate\u200b",
    "'; drop",
)


def _off_schema() -> Iterator[Hostile]:
    for name, (fields, says) in OFF_SCHEMA.items():
        sent = ASK.sent(ASK.changed(**fields), who="bot")
        yield Hostile(f"ask by bot: {name}", 422, "off-schema", says, **sent)
    for name in NO_ACTIONS:
        sent = ASK.sent(ASK.changed(action=name), who="bot")
        yield Hostile(
            f"ask by bot: the action {name!a}", 422, "unknown-action", "catalogue", more={"where": "action"}, **sent
        )


BODIES = [*_unread(), *_undeclared(), *_off_shape(), *_off_schema()]
