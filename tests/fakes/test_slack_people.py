"""People of the fake workspace before a real Bolt app: over HTTP, over a socket, and over the control interface."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from tests.fakes.slack.server import SlackFake

Object = dict[str, Any]

PROJECT = Path(__file__).parents[2]
SECRET = "a-signing-secret"


def plain(text: str) -> Object:
    """A plain_text object."""
    return {"type": "plain_text", "text": text}


REASON = {
    "type": "input",
    "block_id": "why",
    "label": plain("Reason"),
    "element": {"type": "plain_text_input", "action_id": "reason", "min_length": 3, "max_length": 20},
}
MODAL = {
    "type": "modal",
    "callback_id": "decide",
    "private_metadata": "r1",
    "title": plain("Reject"),
    "submit": plain("Reject"),
    "blocks": [
        REASON,
        {
            "type": "actions",
            "block_id": "b",
            "elements": [{"type": "button", "action_id": "look", "text": plain("Look")}],
        },
    ],
}
CARD = [
    {
        "type": "actions",
        "block_id": "decision",
        "elements": [
            {"type": "button", "action_id": "approve", "text": plain("Approve"), "value": "r1", "style": "primary"},
            {"type": "button", "action_id": "reject", "text": plain("Reject"), "value": "r1"},
            {"type": "button", "action_id": "sleep", "text": plain("Sleep")},
        ],
    }
]


class Counterpart:
    """A small Bolt app, and all that it was told."""

    def __init__(self, slack: AsyncWebClient) -> None:
        self.told: list[Object] = []
        self.stay = asyncio.Event()
        self.bolt = AsyncApp(client=slack, signing_secret=SECRET, request_verification_enabled=True)
        self.bolt.action("approve")(self._approve)
        self.bolt.action("reject")(self._reject)
        self.bolt.action("look")(self._note)
        self.bolt.action("sleep")(self._sleep)
        self.bolt.view("decide")(self._decide)
        self.bolt.command("/interlock")(self._command)
        self.bolt.event("app_home_opened")(self._note)

    async def _note(self, ack: Any, body: Object) -> None:
        self.told.append(body)
        await ack()

    async def _approve(self, ack: Any, body: Object, client: AsyncWebClient) -> None:
        await self._note(ack, body)
        ts = body["message"]["ts"]
        await client.chat_update(channel=body["channel"]["id"], ts=ts, text=f"approved by {body['user']['id']}")

    async def _reject(self, ack: Any, body: Object, client: AsyncWebClient) -> None:
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)
        await self._note(ack, body)

    async def _sleep(self, ack: Any, body: Object) -> None:
        await self.stay.wait()
        await self._note(ack, body)

    async def _decide(self, ack: Any, body: Object) -> None:
        self.told.append(body)
        said = body["view"]["state"]["values"]["why"]["reason"]["value"]
        answers: dict[str, Object] = {
            "wrong": {"response_action": "errors", "errors": {"why": "Say more"}},
            "nowhere": {"response_action": "errors", "errors": {"none": "Say more"}},
            "update": {"response_action": "update", "view": {**MODAL, "title": plain("Again")}},
            "push": {"response_action": "push", "view": {**MODAL, "title": plain("Deeper")}},
            "clear": {"response_action": "clear"},
        }
        await ack(**answers.get(said, {}))

    async def _command(self, ack: Any, command: Object) -> None:
        self.told.append(command)
        await ack(command["text"])


@contextlib.asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """Serves an app on loopback and gives its URL."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    try:
        await web.SockSite(runner, listener).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def fake() -> AsyncIterator[SlackFake]:
    """A workspace with two people and a channel."""
    async with SlackFake.serving(signing_secret=SECRET, rate=None) as made:
        made.workspace.add_user("U0DANA", "dana", "dana@shop.example")
        made.workspace.add_user("U0MARCO", "marco", team_id="T0OTHER")
        made.workspace.add_channel("C0APPROVE", "approvals")
        yield made


@pytest.fixture
def slack(fake: SlackFake) -> AsyncWebClient:
    """Slack's own client."""
    return AsyncWebClient("xoxb-test", base_url=fake.api_url, retry_handlers=[])


@pytest.fixture
async def app(fake: SlackFake, slack: AsyncWebClient) -> AsyncIterator[Counterpart]:
    """The app over HTTP."""
    made = Counterpart(slack)
    async with served(made.bolt.web_app("/slack/events")) as url:
        fake.events_url = f"{url}/slack/events"
        yield made
        made.stay.set()


@pytest.fixture
async def card(slack: AsyncWebClient) -> str:
    """A message with buttons."""
    return str((await slack.chat_postMessage(channel="C0APPROVE", text="Refund?", blocks=CARD))["ts"])


async def test_a_click_is_what_slack_sends(fake: SlackFake, app: Counterpart, card: str) -> None:
    sent = await fake.people.click("U0MARCO", "C0APPROVE", card, "approve")
    assert (sent.status, sent.answer, sent.seen) == (200, b"", None)
    (body,) = app.told
    assert body["user"] == {"id": "U0MARCO", "username": "marco", "name": "marco", "team_id": "T0OTHER"}
    assert (body["team"]["id"], body["channel"]["name"]) == ("T0SHOP", "approvals")
    assert body["container"]["message_ts"] == body["message"]["ts"] == card
    (action,) = body["actions"]
    known = {"action_id": "approve", "block_id": "decision", "type": "button", "value": "r1", "style": "primary"}
    assert known.items() <= action.items()
    assert await fake.until(lambda: fake.message("C0APPROVE", card).text == "approved by U0MARCO")


async def test_only_live_buttons_can_be_clicked_unless_a_screen_lags(
    fake: SlackFake, app: Counterpart, card: str
) -> None:
    await fake.people.click("U0DANA", "C0APPROVE", card, "approve")
    await fake.api.called("chat.update")
    with pytest.raises(LookupError, match="no live element approve"):
        await fake.people.click("U0DANA", "C0APPROVE", card, "approve")
    first = fake.message("C0APPROVE", card).versions[0]
    sent = await fake.people.click("U0DANA", "C0APPROVE", card, "approve", version=first)
    assert (sent.ok, sent.payload["message"]["text"], len(app.told)) == (True, "Refund?", 2)
    await fake.api.called("chat.update", 2)
    fake.delete_message("C0APPROVE", card)
    with pytest.raises(LookupError, match="sees no message"):
        await fake.people.click("U0DANA", "C0APPROVE", card, "approve")


async def test_signatures(fake: SlackFake, app: Counterpart, card: str) -> None:
    sent = await fake.people.click("U0DANA", "C0APPROVE", card, "approve")
    again = await fake.people.resend(sent)
    assert (again.body, again.headers, again.status) == (sent.body, sent.headers, 200)
    people, form = fake.people, {"Content-Type": "application/x-www-form-urlencoded"}
    good = await people.raw(sent.body, form | people.signed(sent.body))
    bad = [
        await people.raw(sent.body, form | people.signed(sent.body, secret="another")),
        await people.raw(sent.body, form | people.signed(sent.body, timestamp=time.time() - 301)),
        await people.raw(sent.body + b" ", form | people.signed(sent.body)),
        await people.raw(sent.body, form),
    ]
    assert (good.status, [one.status for one in bad]) == (200, [401] * 4)
    assert len(app.told) == 3


async def test_a_form_that_is_filled_in(fake: SlackFake, app: Counterpart, card: str) -> None:
    await fake.people.click("U0DANA", "C0APPROVE", card, "reject")
    (view,) = fake.workspace.open_views("U0DANA")
    with pytest.raises(ValueError, match="Reason: is needed"):
        await fake.people.submit("U0DANA", view.id)
    with pytest.raises(ValueError, match="more than 20"):
        await fake.people.submit("U0DANA", view.id, {"reason": "x" * 21})
    with pytest.raises(LookupError, match="no input nothing"):
        await fake.people.submit("U0DANA", view.id, {"nothing": "x"})
    assert (await fake.people.submit("U0DANA", view.id, {"reason": "wrong"})).ok
    assert (view.open, view.errors) == (True, {"why": "Say more"})
    assert (await fake.people.submit("U0DANA", view.id, {"reason": "fraud"})).seen is None
    assert fake.workspace.open_views("U0DANA") == []
    body = app.told[-1]
    assert (body["type"], body["view"]["private_metadata"], body["view"]["id"]) == ("view_submission", "r1", view.id)
    assert body["view"]["root_view_id"] == view.id
    with pytest.raises(LookupError):
        await fake.people.submit("U0DANA", view.id, {"reason": "twice"})


async def test_what_a_submission_is_answered(fake: SlackFake, app: Counterpart, card: str) -> None:
    people = fake.people
    await people.click("U0DANA", "C0APPROVE", card, "reject")
    (view,) = fake.workspace.open_views("U0DANA")
    await people.submit("U0DANA", view.id, {"reason": "update"})
    assert (view.given["title"]["text"], len(view.earlier)) == ("Again", 1)
    await people.submit("U0DANA", view.id, {"reason": "push"})
    top = fake.workspace.open_views("U0DANA")[-1]
    assert (top.given["title"]["text"], top.previous, top.root) == ("Deeper", view.id, view.id)
    assert (await people.click_in_view("U0DANA", top.id, "look")).ok
    assert app.told[-1]["container"] == {"type": "view", "view_id": top.id}
    sent = await people.submit("U0DANA", top.id, {"reason": "nowhere"})
    assert sent.seen == "We had some trouble connecting. Try again?"
    assert "no input blocks" in fake.complaints[-1]
    await people.submit("U0DANA", top.id, {"reason": "clear"})
    assert fake.workspace.open_views("U0DANA") == []


@pytest.mark.usefixtures("app")
async def test_an_app_that_is_too_slow_or_absent(fake: SlackFake, card: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fakes.slack.delivery.PATIENCE_SECONDS", 0.2)
    sent = await fake.people.click("U0DANA", "C0APPROVE", card, "sleep")
    assert (sent.status, sent.seen) == (None, "operation_timeout")
    fake.events_url = str(fake.events_url) + "/nowhere"
    command = await fake.people.command("U0DANA", "C0APPROVE", "/interlock", "help")
    assert command.seen == "/interlock failed with the error http_status_404"
    assert fake.workspace.seen_by("U0DANA") == ["operation_timeout", command.seen]
    fake.events_url = "http://127.0.0.1:1/"
    assert "ClientConnectorError" in str((await fake.people.command("U0DANA", "C0APPROVE", "/interlock")).seen)
    fake.events_url = None
    with pytest.raises(ConnectionError):
        await fake.people.command("U0DANA", "C0APPROVE", "/interlock")


async def test_commands(fake: SlackFake, app: Counterpart) -> None:
    await fake.people.command("U0DANA", "C0APPROVE", "/interlock", "status")
    assert fake.workspace.seen_by("U0DANA") == ["status"]
    await fake.people.command("U0DANA", "C0APPROVE", "/interlock")
    assert fake.workspace.seen_by("U0DANA") == ["status"]
    known = {"team_id": "T0SHOP", "channel_id": "C0APPROVE", "user_id": "U0DANA", "text": "status"}
    assert known.items() <= app.told[0].items()


async def test_events_are_sent_again_until_they_are_taken(fake: SlackFake, app: Counterpart) -> None:
    (sent,) = await fake.people.app_home_opened("U0DANA")
    assert (sent.status, app.told[0]["event"]["user"]) == (200, "U0DANA")
    unhandled = await fake.people.event({"type": "team_join", "user": "U0DANA", "event_ts": "1.000000"})
    assert [one.status for one in unhandled] == [404] * 4
    assert [one.headers.get("X-Slack-Retry-Num") for one in unhandled] == [None, "1", "2", "3"]
    assert len({one.payload["event_id"] for one in unhandled}) == 1
    assert (await fake.people.url_verification("abc")).json == {"challenge": "abc"}


async def test_a_response_url_is_good_five_times(fake: SlackFake, app: Counterpart, card: str) -> None:
    app.stay.set()
    sent = await fake.people.click("U0DANA", "C0APPROVE", card, "sleep")
    hook = AsyncWebhookClient(sent.payload["response_url"])
    await hook.send(text="for you")
    await hook.send(text="for all", response_type="in_channel")
    await hook.send(text="new", replace_original=True)
    assert fake.workspace.seen_by("U0DANA") == ["for you"]
    assert [message.text for message in fake.workspace.posted()] == ["new", "for all"]
    assert (await hook.send(text="", blocks=[{"type": "marquee"}])).status_code == 400
    assert (await hook.send(delete_original=True)).status_code == 200
    assert [message.text for message in fake.workspace.posted()] == ["for all"]
    answer = await hook.send(text="once more")
    assert (answer.status_code, json.loads(answer.body)) == (404, {"ok": False, "error": "used_url"})


async def test_a_response_url_is_good_for_thirty_minutes(fake: SlackFake, app: Counterpart) -> None:
    sent = await fake.people.command("U0DANA", "C0APPROVE", "/interlock", "status")
    fake.clock.advance(30 * 60 + 1)
    answer = await AsyncWebhookClient(sent.payload["response_url"]).send(text="late")
    assert (answer.status_code, json.loads(answer.body)["error"]) == (404, "expired_url")
    assert len(app.told) == 1


async def test_a_response_url_can_fail(fake: SlackFake, app: Counterpart) -> None:
    sent = await fake.people.command("U0DANA", "C0APPROVE", "/interlock", "status")
    hook = AsyncWebhookClient(sent.payload["response_url"], retry_handlers=[])
    for kind in ("500", "disconnect before commit", "500 after commit", "disconnect after commit"):
        fake.fail_next("response_url", kind)
        with contextlib.suppress(aiohttp.ClientError):
            assert (await hook.send(text=kind)).status_code == 500
    assert fake.workspace.seen_by("U0DANA") == ["status", "500 after commit", "disconnect after commit"]
    assert len(app.told) == 1


async def test_what_one_person_sees_has_buttons_too(fake: SlackFake, slack: AsyncWebClient, app: Counterpart) -> None:
    app.stay.set()
    answer = await slack.chat_postEphemeral(channel="C0APPROVE", user="U0DANA", text="Sure?", blocks=CARD)
    sent = await fake.people.click("U0DANA", "C0APPROVE", answer["message_ts"], "sleep")
    assert sent.payload["container"]["is_ephemeral"] is True
    await AsyncWebhookClient(sent.payload["response_url"]).send(delete_original=True)
    assert fake.workspace.seen_by("U0DANA") == []
    with pytest.raises(LookupError):
        await fake.people.click("U0MARCO", "C0APPROVE", answer["message_ts"], "sleep")


async def test_socket_mode(fake: SlackFake, slack: AsyncWebClient, card: str) -> None:
    app = Counterpart(slack)
    handler = AsyncSocketModeHandler(app.bolt, "xapp-test")
    await handler.connect_async()  # type: ignore[no-untyped-call]
    try:
        await fake.sockets.connected()
        assert (await fake.people.click("U0DANA", "C0APPROVE", card, "reject")).status == 200
        (view,) = fake.workspace.open_views("U0DANA")
        await fake.people.submit("U0DANA", view.id, {"reason": "wrong"})
        assert view.errors == {"why": "Say more"}
        await fake.people.command("U0DANA", "C0APPROVE", "/interlock", "status")
        assert fake.workspace.seen_by("U0DANA") == ["status"]
        assert [one.status for one in await fake.people.app_home_opened("U0DANA")] == [200]
        assert len(app.told) == 4
        assert fake.complaints == []
        await fake.sockets.refresh()
        await fake.sockets.connected()
        assert (await fake.people.command("U0DANA", "C0APPROVE", "/interlock", "again")).ok
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


async def test_the_process(app: Counterpart, fake: SlackFake) -> None:
    flags = ["--signing-secret", SECRET, "--events-url", str(fake.events_url), "--token", "xoxb-2", "--rate", "0"]
    people = ["--user", "U0DANA=dana@shop.example", "--channel", "C0APPROVE"]
    command = (sys.executable, "-m", "tests.fakes.slack", *flags, *people)
    process = await asyncio.create_subprocess_exec(*command, cwd=PROJECT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    try:
        async with aiohttp.ClientSession(url) as control:
            await _drive(control, AsyncWebClient("xoxb-2", base_url=f"{url}/api/"))
    finally:
        process.send_signal(signal.SIGTERM)
        rest = await process.stdout.read()
    assert (await process.wait(), rest) == (0, b"")
    assert [body["user_id"] for body in app.told if "user_id" in body] == ["U0DANA"]


async def _drive(control: aiohttp.ClientSession, slack: AsyncWebClient) -> None:
    ts = (await slack.chat_postMessage(channel="C0APPROVE", text="Refund?", blocks=CARD))["ts"]
    await slack.chat_postMessage(channel="C0APPROVE", text="a &amp; b", thread_ts=ts)
    text = await (await control.get("/control/messages/C0APPROVE")).text()
    assert text.split("\n")[1:2] + text.split("\n")[3:] == ["[Approve]  [Reject]  [Sleep]", "    a & b"]
    said: Object = {"user": "U0DANA", "channel": "C0APPROVE", "command": "/interlock", "text": "status"}
    answer = await (await control.post("/control/command", json=said)).json()
    assert (answer["status"], answer["answer"], answer["seen"]) == (200, "status", None)
    assert await (await control.get("/control/seen/U0DANA")).json() == ["status"]
    click = {"user": "U0DANA", "channel": "C0APPROVE", "ts": ts, "action_id": "none"}
    assert (await control.post("/control/click", json=click)).status == 400
    await control.post("/control/fail-next", json={"method": "auth.test", "kind": "429"})
    summary = await (await control.get("/control/calls")).json()
    assert summary["calls"] == {"chat.postMessage": {"ok": 2}}
    messages = await (await control.get("/control/messages?channel=C0APPROVE")).json()
    assert [len(message["versions"]) for message in messages] == [1, 1]
