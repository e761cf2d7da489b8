"""Serves an ASGI app over real HTTP in the running loop, and can cut a connection from under it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Generator
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

Peer = tuple[str, int]


class Connections:
    """The open connections by their peer's address."""

    def __init__(self) -> None:
        self._open: dict[Peer, asyncio.Transport] = {}

    def cut(self, peer: Peer) -> None:
        """Resets the connection: the peer gets no answer, or no more of it."""
        self._open[peer].abort()

    def protocol(self) -> type[asyncio.Protocol]:
        """An HTTP/1.1 protocol for uvicorn whose connections are kept here."""
        connections = self._open

        class Kept(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its base
                super().connection_made(transport)
                connections[transport.get_extra_info("peername")] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                connections.pop(self.transport.get_extra_info("peername"), None)
                super().connection_lost(exc)

        return Kept


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Signals belong to the process around us."""
        yield


@contextlib.asynccontextmanager
async def serving(app: Any, *, port: int = 0, http: type[asyncio.Protocol] = H11Protocol) -> AsyncIterator[str]:
    """Serves `app` on loopback (port 0: a free one) and gives its URL; stops with the block. Raises `OSError`."""
    # naming TCP lets asyncio switch Nagle off: without, each answer waits 40 ms for a delayed acknowledgement
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)  # who calls before uvicorn accepts waits in the backlog: no polling for readiness
    config = uvicorn.Config(
        app,
        http=http,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=60,  # uvicorn's 5 s are also those of httpx: a call sent just then would be lost
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
