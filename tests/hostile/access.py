"""Hostile callers, and hostile words in paths, queries and headers."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.hostile.cases import (
    ASK,
    AWAY,
    BREAK,
    CHANGE,
    COMPARE,
    DECIDE,
    FETCH,
    INCIDENT,
    JSON,
    ON_BOT,
    ON_INCIDENT,
    ON_ONE,
    RESUME,
    ROLLBACK,
    ROUTES,
    SETTLE,
    SIMULATE,
    UNDO_MANY,
    Hostile,
    Route,
    by_both,
    by_some,
    encoded,
)
from tests.hostile.tokens import BAD
from tests.hostile.wire import Lines

READS = (
    "/v1/requests",
    "/v1/requests/<held>",
    "/v1/catalogue",
    "/v1/policy",
    "/v1/policy/history",
    "/v1/standing-permissions",
    "/v1/ledger/entries",
    "/v1/oversight",
    "/v1/people/zoe/seats",
    "/v1/bots/bot/use-case",
    "/v1/incidents",
    "/v1/incidents/<absent>",
    "/v1/incidents/<absent>/report",
    "/v1/requests/<held>/evidence",
    "/v1/incidents/<absent>/evidence",
    "/v1/ledger/evidence",
    "/v1/ledger/checkpoint",
    "/v1/ledger/proofs/inclusion",
    "/v1/ledger/proofs/consistency",
)
WHO: dict[str, Any] = {"status": 401, "problem": "unauthenticated"}
CREDENTIALS: dict[str, tuple[Lines, str]] = {
    "no token": ((), "access token"),
    "Basic": (((b"Authorization", b"Basic Ym90LWNsaWVudDpzZWNyZXQ="),), "Bearer"),
    "a scheme only": (((b"Authorization", b"Bearer"),), "access token"),
    "an empty header": (((b"Authorization", b""),), "Bearer"),
    "a token without a scheme": (((b"Authorization", b"<token>"),), "Bearer"),
    "Digest": (((b"Authorization", b'Digest username="dana"'),), "Bearer"),
    "the same header twice": (
        ((b"Authorization", b"Bearer <token>"), (b"Authorization", b"Bearer <token>")),
        "one header",
    ),
    "two headers": (((b"Authorization", b"Bearer <token>"), (b"Authorization", b"Bearer x")), "one header"),
    "two headers, the good one last": (
        ((b"Authorization", b"Bearer x"), (b"Authorization", b"Bearer <token>")),
        "one header",
    ),
    "a cookie": (((b"Cookie", b"access_token=<token>; session=<token>"),), "access token"),
    "another header": (((b"X-Forwarded-User", b"dana"), (b"X-Api-Key", b"<token>")), "access token"),
}


def _credentials() -> Iterator[Hostile]:
    for name, (headers, says) in CREDENTIALS.items():
        for route in ROUTES:
            sent = route.sent(encoded(route.good), headers=(*headers, *route.headers))
            yield Hostile(f"{route.name} with {name}", says=says, **WHO, **sent)
        for target in READS:
            yield Hostile(f"GET {target} with {name}", says=says, **WHO, method="GET", target=target, headers=headers)
    for target in READS:
        yield Hostile(
            f"GET {target} with a token in its query",
            says="access token",
            **WHO,
            method="GET",
            target=target + "?access_token=<token>",
        )


def _tokens() -> Iterator[Hostile]:
    """On every route that writes, and in turn on those that read."""
    for n, (name, (_, says)) in enumerate(BAD.items()):
        who, target = f"bad: {name}", READS[n % len(READS)]
        for route in ROUTES:
            sent = route.sent(encoded(route.good), who=who)
            yield Hostile(f"{route.name} with a token: {name}", says=says, **WHO, **sent)
        yield Hostile(f"GET {target} with a token: {name}", says=says, **WHO, method="GET", target=target, who=who)


KEYS: dict[str, tuple[bytes, ...]] = {
    "empty": (b"",),
    "256 long": (b"k" * 256,),
    "60,000 long": (b"k" * 60_000,),
    "beyond ASCII": ("schlüssel".encode(),),
    "Latin-1": ("schlüssel".encode("latin-1"),),
    "with a blank": (b"a b",),
    "with a tab": (b"a\tb",),
    "with a control character": (b"a\x01b",),
    "the same twice": (b"<key>", b"<key>"),
    "two": (b"<key>", b"another"),
    "a good one and an empty one": (b"<key>", b""),
}


def _keys() -> Iterator[Hostile]:
    refused: dict[str, Any] = {"status": 422, "problem": "idempotency-key-missing", "says": "Idempotency-Key"}
    for route in (ASK, DECIDE, BREAK, ROLLBACK, RESUME, CHANGE, AWAY, INCIDENT, UNDO_MANY):
        for name, keys in KEYS.items():
            headers = (JSON, *((b"Idempotency-Key", key) for key in keys))
            yield from by_both(
                route, Hostile(f"a key: {name}", **refused, **route.sent(encoded(route.good), headers=headers))
            )
    for route in (ASK, ROLLBACK, CHANGE, AWAY, INCIDENT, UNDO_MANY):
        yield from by_both(route, Hostile("no key", **refused, **route.sent(encoded(route.good), headers=(JSON,))))
    reused: dict[str, Any] = {"status": 409, "problem": "idempotency-key-reused", "says": "another body"}
    before = (JSON, (b"Idempotency-Key", b"<used>"))
    yield Hostile("ask by bot: a key used before", **reused, **ASK.sent(encoded(ASK.good), headers=before, who="bot"))
    other = DECIDE.sent(DECIDE.changed(reason="another"), headers=before, who="marco")
    yield Hostile("decide by marco: a key used before", **reused, **other)
    for route, who in ((ROLLBACK, "ivan"), (RESUME, "ada"), (CHANGE, "ada")):
        sent = route.sent(route.changed(reason="another"), headers=before, who=who)
        yield Hostile(f"{route.name} by {who}: a key used before", **reused, **sent)


IDS = {
    "a number": "1",
    "a word": "latest",
    "NUL": "%00",
    "a NUL at its end": "<held>%00",
    "a line feed at its end": "<held>%0A",
    "a blank before it": "%20<held>",
    "in braces": "%7B<held>%7D",
    "a URN": "urn:uuid:<held>",
    "without dashes": "9f4c1c527c0f5d0e8a593c0f2a6f2a11",
    "full-width digits": "%EF%BC%91f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11",
    "broken UTF-8": "%FF%FE",
    "a bad escape": "%zz",
    "SQL": "'%20or%201=1--",
    "a wild card": "*",
    "5,000 long": "a" * 5000,
}
NO_BOTS = {name: text for name, text in IDS.items() if name != "a word"} | {
    "in capitals": "Bot",
    "beyond ASCII": "b%C3%B6t",
    "a line feed after it": "bot%0A",
    "with a colon": "bot:bot",
    "101 long": "b" * 101,
}
NO_PATHS = {
    "one that is not there": "/v1/requests/<held>/approve",
    "a slash at its end": "/v1/requests/",
    "two slashes": "/v1//requests",
    "up and down again": "/v1/requests/../requests",
    "up and down again, escaped": "/v1/requests/%2e%2e%2fpolicy",
    "no id": "/v1/requests//decisions",
    "in capitals": "/V1/REQUESTS",
    "matrix parameters": "/v1/requests;status=held",
    "NUL": "/v1/requests%00",
    "another version": "/v2/requests",
    "60,000 long": "/v1/" + "a" * 60_000,
}


def _paths() -> Iterator[Hostile]:
    lost: dict[str, Any] = {"status": 404, "problem": "not-found"}
    for name, text in IDS.items():
        for route in ON_ONE:
            sent = route.sent(encoded(route.good), target=f"/v1/requests/{text}/{route.target.rpartition('/')[2]}")
            yield from by_some(route, Hostile(f"an id: {name}", says="no such request", **lost, **sent))
        for who in ("bot", "anya"):
            target = f"/v1/requests/{text}"
            yield Hostile(
                f"read by {who}: an id: {name}", says="no such request", **lost, method="GET", target=target, who=who
            )
        for route in ON_INCIDENT:
            sent = route.sent(encoded(route.good), target=f"/v1/incidents/{text}/{route.target.rpartition('/')[2]}")
            line = Hostile(f"an id: {name}", says="no such incident", **lost, **sent)
            yield replace(line, name=f"{route.name} by ivan: {line.name}", who="ivan")
    for name, text in NO_BOTS.items():
        for route in ON_BOT:
            sent = route.sent(encoded(route.good), target=f"/v1/bots/{text}/{route.target.rpartition('/')[2]}")
            yield from by_both(route, Hostile(f"a bot: {name}", says="no such bot", **lost, **sent))
    for name, target in NO_PATHS.items():
        yield Hostile(f"a path: {name}", says="nothing at this path", **lost, method="GET", target=target, who="dana")
    for method in ("DELETE", "PUT", "PATCH", "TRACE", "post", "PROPFIND", "A" * 3000):
        for route in ROUTES:
            yield Hostile(
                f"{route.name} by {method:.10}",
                405,
                "method-not-allowed",
                "does not take",
                method=method,
                target=route.target,
                who=route.callers[0],
                headers=route.headers,
                body=encoded(route.good),
            )
    override = (*DECIDE.headers, (b"X-HTTP-Method-Override", b"POST"))
    yield Hostile(
        "decide by a method in a header",
        405,
        "method-not-allowed",
        "GET",
        method="GET",
        target=DECIDE.target + "?_method=POST",
        who="dana",
        headers=override,
        body=encoded(DECIDE.good),
    )


def _cursor(position: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


LIST = {
    "limit": ("0", "-1", "201", "x", "", "1e2", "0x10", "1%00", "%D9%A1", "9" * 5000, "null", "1,2"),
    "status": ("", "open", "HELD", "held,", ",", "held,%00", "held%20", "held," * 5000 + "x"),
    "kind": ("", "x", "governance,action", "%00"),
    "bot": ("", "%00", "a%20b", "*", "%25", "a" * 201, "%F0%9F%92%A9", "bot%0A"),
    "action": ("", "%00", "do.*", "../x", "a" * 201, "do.moderate%0A"),
    "decidable_by": ("", "dana", "ME", "me,me"),
    "cursor": (
        "",
        "x",
        "=",
        "%00",
        "a" * 201,
        "a" * 60_000,
        _cursor([]),
        _cursor([None, None]),
        _cursor(["now", "<held>"]),
        _cursor(["2026-01-01T00:00:00Z", "x"]),
        _cursor({"a": 1, "b": 2}),
        _cursor(["9" * 30, "<held>"]),
        "W1tb" * 40,
    ),
    "stauts": ("held",),
    "%00": ("1",),
    "%FF": ("1",),
    "limit[]": ("1",),
}
ONE = {
    "wait": (
        "",
        "-1s",
        "30",
        "1d",
        "1e3s",
        "NaN",
        "inf",
        "s",
        "+1s",
        "1s%00",
        "%D9%A3s",
        "1s;2s",
        "9" * 13 + "s",
        "1" * 60_000,
    ),
    "since": ("-1", "x", "", "1.5", "9007199254740992", "9" * 400, "%00", "true"),
    "waite": ("1s",),
}


def _queries() -> Iterator[Hostile]:
    for base, names in (("/v1/requests", LIST), ("/v1/requests/<held>", ONE)):
        for name, values in names.items():
            for n, value in enumerate(values):
                who = ("bot", "anya")[n % 2]
                says = "\ufffd" if name == "%FF" else "\0" if name == "%00" else name
                yield Hostile(
                    f"{base} by {who}: {name}, {n}: {value:.20}",
                    422,
                    "malformed",
                    says,
                    method="GET",
                    target=f"{base}?{name}={value}",
                    who=who,
                )
    many = "&".join(f"a{n}=1" for n in range(5000))
    yield Hostile(
        "/v1/requests by bot: 5,000 parameters",
        422,
        "malformed",
        "a0",
        method="GET",
        target=f"/v1/requests?{many}",
        who="bot",
    )


def _absent(route: Route) -> Iterator[Hostile]:
    """No request, and one that this caller may not see: no difference. Settling and undoing are for people anyway."""
    for name in ("absent", "foreign"):
        sent = route.sent(encoded(route.good), target=f"/v1/requests/<{name}>/{route.target.rpartition('/')[2]}")
        not_human = route in (SETTLE, ROLLBACK, BREAK)
        yield Hostile(
            f"{route.name} by bot: one that is {name}",
            403 if not_human else 404,
            "violations" if not_human else "not-found",
            "a person must" if not_human else "no such request",
            **sent,
            who="bot",
        )
        if route is not DECIDE or name == "absent":
            yield Hostile(
                f"{route.name} by felix: one that is {name}", 404, "not-found", "no such request", **sent, who="felix"
            )
        stranger = (403, "violations") if not_human or route is DECIDE else (404, "not-found")
        target = (403, "violations") if not_human else (404, "not-found")
        yield Hostile(f"{route.name} by a target: one that is {name}", *target, "", **sent, who="desk")
        for who in ("stranger", "removed") if route is not DECIDE or name == "absent" else ():
            yield Hostile(f"{route.name} by {who}: one that is {name}", *stranger, "", **sent, who=who)


def _handles() -> Iterator[Hostile]:
    for who in ("bot", "dana", "stranger", "removed"):
        yield Hostile(f"fetch by {who}", 403, "forbidden", "target", **FETCH.sent(encoded(FETCH.good), who=who))
    for handle in ("made-up", "sha256:" + "0" * 64, "%", "' or 1=1--", "<held>"):
        sent = FETCH.sent(FETCH.changed(handle=handle), who="desk")
        yield Hostile(f"fetch by desk: {handle}", 404, "not-found", "no grant", **sent)


def _foreign() -> Iterator[Hostile]:
    for route in ON_ONE:
        yield from _absent(route)
    for who in ("bot", "felix", "stranger", "removed", "desk"):
        for name in ("absent", "foreign"):
            yield Hostile(
                f"read by {who}: one that is {name}",
                404,
                "not-found",
                "no such request",
                method="GET",
                target=f"/v1/requests/<{name}>",
                who=who,
            )
    for who in ("bot", "desk", "stranger", "removed"):
        for target in ("/v1/catalogue", "/v1/policy", "/v1/policy/history", "/v1/ledger/entries"):
            yield Hostile(f"GET {target} by {who}", 403, "forbidden", "people", method="GET", target=target, who=who)
        for route in (COMPARE, SIMULATE):
            yield Hostile(
                f"{route.name} by {who}", 403, "forbidden", "people", **route.sent(encoded(route.good), who=who)
            )
    for route in (COMPARE, SIMULATE):
        sent = route.sent(encoded(route.good), who="dana")
        yield Hostile(f"{route.name} by dana", 403, "forbidden", "administer or audit", **sent)
    for who in ("dana", "ada", "desk", "stranger", "removed"):
        yield Hostile(f"ask by {who}", 403, "forbidden", "bot", **ASK.sent(encoded(ASK.good), who=who))
    for who in ("bot", "stranger", "removed", "desk"):
        yield Hostile(
            f"GET decidable_by=me by {who}",
            403,
            "violations",
            "",
            method="GET",
            target="/v1/requests?decidable_by=me",
            who=who,
        )


ACCESS = [*_credentials(), *_tokens(), *_keys(), *_paths(), *_queries(), *_handles(), *_foreign()]
