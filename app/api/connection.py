"""HTTP/1.1 connections that do not wait for ever: uvicorn has a limit for idle connections, none for slow ones."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_WITHIN = 20.0
"""Seconds that a caller has for request line and headers, from connecting or from the answer before."""


class BoundedProtocol(H11Protocol):
    """Closes a connection on which no complete head comes in time, or that goes on with a body already answered.

    uvicorn arms its keep-alive timer only after an answer and disarms it at every byte, so that whoever drips keeps a
    connection for nothing (the attack known as slowloris). How long a body may take is `app.api.reading`'s.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A head is awaited from here on."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """The head is there once a call is under way."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """The next head is awaited, unless it has come already and its call is under way."""
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(HEAD_WITHIN, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
