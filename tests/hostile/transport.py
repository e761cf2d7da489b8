"""Hostile HTTP: lengths and encodings that two readers may read differently, broken heads, bodies that never end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.hostile.cases import ASK, DECIDE, GRANT, ROUTES, Hostile, Route
from tests.hostile.wire import CLOSE, PROBE, Lines, head

TOO_LARGE: dict[str, Any] = {"status": 413, "problem": "too-large", "says": "1024 KiB"}
BROKEN: dict[str, Any] = {"status": 400, "problem": "wire", "says": ""}
SMUGGLED = (
    b"POST /v1/requests/<held>/decisions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer <dana>\r\n"
    b"Content-Type: application/json\r\nContent-Length: <smuggled length>\r\n\r\n"
    b'{"decision":"approve","digest":"<digest>"}'
)
"""A decision that must not be taken for a call of its own."""


def raw(route: Route, headers: Lines, body: bytes, *, who: str, close: bool = True) -> bytes:
    """A call whose length is declared by ``headers`` alone."""
    token = (b"Authorization", f"Bearer <{who}>".encode())
    return head("POST", route.target, (token, *route.headers, *headers, *((CLOSE,) if close else ()))) + body


def length(value: bytes) -> tuple[bytes, bytes]:
    """A Content-Length."""
    return (b"Content-Length", value)


def encoding(value: bytes) -> tuple[bytes, bytes]:
    """A Transfer-Encoding."""
    return (b"Transfer-Encoding", value)


CHUNKED = encoding(b"chunked")
MIB_IN_CHUNKS = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
LENGTHS: dict[str, Lines] = {
    "two lengths": (length(b"2"), length(b"3")),
    "a list of two lengths": (length(b"2, 3"),),
    "a negative length": (length(b"-1"),),
    "a length with a sign": (length(b"+2"),),
    "a length in hexadecimal": (length(b"0x2"),),
    "a length with a fraction": (length(b"2.0"),),
    "an empty length": (length(b""),),
    "a length in Arabic digits": (length("٢".encode()),),
    "a length of 400 digits": (length(b"1" * 400),),
    "gzip": (encoding(b"gzip"),),
    "gzip, then chunked": (encoding(b"gzip, chunked"),),
    "chunked, then identity": (encoding(b"chunked, identity"),),
    "identity": (encoding(b"identity"),),
    "almost chunked": (encoding(b"xchunked"),),
    "chunked with a parameter": (encoding(b"chunked;q=1"),),
    "chunked after a vertical tab": (encoding(b"\x0bchunked"),),
    "chunked twice": (CHUNKED, CHUNKED),
    "a header with a blank in its name": ((b"X A", b"a"), length(b"2")),
    "a blank before the colon": ((b"Content-Length ", b"2"),),
    "NUL in a header": ((b"X-A", b"a\0b"), length(b"2")),
    "a carriage return in a header": ((b"X-A", b"a\rContent-Length: 3"), length(b"2")),
}
CHUNKS: dict[str, bytes] = {
    "no number": b"g\r\n{}\r\n0\r\n\r\n",
    "a negative one": b"-2\r\n{}\r\n0\r\n\r\n",
    "one in C": b"0x2\r\n{}\r\n0\r\n\r\n",
    "too short a one": b"1\r\n{}\r\n0\r\n\r\n",
    "21 digits": b"f" * 21 + b"\r\n{}",
}
HEADS: dict[str, bytes] = {
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "no version": b"GET /healthz\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 100,
    "a control character for a method": b"G\x7fT /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    "a path beyond ASCII": "GET /v1/requests/ü HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
    "a path with a blank": b"GET /v1/requests /x HTTP/1.1\r\nHost: a\r\n\r\n",
    "a path with NUL": b"GET /v1/requests\0 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a header without a colon": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-A\r\n\r\n",
    "blank lines": b"\r\n" * 50 + b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
}


def _broken() -> Iterator[Hostile]:
    """What h11 takes for no HTTP gets to no route."""
    for name, headers in LENGTHS.items():
        yield Hostile(f"ask with {name}", **BROKEN, raw=raw(ASK, headers, b"{}", who="token") + SMUGGLED)
    for name, body in CHUNKS.items():
        yield Hostile(f"ask in chunks with {name}", **BROKEN, raw=raw(ASK, (CHUNKED,), body, who="token") + SMUGGLED)
    for name, sent in HEADS.items():
        yield Hostile(f"a head with {name}", **BROKEN, raw=sent + SMUGGLED)


def _sized() -> Iterator[Hostile]:
    for route in ROUTES:
        for who in ("token", "dana"):
            for name, value in {"1 MiB and a byte": b"1048577", "10^18": b"1" + b"0" * 18}.items():
                expecting = (length(value), (b"Expect", b"100-continue"))
                yield Hostile(
                    f"{route.name} by {who}: {name} declared, nothing sent",
                    **TOO_LARGE,
                    raw=raw(route, expecting, b"", who=who),
                )
            chunks = MIB_IN_CHUNKS * 16 + b"1\r\n \r\n0\r\n\r\n"
            yield Hostile(
                f"{route.name} by {who}: 1 MiB and a byte in chunks",
                **TOO_LARGE,
                raw=raw(route, (CHUNKED,), chunks, who=who, close=False) + PROBE,
            )
    nobody = head("POST", "/v1/requests", (*ASK.headers, length(b"20000000"), (b"Expect", b"100-continue"), CLOSE))
    yield Hostile("ask by nobody: 20 MB, if they may", 401, "unauthenticated", "access token", raw=nobody)


def _smuggled() -> Iterator[Hostile]:
    """Two lengths that differ: one call is seen, and the connection ends with its answer (RFC 9112 section 6.1)."""
    twice: dict[str, Any] = {"status": 422, "problem": "malformed", "says": "twice"}
    for name, headers in {
        "a length, and chunks": (length(b"4"), CHUNKED),
        "chunks, and a length": (CHUNKED, length(b"4")),
    }.items():
        yield Hostile(
            f"ask with {name}", **twice, raw=raw(ASK, headers, b"0\r\n\r\n" + SMUGGLED, who="token", close=False)
        )
        yield Hostile(
            f"grant by nobody with {name}",
            **twice,
            raw=head("POST", GRANT.target, (*GRANT.headers, *headers)) + b"0\r\n\r\n" + SMUGGLED,
        )
    yield Hostile(
        "ask by HTTP/1.0",
        422,
        "malformed",
        "action",
        raw=raw(ASK, (length(b"2"),), b"{}", who="token").replace(b"HTTP/1.1", b"HTTP/1.0"),
    )
    yield Hostile(
        "ask of another host by its whole URL",
        404,
        "not-found",
        "nothing at this path",
        raw=head("POST", "http://evil.example/v1/requests", (length(b"0"), CLOSE)),
    )
    for target in ("*", "evil.example:443", "/v1/requests#x"):
        yield Hostile(
            f"the target {target}",
            404,
            "not-found",
            "nothing at this path",
            raw=f"CONNECT {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode(),
        )
    upgrade = ((b"Upgrade", b"h2c, websocket"), (b"HTTP2-Settings", b"AAMAAABkAAQAAP__"))
    yield Hostile(
        "ask to change the protocol",
        422,
        "malformed",
        "action",
        raw=raw(ASK, (*upgrade, length(b"2")), b"{}", who="token"),
    )
    yield Hostile(
        "decide, expecting nonsense",
        422,
        "malformed",
        "decision",
        raw=raw(DECIDE, ((b"Expect", b"200-maybe"), length(b"2")), b"{}", who="dana"),
    )


TRANSPORT = [*_broken(), *_sized(), *_smuggled()]
