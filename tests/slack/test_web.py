"""Calls to Slack: what is sent, and which of four errors each failure is; nothing is sent twice, no secret is told."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

import pytest
from prometheus_client import REGISTRY

from app.devstack.ports import LOOPBACK, free_port
from app.slack.web import Answer, Limited, Lost, Refused, Slack, SlackError, Unreachable
from tests.fakes.slack.failing import Kind
from tests.fakes.slack.server import SlackFake
from tests.slack.small_slack import TOKEN, Reply, cuts, cuts_halfway, never, says, sends, small_slack

BLOCKS = [{"type": "section", "text": {"type": "plain_text", "text": "private words"}}]
METADATA = {"event_type": "interlock_request", "event_payload": {"request_id": "r", "version": 3}}
JSON = {"Content-Type": "application/json"}


async def fails(reply: Reply) -> SlackError:
    """The error of one posting, which must have been sent once."""
    async with small_slack(reply) as (fake, slack):
        with pytest.raises(SlackError) as caught:
            await slack.call("chat.postMessage", channel="C1", text="private words", blocks=BLOCKS)
        assert len(fake.asked) == 1
    assert TOKEN not in str(caught.value)
    assert "private" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


def counted(method: str, result: str) -> float:
    return REGISTRY.get_sample_value("interlock_slack_calls_total", {"method": method, "result": result}) or 0.0


async def test_a_message_is_posted_as_objects_with_the_token_and_without_previews() -> None:
    before = counted("chat.postMessage", "ok")
    async with small_slack(says({"ok": True, "ts": "1.2"})) as (fake, slack):
        answer = await slack.call("chat.postMessage", channel="C1", text="t", blocks=BLOCKS, metadata=METADATA)
        assert answer == {"ok": True, "ts": "1.2"}
    asked = fake.asked[0]
    assert (asked.verb, asked.method) == ("POST", "chat.postMessage")
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    quiet = {"unfurl_links": False, "unfurl_media": False}
    assert asked.body == {"channel": "C1", "text": "t", "blocks": BLOCKS, "metadata": METADATA, **quiet}
    assert counted("chat.postMessage", "ok") == before + 1


async def test_other_methods_go_as_slack_takes_them() -> None:
    view = {"type": "modal", "title": {"type": "plain_text", "text": "t"}, "blocks": []}
    async with small_slack(says({"ok": True})) as (fake, slack):
        await slack.call("views.open", trigger_id="1.2", view=view)
        await slack.call("conversations.history", channel="C1", include_all_metadata=True, limit=5)
    opened, read = fake.asked
    assert opened.body == {"trigger_id": "1.2", "view": view}
    assert read.verb == "GET"
    assert read.query == {"channel": "C1", "include_all_metadata": "1", "limit": "5"}


async def test_an_answer_comes_with_its_headers() -> None:
    async with small_slack(says({"ok": True}, headers={"X-OAuth-Scopes": "chat:write"})) as (_, slack):
        answer = await slack.answer("auth.test")
    assert isinstance(answer, Answer)
    assert answer.headers["x-oauth-scopes"] == "chat:write"


@pytest.mark.parametrize("method", ["chat.noSuchThing", "close", "_private"])
async def test_a_method_that_slack_does_not_have_is_a_mistake_of_ours(method: str) -> None:
    with pytest.raises(ValueError, match="knows no method"):
        await Slack(TOKEN).call(method)


async def test_one_session_serves_all_calls_and_a_closed_client_opens_another() -> None:
    peers: set[Any] = set()

    async def reply(request: Any) -> Any:
        peers.add(request.transport.get_extra_info("peername"))
        return await says({"ok": True})(request)

    async with small_slack(reply) as (_, slack):
        await slack.call("auth.test")
        await slack.call("auth.test")
        assert len(peers) == 1
        await slack.close()
        await slack.close()
        await slack.call("auth.test")
    assert len(peers) == 2


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"ok": False, "error": "channel_not_found"}, 200, "channel_not_found"),
        ({"ok": False, "error": "not_in_channel"}, 403, "not_in_channel"),
        ({"ok": False, "error": "a\nb: c"}, 200, "a_b:_c"),
        ({"message": "private words"}, 404, "http_404"),
    ],
)
async def test_a_no_is_refused(body: Any, status: int, error: str) -> None:
    found = await fails(says(body, status=status))
    assert isinstance(found, Refused)
    assert found.error == error


async def test_why_it_was_refused_is_told_apart_from_the_error() -> None:
    words = "[ERROR] private words are too long [json-pointer:/blocks/0/text]"
    body = {"ok": False, "error": "invalid_blocks", "response_metadata": {"messages": [words]}}
    found = await fails(says(body))
    assert isinstance(found, Refused)
    assert str(found) == "invalid_blocks"
    assert "json-pointer:/blocks/0/text" in found.detail


@pytest.mark.parametrize(
    ("reply", "seconds"),
    [
        (says({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "7"}), 7),
        (sends(b"", status=429, headers={"Retry-After": "0", "Content-Type": "text/plain"}), 1),
        (says({"ok": False, "error": "ratelimited"}), 30),
        (says({"ok": False, "error": "rate_limited"}, headers={"Retry-After": "soon"}), 30),
        (says({}, status=429, headers={"Retry-After": "999999999"}), 3600),
    ],
)
async def test_too_many_calls_are_limited(reply: Reply, seconds: float) -> None:
    found = await fails(reply)
    assert isinstance(found, Limited)
    assert found.retry_after == seconds


@pytest.mark.parametrize(
    "reply",
    [
        cuts,
        cuts_halfway,
        says({"ok": True, "ts": "1.2"}, status=500),
        says({"ok": False, "error": "some_error"}, status=503),
        says({"ok": False, "error": "internal_error"}),
        says({"ok": False, "error": "fatal_error"}),
        says({"ok": False}),
        says({"ok": "yes"}),
        says({}, status=408),
        says([{"ok": True}]),
        says(None),
        sends(b"<html>ok</html>", headers={"Content-Type": "text/html"}),
        sends(b'{"ok": true}', headers={"Content-Type": "text/plain"}),
        sends(b'{"ok": true', headers=JSON),
        sends(b'{"ok": true, "x": "\xff"}', headers=JSON),
        sends(b'{"ok": true, "x": "\xff"}', headers={"Content-Type": "application/json; charset=no-such-set"}),
        sends(b"[" * 100_000, headers=JSON),
        sends(b"private words", status=502, headers={"Content-Type": "text/plain"}),
    ],
)
async def test_an_answer_that_says_nothing_sure_is_lost(reply: Reply) -> None:
    assert isinstance(await fails(reply), Lost)


async def test_an_answer_that_does_not_come_in_time_is_lost() -> None:
    before = counted("chat.update", "lost")
    async with small_slack(never, within=0.3) as (fake, slack):
        with pytest.raises(Lost):
            await slack.call("chat.update", channel="C1", ts="1.2", text="t")
        assert len(fake.asked) == 1
    assert counted("chat.update", "lost") == before + 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_call_is_not_sent_where_an_answer_points(status: int) -> None:
    found = await fails(sends(b"", status=status, headers={"Location": "/elsewhere"}))
    assert isinstance(found, Refused)
    assert found.error == f"http_{status}"


async def test_nobody_there_is_unreachable() -> None:
    before = counted("auth.test", "unreachable")
    slack = Slack(TOKEN, api_url=f"http://{LOOPBACK}:{free_port()}/api/")
    with pytest.raises(Unreachable, match="ClientConnector"):
        await slack.call("auth.test")
    await slack.close()
    assert counted("auth.test", "unreachable") == before + 1


async def test_a_name_that_nobody_knows_is_unreachable() -> None:
    slack = Slack(TOKEN, api_url="https://slack.invalid/api/")
    with pytest.raises(Unreachable):
        await slack.call("auth.test")
    await slack.close()


async def test_a_connection_that_is_not_made_in_time_is_unreachable() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:  # takes the connection, and says no word of TLS
        slack = Slack(TOKEN, api_url=f"https://{LOOPBACK}:{server.getsockname()[1]}/api/", timeout=0.4)
        with pytest.raises(Unreachable, match="ConnectionTimeoutError"):
            await slack.call("auth.test")
        await slack.close()


async def test_a_cancelled_call_stays_cancelled() -> None:
    asked = asyncio.Event()

    async def reply(request: Any) -> Any:
        asked.set()
        return await never(request)

    async with small_slack(reply) as (_, slack):
        task = asyncio.create_task(slack.call("auth.test"))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_proxy_is_not_used_for_this_machine_or_where_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{LOOPBACK}:{free_port()}")
    monkeypatch.setenv("NO_PROXY", "slack.invalid")
    async with small_slack(says({"ok": True})) as (_, slack):
        await slack.call("auth.test")
    for host, error in (("slack.invalid", "DNS"), ("other.invalid", "Proxy")):
        slack = Slack(TOKEN, api_url=f"https://{host}/api/")
        with pytest.raises(Unreachable, match=error):
            await slack.call("auth.test")
        await slack.close()


async def test_nothing_of_a_call_is_logged_not_even_for_who_looks_for_faults(caplog: pytest.LogCaptureFixture) -> None:
    refusal = {"ok": False, "error": "invalid_blocks", "response_metadata": {"messages": ["private words"]}}
    with caplog.at_level(logging.DEBUG):
        await fails(says(refusal))
        async with small_slack(says({"ok": True, "message": {"text": "private words"}})) as (_, slack):
            await slack.call("chat.postMessage", channel="C1", text="private words", blocks=BLOCKS)
    assert TOKEN not in caplog.text
    assert "private" not in caplog.text


@pytest.mark.parametrize(
    ("kind", "error", "done"),
    [
        ("429", Limited, 0),
        ("500", Lost, 0),
        ("500 after commit", Lost, 1),
        ("timeout before commit", Lost, 0),
        ("timeout after commit", Lost, 1),
        ("disconnect before commit", Lost, 0),
        ("disconnect after commit", Lost, 1),
    ],
)
async def test_what_a_strict_slack_does_to_a_posting_is_told_and_never_posted_twice(
    kind: Kind, error: type[SlackError], done: int
) -> None:
    async with SlackFake.serving(signing_secret="s", token=TOKEN) as fake:
        channel = fake.workspace.add_channel("C0APPROVE").id
        slack = Slack(TOKEN, api_url=fake.api_url, timeout=0.5)
        fake.fail_next("chat.postMessage", kind)
        message = {"channel": channel, "text": "t", "blocks": BLOCKS, "metadata": METADATA}
        with pytest.raises(error):
            await slack.call("chat.postMessage", **message)
        assert len(fake.workspace.posted(channel)) == done
        fake.clock.advance(60)
        await slack.call("chat.postMessage", **message)
        assert len(fake.workspace.posted(channel)) == done + 1
        found = await slack.call("conversations.history", channel=channel, include_all_metadata=True)
        assert [one["metadata"] for one in found["messages"]] == [METADATA] * (done + 1)
        await slack.close()


async def test_a_slack_that_hangs_up_loses_the_call_and_the_next_one_works() -> None:
    async with SlackFake.serving(signing_secret="s", token=TOKEN) as fake:
        slack = Slack(TOKEN, api_url=fake.api_url)
        fake.down = True
        with pytest.raises(Lost):
            await slack.call("auth.test")
        fake.down = False
        assert (await slack.call("auth.test"))["ok"] is True
        await slack.close()
