"""The fake's own HTTP interface under /control, for who cannot import it: look, act, and order failures."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from tests.fakes.slack.block_kit import mentions_and_links, plain_of, readable
from tests.fakes.slack.delivery import Sent
from tests.fakes.slack.server import SlackFake
from tests.fakes.slack.state import Message, Version, View, Workspace

Object = dict[str, Any]

_Act = Callable[[Object], Awaitable[Any]]


def add_control(app: web.Application, fake: SlackFake) -> None:
    """Adds the routes. Bodies and answers are JSON, but for a channel as text; a wrong body is a 400 with `error`."""
    control = Control(fake)
    app.router.add_get("/control/messages", control.messages)
    app.router.add_get("/control/messages/{channel}", control.text)
    app.router.add_get("/control/seen/{user}", control.seen)
    app.router.add_get("/control/views", control.views)
    app.router.add_get("/control/calls", control.calls)
    for name, act in control.acts().items():
        app.router.add_post(f"/control/{name}", control.posted(act))


class Control:
    """The handlers."""

    def __init__(self, fake: SlackFake) -> None:
        self._fake, self._workspace = fake, fake.workspace

    def acts(self) -> dict[str, _Act]:
        """What can be posted; the keys of the body are the arguments of the method of `People`."""
        people = self._fake.people
        return {
            "click": lambda said: people.click(**said),
            "click-in-view": lambda said: people.click_in_view(**said),
            "submit": lambda said: people.submit(**said),
            "close": lambda said: people.close(**said),
            "command": lambda said: people.command(**said),
            "event": lambda said: people.event(**said),
            "home-opened": lambda said: people.app_home_opened(**said),
            "url-verification": lambda said: people.url_verification(**said),
            "events-url": self._events_url,
            "signing-secret": self._signing_secret,
            "fail-next": self._fail_next,
            "down": self._set_down,
        }

    @staticmethod
    def posted(act: _Act) -> Callable[[web.Request], Awaitable[web.Response]]:
        """A handler that acts upon a body and answers with what came of it."""

        async def handle(request: web.Request) -> web.Response:
            try:
                done = await act(await request.json())
            except (LookupError, ValueError, TypeError, ConnectionError) as error:
                return web.json_response({"error": str(error)}, status=400)
            return web.json_response([_sent(one) for one in done] if isinstance(done, list) else _sent(done))

        return handle

    async def _events_url(self, said: Object) -> None:
        self._fake.events_url = said["url"]

    async def _signing_secret(self, said: Object) -> None:
        self._fake.delivery.signing_secret = said["secret"]

    async def _fail_next(self, said: Object) -> None:
        self._fake.fail_next(**said)

    async def _set_down(self, said: Object) -> None:
        self._fake.down = bool(said["down"])

    async def messages(self, request: web.Request) -> web.Response:
        """GET /control/messages?channel=: messages with all their versions, oldest first.

        Each version also says what is `readable` in it, and its `mentions` and links.
        """
        found = self._workspace.posted(request.query.get("channel"))
        return web.json_response([_message(message) for message in found])

    async def text(self, request: web.Request) -> web.Response:
        """GET /control/messages/C0APPROVE: a channel as its members read it, replies indented."""
        return web.Response(text=channel_text(self._workspace, request.match_info["channel"]))

    async def seen(self, request: web.Request) -> web.Response:
        """GET /control/seen/U0DANA: what only this person saw."""
        return web.json_response(self._workspace.seen_by(request.match_info["user"]))

    async def views(self, _: web.Request) -> web.Response:
        """GET /control/views: modals that are open, and home views, each with its text."""
        views = [view for view in self._workspace.views.values() if view.open]
        return web.json_response([self._view(view) for view in (*views, *self._workspace.homes.values())])

    def _view(self, view: View) -> Object:
        shown = {"user": view.user, "errors": view.errors, "text": readable(view.given["blocks"])}
        return {**shown, "view": self._workspace.as_view(view)}

    async def calls(self, _: web.Request) -> web.Response:
        """GET /control/calls: how often each method was called and how that ended, 429 answers, complaints."""
        counts: dict[str, Counter[str]] = {}
        for call in self._fake.calls:
            counts.setdefault(call.method, Counter())[call.outcome] += 1
        refused, complaints = self._fake.limits.refused, dict(Counter(self._fake.complaints))
        return web.json_response({"calls": counts, "refused": refused, "complaints": complaints})


def _message(message: Message) -> Object:
    return {**asdict(message), "versions": [_version(version) for version in message.versions]}


def _version(version: Version) -> Object:
    mentions = mentions_and_links(version.text, version.blocks)
    return {**asdict(version), "readable": readable(version.blocks), "mentions": mentions}


def channel_text(workspace: Workspace, channel: str) -> str:
    """A channel as its members read it, oldest first, replies indented under their message."""
    tops = [message for message in workspace.posted(channel) if message.thread_ts is None]
    return "\n\n".join(_with_replies(workspace, message) for message in tops)


def _with_replies(workspace: Workspace, message: Message) -> str:
    replies = [_shown(reply) for reply in workspace.replies(message.channel, message.ts)]
    lines = [line for reply in replies for line in reply.split("\n")]
    return "\n".join([_shown(message), *(f"    {line}" for line in lines)])


def _shown(message: Message) -> str:
    body = readable(message.blocks) or readable([_as_block(message.text)])
    return f"[{message.ts}{' edited' if len(message.versions) > 1 else ''}]\n{body}"


def _as_block(text: str) -> Object:
    return {"type": "section", "text": {"type": "plain_text", "text": plain_of(text)}}


def _sent(sent: Sent | None) -> Object:
    if sent is None:
        return {}
    made: Object = {"status": sent.status, "seconds": sent.seconds, "seen": sent.seen}
    made["answer"] = sent.answer.decode(errors="replace")
    return {**made, "body_base64": base64.b64encode(sent.body).decode(), "headers": sent.headers}
