"""The fake over HTTP: a Web API that can fail, response URLs, sockets, and people to act in it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiohttp import web

from tests.fakes.slack import arguments
from tests.fakes.slack.arguments import SlackError
from tests.fakes.slack.calls import Answer, Call, WebApi
from tests.fakes.slack.delivery import Delivery, Sent
from tests.fakes.slack.failing import Failing, Kind, Ordered
from tests.fakes.slack.hooks import Hooks
from tests.fakes.slack.limits import Limits
from tests.fakes.slack.payloads import Payloads
from tests.fakes.slack.people import People
from tests.fakes.slack.sockets import Sockets
from tests.fakes.slack.state import Clock, Message, Workspace

Object = dict[str, Any]


class SlackFake:
    """A workspace, its Web API at `api_url`, and its `people`.

    `failing` and `fail_next` make calls fail, `down` cuts every connection, `complaints` has what our product should
    not do though Slack would let it.
    """

    def __init__(
        self, *, team: str, token: str, app_token: str, signing_secret: str, events_url: str | None, rate: float | None
    ) -> None:
        self.token, self.app_token, self.url = token, app_token, ""
        self.clock = Clock()
        self.workspace = Workspace(team, self.clock)
        self.limits = Limits(self.clock, rate)
        self.api = WebApi(self.workspace, self.limits, self.clock)
        self.complaints = self.api.complaints
        self.hooks = Hooks(self.workspace, self.api.messages, self.complaints)
        self.sockets = Sockets(self.workspace.app_id, self.complaints)
        self.delivery = Delivery(self.sockets, signing_secret, events_url)
        payloads = Payloads(self.workspace, self.api.triggers, self.hooks, lambda: self.url)
        self.people = People(self.workspace, self.api, self.hooks, payloads, self.delivery)
        self.failing: Failing | None = None
        self.ordered = Ordered()
        self._down = False
        self._ended = asyncio.Event()
        self.api.add("apps.connections.open", self._socket_url)

    @classmethod
    @contextlib.asynccontextmanager
    async def serving(
        cls,
        *,
        signing_secret: str,
        events_url: str | None = None,
        token: str = "xoxb-test",
        app_token: str = "xapp-test",
        team: str = "T0SHOP",
        rate: float | None = 1.0,
        port: int = 0,
        routes: Callable[[web.Application, SlackFake], None] | None = None,
    ) -> AsyncIterator[SlackFake]:
        """Serves a workspace on loopback (port 0: a free one) until the block ends. Raises `OSError`.

        `rate` multiplies Slack's own limits; None: no limits. `routes` adds some of its own.
        """
        fake = cls(
            team=team, token=token, app_token=app_token, signing_secret=signing_secret, events_url=events_url, rate=rate
        )
        listener = socket.create_server(("127.0.0.1", port))
        fake.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        # a caller that gives up ends its handler: so a call that hangs holds no longer than its caller waits
        app = fake.app()
        if routes is not None:
            routes(app, fake)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            yield fake
        finally:
            await fake.close()
            await runner.cleanup()

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_route("*", "/api/{method}", self._call)
        app.router.add_post("/actions/{tail:.*}", self._respond)
        app.router.add_get("/socket", self._socket)
        return app

    async def close(self) -> None:
        """Lets go of calls that hang, of sockets and of what people wait for."""
        self._ended.set()
        await self.sockets.close()
        await self.delivery.close()

    @property
    def api_url(self) -> str:
        """What AsyncWebClient takes as its base_url."""
        return f"{self.url}/api/"

    @property
    def calls(self) -> list[Call]:
        """All Web API calls so far, response URLs among them."""
        return self.api.calls

    @property
    def sent(self) -> list[Sent]:
        """All deliveries to the app so far."""
        return self.delivery.sent

    @property
    def events_url(self) -> str | None:
        """Where people's acts go; None: over a socket."""
        return self.delivery.events_url

    @events_url.setter
    def events_url(self, url: str | None) -> None:
        self.delivery.events_url = url

    @property
    def down(self) -> bool:
        """While true, every connection is cut without an answer; sockets too."""
        return self._down

    @down.setter
    def down(self, down: bool) -> None:
        self._down = down
        if down:
            self.sockets.cut()

    def fail_next(self, method: str, kind: Kind, times: int = 1) -> None:
        """The next `times` calls of `method`, or of response_url, fail so. Raises `ValueError`."""
        self.ordered.order(method, kind, times)

    async def until(self, condition: Callable[[], Any], seconds: float = 30) -> Any:
        """Waits until `condition` gives something true, and gives it; asked anew after each call.

        Raises `TimeoutError` after `seconds`.
        """
        async with asyncio.timeout(seconds):
            while not (found := condition()):
                await self.api.next_call()
        return found

    def archive(self, channel: str) -> None:
        """Archives a channel. Raises `KeyError`."""
        self.workspace.channels[channel].archived = True

    def remove_bot(self, channel: str) -> None:
        """Takes our bot out of a channel. Raises `KeyError`."""
        self.workspace.channels[channel].members.discard(self.workspace.bot_user)

    def message(self, channel: str, ts: str) -> Message:
        """A message that is not deleted. Raises `LookupError`."""
        message = self.workspace.message(channel, ts)
        if message is None:
            raise LookupError(f"there is no message {ts} in {channel}")
        return message

    def delete_message(self, channel: str, ts: str) -> None:
        """Deletes a message. Raises `LookupError`."""
        self.message(channel, ts).deleted = True

    def close_edit_window(self, channel: str, ts: str) -> None:
        """From now on the message cannot be updated. Raises `LookupError`."""
        self.message(channel, ts).edit_window_closed = True

    def _socket_url(self, _: Object) -> Object:
        return {"url": f"{self.url.replace('http', 'ws', 1)}/socket?ticket={self.sockets.ticket()}"}

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        return _cut(request) if self._down else await self.sockets.serve(request)

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        if self._down:
            self.api.record(method, {}, "down")
            return _cut(request)
        try:
            given = await arguments.read(request)
        except SlackError as error:
            self.api.record(method, {}, error.code)
            return web.json_response({"ok": False, "error": error.code})
        token = arguments.token(request, given)
        if request.content_type == "application/json":
            self.api.complain_of_json(method)
        return await self._do(request, method, given, self._fault_of(method, token))

    async def _do(self, request: web.Request, method: str, given: Object, refused: str | None) -> web.StreamResponse:
        kind = self.ordered.take(method) or (self.failing.kind(method) if self.failing else None)
        after = kind if kind and kind.endswith("after commit") else None
        if kind and not after:
            answer = self.api.failed(method, given, kind)
        else:
            answer = self.api.answer(method, given, refused, after)
        return await self._spoilt(request, kind) or self._answer(answer)

    async def _spoilt(self, request: web.Request, kind: Kind | None) -> web.Response | None:
        """What the caller gets instead of the answer; None: the answer, which of a 429 says so itself."""
        match (kind or "").split(" ")[0]:
            case "timeout":
                await self._ended.wait()
                return _cut(request)
            case "disconnect":
                return _cut(request)
            case "500" if kind != "500":
                return web.json_response({"ok": False, "error": "internal_error"}, status=500)
            case "500":
                page = "<html>Our servers are having a moment</html>"
                return web.Response(text=page, content_type="text/html", status=500)
        return None

    def _answer(self, answer: Answer) -> web.Response:
        if answer.retry_after is not None:
            return web.json_response(answer.body, status=429, headers={"Retry-After": str(answer.retry_after)})
        return web.json_response(answer.body, headers={"x-oauth-scopes": ",".join(sorted(self.api.scopes))})

    def _fault_of(self, method: str, token: str | None) -> str | None:
        """Slack's error code for this token at this method; None: it is good."""
        wanted, other = self.token, self.app_token
        if method == "apps.connections.open":
            wanted, other = other, wanted
        if not token:
            return "not_authed"
        if token == wanted:
            return None
        return "not_allowed_token_type" if token == other else "invalid_auth"

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        if self._down:
            return _cut(request)
        body = await request.read()
        given, kind = {"path": request.path, "body": body.decode(errors="replace")}, self.ordered.take("response_url")
        if kind and not kind.endswith("after commit"):
            answer = self._answer(self.api.failed("response_url", given, kind))
        else:
            answer = self._responded(self.api.record("response_url", given, kind or "ok"), body)
        return await self._spoilt(request, kind) or answer

    def _responded(self, call: Call, body: bytes) -> web.Response:
        try:
            self.hooks.use(str(call.arguments["path"]), body)
        except SlackError as error:
            call.outcome = error.code
            answer = {"ok": False, "error": error.code}
            return web.json_response(answer, status=404 if error.code in _GONE else 400)
        call.committed = True
        return web.Response(text="ok")


_GONE = frozenset({"not_found", "expired_url", "used_url"})


def _cut(request: web.Request) -> web.Response:
    """Resets the connection under a request; its caller gets no answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
