"""Hostile calls of the token endpoint, which says no in OAuth's own language."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from tests.hostile.cases import Hostile
from tests.hostile.wire import Lines

FORM = (b"Content-Type", b"application/x-www-form-urlencoded")
GOOD = b"grant_type=client_credentials&client_id=<client>&client_secret=<secret>"
BARE = b"grant_type=client_credentials"
KIB = 1024


def _basic(text: bytes) -> tuple[bytes, bytes]:
    return (b"Authorization", b"Basic " + base64.b64encode(text))


REQUESTS: dict[str, tuple[bytes, Lines]] = {
    "nothing": (b"", (FORM,)),
    "JSON": (b'{"grant_type":"client_credentials"}', (FORM,)),
    "no grant_type": (b"client_id=<client>&client_secret=<secret>", (FORM,)),
    "an empty grant_type": (b"grant_type=&client_id=<client>&client_secret=<secret>", (FORM,)),
    "a parameter twice": (GOOD + b"&client_id=<client>", (FORM,)),
    "a parameter twice, once in escapes": (GOOD + b"&client%5Fsecret=<secret>", (FORM,)),
    "broken UTF-8": (GOOD + b"&a=%FF", (FORM,)),
    "bytes beyond ASCII": (GOOD + b"&a=\xc3\xbc", (FORM,)),
    "a raw NUL": (GOOD + b"&\0", (FORM,)),
    "no pairs": (b"grant_type", (FORM,)),
    "21 parameters": (GOOD + b"".join(b"&a%d=1" % n for n in range(18)), (FORM,)),
    "declared as JSON": (GOOD, ((b"Content-Type", b"application/json"),)),
    "declared as multipart": (GOOD, ((b"Content-Type", b"multipart/form-data; boundary=x"),)),
    "not declared": (GOOD, ()),
    "the secret in two ways": (GOOD, (FORM, (b"Authorization", b"<basic>"))),
    "another client beside Basic": (BARE + b"&client_id=bot-client", (FORM, (b"Authorization", b"<basic>"))),
}
CLIENTS: dict[str, tuple[bytes, Lines]] = {
    "no client": (BARE, (FORM,)),
    "no secret": (BARE + b"&client_id=<client>", (FORM,)),
    "an empty secret": (BARE + b"&client_id=<client>&client_secret=", (FORM,)),
    "a wrong secret": (BARE + b"&client_id=<client>&client_secret=ilk_wrong", (FORM,)),
    "the secret of another": (BARE + b"&client_id=bot-client&client_secret=<secret>", (FORM,)),
    "a secret and NUL": (GOOD + b"%00", (FORM,)),
    "a secret and a blank": (GOOD + b"+", (FORM,)),
    "a secret beyond ASCII": (BARE + b"&client_id=<client>&client_secret=%F0%9F%92%A9", (FORM,)),
    "a long secret": (BARE + b"&client_id=<client>&client_secret=" + b"x" * 15 * KIB, (FORM,)),
    "an unknown client": (BARE + b"&client_id=nobody&client_secret=<secret>", (FORM,)),
    "a client with NUL": (BARE + b"&client_id=<client>%00&client_secret=<secret>", (FORM,)),
    "a client in SQL": (BARE + b"&client_id='%20or%20''='&client_secret=<secret>", (FORM,)),
    "a revoked credential": (BARE + b"&client_id=gone-client&client_secret=<gone secret>", (FORM,)),
    "Basic with a wrong secret": (BARE, (FORM, _basic(b"bot-client:x"))),
    "Basic without a colon": (BARE, (FORM, _basic(b"bot-client"))),
    "Basic that is no base64": (BARE, (FORM, (b"Authorization", b"Basic ???"))),
    "Basic beyond UTF-8": (BARE, (FORM, _basic(b"\xff:\xff"))),
    "Basic with NUL": (BARE, (FORM, _basic(b"bot\0:x"))),
    "Basic twice": (BARE, (FORM, (b"Authorization", b"<basic>"), (b"Authorization", b"<basic>"))),
    "a bearer token": (BARE, (FORM, (b"Authorization", b"Bearer <token>"))),
    "an empty header": (BARE, (FORM, (b"Authorization", b""))),
}
GRANTS = (
    "password",
    "authorization_code",
    "refresh_token",
    "CLIENT_CREDENTIALS",
    "client_credentials%00",
    "%F0%9F%92%A9",
)


def _all() -> Iterator[Hostile]:
    sent: dict[str, Any] = {"target": "/oauth/token"}
    for name, (body, headers) in REQUESTS.items():
        yield Hostile(f"token: {name}", 400, "oauth:invalid_request", "", body=body, headers=headers, **sent)
    for name, (body, headers) in CLIENTS.items():
        yield Hostile(f"token: {name}", 401, "oauth:invalid_client", "", body=body, headers=headers, **sent)
    for name in GRANTS:
        body = GOOD.replace(b"client_credentials", name.encode())
        yield Hostile(
            f"token: the grant {name}",
            400,
            "oauth:unsupported_grant_type",
            "client_credentials",
            body=body,
            headers=(FORM,),
            **sent,
        )
    yield Hostile(
        "token: of a suspended bot",
        400,
        "oauth:unauthorized_client",
        "suspended",
        headers=(FORM,),
        **sent,
        body=BARE + b"&client_id=<suspended client>&client_secret=<suspended secret>",
    )
    yield Hostile(
        "token: of a bot that is in no rules",
        400,
        "oauth:unauthorized_client",
        "do not know",
        headers=(FORM,),
        **sent,
        body=BARE + b"&client_id=<unknown client>&client_secret=<unknown secret>",
    )
    yield Hostile(
        "token: 16 KiB and a byte",
        413,
        "too-large",
        "16 KiB",
        body=GOOD.ljust(16 * KIB + 1, b"&"),
        headers=(FORM,),
        **sent,
    )
    for method in ("GET", "PUT", "DELETE"):
        yield Hostile(f"token by {method}", 405, "method-not-allowed", method, method=method, **sent)
    yield Hostile(
        "token: everything in the query",
        400,
        "oauth:invalid_request",
        "",
        headers=(FORM,),
        body=b"",
        target="/oauth/token?" + GOOD.decode(),
    )


OAUTH = list(_all())
