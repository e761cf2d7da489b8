"""Whom a call may reach, and over what."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from app.domain.outcome import Sent
from app.execution.http import new_client, send
from app.execution.wire import Refused, objection, resolve
from tests.execution.calls import a_call, reason
from tests.execution.certificates import for_localhost
from tests.execution.raw_server import http, says, serving

NEVER = ["169.254.169.254", "fe80::1", "224.0.0.1", "239.1.2.3", "ff02::1", "::", "240.0.0.1"]
NEVER += ["0.0.0.0"]  # noqa: S104  refused, not bound to
NEVER += ["255.255.255.255", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "fec0::1"]
ONLY_PRIVATE = ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1"]
ONLY_PRIVATE += ["fd00::1", "100.64.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:a00:1::1"]
PUBLIC = ["93.184.215.14", "2606:4700::1111", "64:ff9b::5db8:d70e", "::ffff:93.184.215.14"]


@pytest.mark.parametrize("address", NEVER)
def test_never_called(address: str) -> None:
    assert objection(address, private=False)
    assert objection(address, private=True)


@pytest.mark.parametrize("address", ONLY_PRIVATE)
def test_called_only_if_private(address: str) -> None:
    assert objection(address, private=False)
    assert objection(address, private=True) is None


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert objection(address, private=False) is None


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:7f00:1]"]
)
async def test_loopback_by_any_spelling_is_refused(host: str) -> None:
    async with serving(says(http(200))) as heard, new_client() as client:
        hosts = frozenset({host.strip("[]")})
        answer = await send(client, a_call(heard.port, url=f"https://{host}:{heard.port}/", hosts=hosts, private=False))
    assert answer.sent is Sent.NOT_SENT
    assert "loopback" in reason(answer)
    assert heard.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://elsewhere.example/",
        "http://127.0.0.1.elsewhere.example/",
        "http://localhost.:1/",
        "http://127.0.0.1@elsewhere.example/",
        "http://user:word@127.0.0.1/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "//127.0.0.1/",
        "http://",
        "http://[::1",
        "http://127.0.0.1:99999999/",
    ],
)
async def test_other_urls_are_refused(url: str) -> None:
    async with new_client() as client:
        assert (await send(client, a_call(80, url=url))).sent is Sent.NOT_SENT


async def test_a_name_with_one_forbidden_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def both(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, 1, 6, "", (a, 80)) for a in ("93.184.215.14", "10.0.0.1")]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
    with pytest.raises(Refused, match=r"rebound\.example leads to a private address"):
        await resolve("rebound.example", 80, private=False)


async def test_the_judged_address_is_the_one_called(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, real, asked = asyncio.get_running_loop(), asyncio.get_running_loop().getaddrinfo, []

    async def count(host: Any, port: Any, **more: Any) -> Any:
        asked.append(host)
        return await real("127.0.0.1", port, **more)

    async with serving(says(http(200, b"{}"))) as heard, new_client() as client:
        monkeypatch.setattr(loop, "getaddrinfo", count)
        call = a_call(heard.port, url=f"http://orders.internal:{heard.port}/", hosts=frozenset({"orders.internal"}))
        answer = await send(client, call)
    assert answer.sent is Sent.SUCCEEDED
    assert asked == ["orders.internal"]
    assert f"host: orders.internal:{heard.port}".encode() in heard.requests[0].lower()


async def test_tls_verifies_the_name_of_the_url(tmp_path: Path) -> None:
    server, trusting = for_localhost(tmp_path)
    asked: list[str | None] = []
    server.sni_callback = lambda _sock, name, _context: asked.append(name)
    async with serving(says(http(200, b'{"ok": true}')), tls=server) as heard, new_client(trusting) as client:
        good = await send(client, a_call(heard.port, url=f"https://localhost:{heard.port}/"))
        wrong_name = await send(client, a_call(heard.port, url=f"https://127.0.0.1:{heard.port}/"))
    assert (good.sent, good.result) == (Sent.SUCCEEDED, {"ok": True})
    assert asked[0] == "localhost"
    assert wrong_name.sent is Sent.NOT_SENT
    assert len(heard.requests) == 1


async def test_tls_that_nobody_vouches_for_is_not_sent(tmp_path: Path) -> None:
    server, _ = for_localhost(tmp_path)
    async with serving(says(http(200)), tls=server) as heard, new_client(ssl.create_default_context()) as client:
        answer = await send(client, a_call(heard.port, url=f"https://localhost:{heard.port}/"))
    assert answer.sent is Sent.NOT_SENT
    assert "certificate" in reason(answer).lower()
    assert heard.requests == []


async def test_tls_with_a_late_clock_sends_nothing(tmp_path: Path) -> None:
    server, trusting = for_localhost(tmp_path)
    async with serving(says(http(200)), tls=server) as heard, new_client(trusting) as client:
        call = a_call(heard.port, url=f"https://localhost:{heard.port}/", committed_at=0.0)
        answer = await send(client, call, clock=lambda: 6.0)
        await asyncio.wait_for(heard.closed.wait(), 5)
    assert answer.sent is Sent.NOT_SENT
    assert heard.requests == []


async def test_tls_cut_in_the_handshake_is_not_sent(tmp_path: Path) -> None:
    async def slam(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    _, trusting = for_localhost(tmp_path)
    server = await asyncio.start_server(slam, "127.0.0.1", 0)
    async with new_client(trusting) as client:
        port = server.sockets[0].getsockname()[1]
        answer = await send(client, a_call(port, url=f"https://localhost:{port}/"))
    server.close()
    await server.wait_closed()
    assert answer.sent is Sent.NOT_SENT
