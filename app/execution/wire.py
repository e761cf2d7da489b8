"""The one connection of one call: whom it may reach, and until when its first byte may leave.

Everything here is below HTTP: addresses are looked up once, judged, and connected to as they were judged, so that
a second answer of the DNS cannot lead elsewhere (DNS rebinding); Host and SNI stay those of the URL.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import httpcore
import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Found = tuple[socket.AddressFamily, tuple[Any, ...]]

MAX_ADDRESSES = 4
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
SITE_LOCAL = ipaddress.IPv6Network("fec0::/10")
SHARED = ipaddress.IPv4Network("100.64.0.0/10")


class Refused(Exception):
    """Interlock itself did not let the call leave; the sentence says why."""


@dataclass(slots=True)
class Errand:
    """What one connection must know of its call, and how far that has come.

    ``deadline``: on ``clock``, the last instant at which the first byte may leave. ``begun``: set right before it
    does, so false proves that nothing was sent. ``status``: the answer's, once its head is there.
    """

    deadline: float
    clock: Callable[[], float]
    connect_within: float
    private: bool
    begun: bool = False
    status: int | None = None

    def depart(self) -> None:
        """Mark the first byte as leaving now. Raises `Refused` when it is too late for that."""
        if self.clock() > self.deadline:
            raise Refused("the first byte would have left more than 5 s after the attempt was committed")
        self.begun = True


def objection(address: str, *, private: bool) -> str | None:
    """What kind of address it is, if it may not be called; else None.

    Link-local (cloud metadata lives there), multicast, reserved and unspecified addresses are never called; loopback
    and private ones only if ``private``. Source: the IANA special-purpose address registries (RFC 6890).
    """
    ip = _unwrapped(ipaddress.ip_address(address))
    if ip.is_loopback:
        return None if private else "a loopback address"
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip.is_reserved or ip in SITE_LOCAL:
        return "a link-local, multicast, reserved or unspecified address"
    if ip.is_global:
        return None
    return None if private and (ip.is_private or ip in SHARED) else "a private address"


def _unwrapped(ip: Address) -> Address:
    """The IPv4 address that an IPv6 one carries inside (RFC 4291, 3056, 4380, 6052): that is where it leads."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or ip


async def resolve(host: str, port: int, *, private: bool) -> Sequence[Found]:
    """The addresses of a host, at most `MAX_ADDRESSES`.

    Raises `Refused` if any of them may not be called: a name that leads to both sides is not picked from.
    Raises `OSError` or `UnicodeError` if the name does not resolve.
    """
    rows = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for *_, address in rows:
        if kind := objection(str(address[0]), private=private):
            raise Refused(f"{host} leads to {kind}, which its target does not allow")
    return [(family, address) for family, _, _, _, address in rows][:MAX_ADDRESSES]


class Backend(httpcore.AsyncNetworkBackend):
    """Connects for one errand."""

    def __init__(self, errand: Errand) -> None:
        self._errand = errand

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109  httpcore's signature; the errand has its own
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first address that answers. Raises `OSError`, `TimeoutError`, `Refused`."""
        async with asyncio.timeout(self._errand.connect_within):
            found = await resolve(host, port, private=self._errand.private)
            return Wire(await self._dial_any(found), self._errand)

    async def _dial_any(self, found: Sequence[Found]) -> socket.socket:
        share = self._errand.connect_within / max(1, len(found))
        last: OSError = OSError("the name has no address")
        for family, address in found:
            try:
                async with asyncio.timeout(share):
                    return await _dial(family, address)
            except OSError as error:
                last = error
        raise last


async def _dial(family: socket.AddressFamily, address: tuple[Any, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.settimeout(0)
    try:
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


class Wire(httpcore.AsyncNetworkStream):
    """A fresh connection that holds back what is written until the request is whole.

    httpcore first reads when it has written all of a request. So head and body leave in one write, and between the
    look at the clock and that write nothing is awaited: a process that was frozen anywhere else sends nothing.
    """

    def __init__(self, sock: socket.socket, errand: Errand) -> None:
        self._sock = sock
        self._errand = errand
        self._held = bytearray()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109  httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        """The same wire under TLS. Raises `OSError` (`ssl.SSLError` is one) and `TimeoutError`."""
        async with asyncio.timeout(self._errand.connect_within):
            self._streams = await asyncio.open_connection(
                sock=self._sock, ssl=ssl_context, server_hostname=server_hostname
            )
        return self

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109
        """Hold these bytes until the first read."""
        self._held += buffer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109
        """Send what is held, then read. Raises `Refused` (too late), `OSError`."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(sock=self._sock)
        reader, writer = self._streams
        if self._held:
            await self._send(writer)
        return await reader.read(max_bytes)

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        if writer.is_closing():
            raise ConnectionResetError("the connection was closed before anything was sent")
        whole = bytes(self._held)
        self._held.clear()
        self._errand.depart()
        writer.write(whole)  # nothing is awaited between the clock and this line
        try:
            await writer.drain()
        except ConnectionError:
            return  # a server may answer and close before it has read all; reading tells

    async def aclose(self) -> None:
        """Drop the connection, without waiting for anybody."""
        if self._streams is None:
            self._sock.close()
        else:
            cast("asyncio.Transport", self._streams[1].transport).abort()

    def get_extra_info(self, info: str) -> Any:
        """httpcore asks for ``ssl_object`` only, to see whether HTTP/2 was agreed on."""
        return self._streams[1].get_extra_info(info) if self._streams else None


class Direct(httpx.AsyncBaseTransport):
    """One new HTTP/1.1 connection for each request: no pool, no proxy, no environment."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Exchange one request; its ``errand`` extension is an `Errand`. Raises what the network raises."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path
        )
        connection = httpcore.AsyncHTTPConnection(
            url.origin, ssl_context=self._tls, network_backend=Backend(request.extensions["errand"])
        )
        outgoing = httpcore.Request(request.method, url, headers=request.headers.raw, content=request.stream)
        try:
            answer = await connection.handle_async_request(outgoing)
        except BaseException:
            await connection.aclose()
            raise
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer, connection))


class _Body(httpx.AsyncByteStream):
    """An answer's body; closing it closes its connection."""

    def __init__(self, answer: httpcore.Response, connection: httpcore.AsyncHTTPConnection) -> None:
        self._answer = answer
        self._connection = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._answer.aiter_stream():
            yield part

    async def aclose(self) -> None:
        await self._connection.aclose()
