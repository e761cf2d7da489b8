"""Composition root of the API process: ``python -m app.main``."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import uvicorn
import uvloop
from starlette.routing import BaseRoute
from temporalio.service import RPCError

from app import settings as configuration
from app.api.app import create_app
from app.api.connection import BoundedProtocol
from app.api.door import Readiness
from app.db.listen import CHANNEL, listen
from app.domain.errors import InterlockError, Misconfigured
from app.identity.tokens import Authenticator, refuse_dev_issuer
from app.keys import KeyRings, KeysInvalid
from app.own_role import check_role
from app.parts import build_context
from app.settings import Settings
from app.slack.app import Door as SlackDoor
from app.slack.socket import SocketDoor
from app.telemetry import configure_logging
from app.temporal import connect
from app.use_cases.services import Services, Waiters
from app.workspace import connected

log = logging.getLogger(__name__)

TEMPORAL_WITHIN = timedelta(seconds=1)
ISSUER_WITHIN = 5.0
MAX_HEAD = 64 * 1024
"""Bytes of request line and headers that are read before a call is refused."""

KEEP_ALIVE = 75
"""Seconds, more than `BoundedProtocol` leaves an idle connection.

uvicorn's 5 s are also those after which many clients close theirs: a call that is sent just then is lost.
"""

GRACE = 10
"""Seconds that calls under way get when the process is told to stop; long polls end at once."""


async def build_services(settings: Settings, rings: KeyRings) -> Services:
    """What the use cases work with. Connects to nothing yet."""
    ctx = build_context(settings, rings)
    client = await connect(settings.temporal, rings, lazy=True)
    return Services(
        ctx,
        client,
        settings.temporal.task_queue,
        Waiters(),
        rings.tokens,
        settings.api.base_url,
        email_domains=frozenset(settings.slack.email_domains),
    )


def build_authenticator(settings: Settings, rings: KeyRings, http: httpx.AsyncClient) -> Authenticator:
    """Who is believed. Raises Misconfigured where the development issuer may not run, or has no key ring."""
    dev = None
    if settings.identity.dev_issuer:
        refuse_dev_issuer(settings.environment, settings.api.host)
        dev = rings.dev_issuer
        if dev is None:
            raise Misconfigured(f"The development issuer needs the key ring {settings.keys.dir / 'dev-issuer.json'}.")
    return Authenticator(
        base_url=settings.api.base_url, tokens=rings.tokens, issuers=settings.identity.issuers, http=http, dev=dev
    )


async def readiness(services: Services) -> Readiness:
    """Ready: the database answers and rules are installed. Temporal down degrades: reads and the fast path go on.

    So does a file of the grant keys that cannot be used: the ring that was good is.
    """
    keys = "ok" if services.ctx.grant_keys.amiss is None else "as they were: the key file cannot be used, see the log"
    parts = {"database": "down", "policy": "unknown", "temporal": await _temporal(services), "grant_keys": keys}
    with suppress(InterlockError):
        async with services.ctx.database.transaction() as session:
            await services.ctx.clock.now(session)
            parts |= {"database": "ok", "policy": "none"}
            parts["policy"] = (await services.ctx.rules.in_force(session)).version
    ready = parts["policy"] not in ("unknown", "none")
    return Readiness(ready=ready, degraded=(parts["temporal"], keys) != ("ok", "ok"), parts=parts)


async def _temporal(services: Services) -> str:
    try:
        call = services.temporal.service_client.check_health(timeout=TEMPORAL_WITHIN)
        return "ok" if await asyncio.wait_for(call, TEMPORAL_WITHIN.total_seconds()) else "down"
    except (RPCError, RuntimeError, TimeoutError):
        return "down"


class _Server(uvicorn.Server):
    """Signals are ours, for uvicorn ends the process by them before the rest is cleaned up."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT: answer what is under way, then leave."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stop)
        yield

    def _stop(self) -> None:
        self.force_exit = self.should_exit  # asked twice: at once
        self.should_exit = True
        self._stopping.set()


async def serve(settings: Settings, rings: KeyRings) -> None:
    """Serve until told to stop. Raises Misconfigured where the database would let this process alter the ledger."""
    await check_role(settings)
    services = await build_services(settings, rings)
    stopping = asyncio.Event()
    async with (
        httpx.AsyncClient(timeout=ISSUER_WITHIN) as http,
        listen(settings.database.url.get_secret_value(), CHANNEL, partial(_wake, services.waiters)),
        _slack(settings, services) as routes,
    ):
        app = create_app(
            services,
            build_authenticator(settings, rings, http),
            ready=partial(readiness, services),
            docs=settings.api.docs,
            stopping=stopping,
            more=routes,
        )
        await _Server(_config(app, settings), stopping).serve()
    await services.ctx.database.close()


@asynccontextmanager
async def _slack(settings: Settings, services: Services) -> AsyncIterator[list[BaseRoute]]:
    """The routes of the door for Slack, or its socket at work. Raises Misconfigured for a token that is not valid."""
    async with connected(settings.slack) as slack, AsyncExitStack() as work:
        if slack is None:
            yield []
            return
        await slack.team.ask()
        secret = None if settings.slack.socket_mode else settings.slack.signing_secret
        door = SlackDoor(
            services,
            slack.web,
            signing_secret=None if secret is None else secret.get_secret_value(),
            team=slack.team,
            api_url=settings.api.base_url,
            email_domains=services.email_domains,
            slack_url=settings.slack.api_url,
        )
        work.push_async_callback(door.close)
        await work.enter_async_context(_at_work(slack.team.until_known()))
        if settings.slack.socket_mode and settings.slack.app_token is not None:
            token = settings.slack.app_token.get_secret_value()
            socket = SocketDoor(door, token, slack_url=settings.slack.api_url)
            await work.enter_async_context(_at_work(socket.run()))
        yield door.routes()


@asynccontextmanager
async def _at_work(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """A task that runs while the block does."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _config(app: object, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        host=settings.api.host,
        port=settings.api.port,
        http=BoundedProtocol,  # over h11, which bounds the head of a call; httptools does not
        h11_max_incomplete_event_size=MAX_HEAD,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
    )


def _wake(waiters: Waiters, payload: str) -> None:
    with suppress(ValueError):
        waiters.wake(uuid.UUID(payload))


def main() -> None:
    """Read the settings and serve until SIGTERM or SIGINT; what is misconfigured is said on stderr, exit code 1."""
    try:
        settings = configuration.load()
        rings = KeyRings.load(settings.keys.dir)
        configure_logging()
        uvloop.run(serve(settings, rings))
    except (Misconfigured, KeysInvalid) as error:
        sys.exit(f"interlock api: {error}")


if __name__ == "__main__":
    main()
