"""What is not Slack's does not get in; what is malformed is never our fault."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from urllib.parse import quote, urlencode, urlsplit

import httpx
import pytest

from app.slack import guard
from app.use_cases.views import View
from tests.slack.conftest import Reception, user
from tests.slack.office import LEADS

TIMESTAMP, SIGNATURE = "X-Slack-Request-Timestamp", "X-Slack-Signature"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def approval(reception: Reception, shown: View) -> bytes:
    """The body of a click that would approve."""
    reception.fake.events_url, url = "http://127.0.0.1:9/", reception.fake.events_url
    try:
        return (await reception.click("dana", shown)).body
    finally:
        reception.fake.events_url = url


def forgeries(signed: dict[str, str]) -> dict[str, dict[str, str]]:
    """Headers that are nearly right."""
    signature, now = signed[SIGNATURE], int(time.time())
    return {
        "no headers": {},
        "no signature": {TIMESTAMP: signed[TIMESTAMP]},
        "no timestamp": {SIGNATURE: signature},
        "empty": {TIMESTAMP: "", SIGNATURE: ""},
        "altered": signed | {SIGNATURE: signature[:-1] + ("0" if signature[-1] != "0" else "1")},
        "another version": signed | {SIGNATURE: "v1" + signature[2:]},
        "another time": signed | {TIMESTAMP: str(now - 7)},
        "a word for a time": signed | {TIMESTAMP: "yesterday"},
        "a fraction": signed | {TIMESTAMP: f"{now}.5"},
        "minus": signed | {TIMESTAMP: f"-{now}"},
        "endless": signed | {TIMESTAMP: "9" * 400},
        "underscores": signed | {TIMESTAMP: "1_700_000_000"},
        "not hex": signed | {SIGNATURE: "v0=" + "z" * 64},
    }


async def test_forgeries_are_401_and_say_nothing_more(reception: Reception) -> None:
    shown = await reception.world.ask("do.moderate")
    body = await approval(reception, shown)
    cases = forgeries(reception.fake.people.signed(body))
    for at in (-301, 330, -86_400):  # on a busy machine half a minute goes by until it arrives
        cases[f"signed {at} s from now"] = reception.fake.people.signed(body, time.time() + at)
    cases["another secret"] = reception.fake.people.signed(body, secret="guessed")
    said = set()
    for name, headers in cases.items():
        sent = await reception.fake.people.raw(body, FORM | headers)
        assert sent.status == 401, name
        said.add(sent.answer)
    assert len(said) == 1
    assert set(json.loads(said.pop())) == {"error"}
    assert await reception.decisions(shown) == []
    right = await reception.fake.people.raw(body, FORM | reception.fake.people.signed(body))
    assert right.status == 200
    assert await reception.decisions(shown) == [("dana", "approve")]


async def raw_call(reception: Reception, head: bytes, body: bytes) -> bytes:
    """Send bytes as they are; the status line that comes back."""
    parts = urlsplit(str(reception.fake.events_url))
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    lines = b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%s\r\n" % (len(body), head)
    writer.write(lines + body)
    status = await reader.readline()
    writer.close()
    return status


async def test_odd_headers_are_401(reception: Reception) -> None:
    shown = await reception.world.ask("do.moderate")
    body = await approval(reception, shown)
    signed = {name: value.encode() for name, value in reception.fake.people.signed(body).items()}
    time_line = b"X-Slack-Request-Timestamp: " + signed[TIMESTAMP] + b"\r\n"
    good_line = b"X-Slack-Signature: " + signed[SIGNATURE] + b"\r\n"
    type_line = b"Content-Type: application/x-www-form-urlencoded\r\n"
    heads = [
        type_line + time_line + "X-Slack-Signature: v0=ünïcode\r\n".encode(),
        type_line + b"X-Slack-Request-Timestamp: \xd9\xa1\xd9\xa2\r\n" + good_line,
        type_line + time_line + good_line + good_line,
        type_line + time_line + time_line + good_line,
        type_line + type_line + time_line + good_line,
    ]
    for head in heads:
        assert b" 401 " in await raw_call(reception, head, body), head
    assert await reception.decisions(shown) == []
    assert b" 200 " in await raw_call(reception, type_line + time_line + good_line, body)


@pytest.mark.parametrize("body", [b"\xff\xfe\xfa", b"payload=\x80", b'{"a": "\xc3"}'])
async def test_a_body_that_is_not_utf_8_is_401(reception: Reception, body: bytes) -> None:
    assert (await reception.fake.people.raw(body, FORM | reception.fake.people.signed(body))).status == 401


async def test_too_much_is_413(reception: Reception) -> None:
    body = b"payload=" + b"x" * (1024 * 1024)
    async with httpx.AsyncClient() as http:
        url = str(reception.fake.events_url)
        assert (await http.post(url, content=body, headers=FORM)).status_code == 413

        async def in_pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(body), 65_536):
                yield body[start : start + 65_536]

        assert (await http.post(url, content=in_pieces(), headers=FORM)).status_code == 413


async def test_a_body_that_does_not_come_is_408(reception: Reception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_WITHIN", 0.1)
    parts = urlsplit(str(reception.fake.events_url))
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
    assert b" 408 " in await reader.readline()
    writer.close()


async def test_other_methods_are_405(reception: Reception) -> None:
    async with httpx.AsyncClient() as http:
        for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
            assert (await http.request(method, str(reception.fake.events_url))).status_code == 405


def as_form(payload: object) -> bytes:
    """As Slack sends interactions."""
    return urlencode({"payload": json.dumps(payload)}).encode()


CLICK = {"type": "block_actions", "user": {"id": "U0DANA", "team_id": "T0"}, "team": {"id": "T0"}}
ACTION = {"action_id": "approve", "block_id": "b", "type": "button", "value": "v", "action_ts": "1.2"}
MALFORMED = {
    "nothing": b"",
    "not JSON": b"payload=%7Bno",
    "an empty payload": b"payload=",
    "a list": as_form([1]),
    "a text": as_form("payload"),
    "a number": as_form(7),
    "null": as_form(None),
    "deep": b"payload=" + quote("[" * 50_000).encode(),
    "cut": b'{"type": "event_callback", "event": ',
    "an event that is a list": json.dumps({"type": "event_callback", "event": [1]}).encode(),
    "an event that is a text": json.dumps({"type": "event_callback", "event": "x"}).encode(),
    "authorizations that are a text": json.dumps({"type": "event_callback", "authorizations": "x"}).encode(),
    "no actions": as_form({**CLICK, "actions": []}),
    "actions that are a text": as_form({**CLICK, "actions": "x"}),
    "an action that is a text": as_form({**CLICK, "actions": ["x"]}),
    "an action without a name": as_form({**CLICK, "actions": [{"value": "v"}]}),
    "no user": as_form({"type": "block_actions", "team": {"id": "T0"}, "actions": [ACTION]}),
    "a user that is a number": as_form({**CLICK, "user": 7, "actions": [ACTION]}),
    "a user id that is a list": as_form({**CLICK, "user": {"id": [1]}, "actions": [ACTION]}),
    "a user id that is a path": as_form({**CLICK, "user": {"id": "../U1", "team_id": "T0"}, "actions": [ACTION]}),
    "an action_ts that is none": as_form({**CLICK, "actions": [{**ACTION, "action_ts": "now"}]}),
    "a view that is a text": as_form({**CLICK, "type": "view_submission", "view": "x"}),
    "a form without a hash": as_form({**CLICK, "type": "view_submission", "view": {"id": "V1", "callback_id": "deny"}}),
    "a command without a user": urlencode({"command": "/interlock", "team_id": "T0", "text": "help"}).encode(),
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_what_is_signed_and_malformed_is_400(reception: Reception, name: str) -> None:
    body = MALFORMED[name]
    headers = {"Content-Type": "application/json"} if body.startswith(b"{") else FORM
    sent = await reception.fake.people.raw(body, headers | reception.fake.people.signed(body))
    assert sent.status == 400, sent.answer
    assert set(sent.json) == {"error"}
    unsigned = await reception.fake.people.raw(body, headers)
    assert unsigned.status == 401


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "event_callback", "team_id": "T0", "event": {"type": "reaction_added", "user": "U0DANA"}},
        {"type": "event_callback", "team_id": "T0", "event": {"type": "message", "user": "U0DANA", "text": "hello"}},
    ],
)
async def test_what_nothing_handles_is_200_once(
    reception: Reception, payload: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "app.slack")
    body = json.dumps(payload).encode()
    headers = {"Content-Type": "application/json"} | reception.fake.people.signed(body)
    assert (await reception.fake.people.raw(body, headers)).status == 200
    assert "nothing here handles" in caplog.text
    assert "hello" not in caplog.text


async def test_unhandled_interactions_are_200(reception: Reception) -> None:
    for payload in ({**CLICK, "actions": [{**ACTION, "action_id": "other"}]}, {**CLICK, "type": "shortcut"}):
        body = as_form(payload)
        assert (await reception.fake.people.raw(body, FORM | reception.fake.people.signed(body))).status == 200


async def test_slacks_own_checks_are_answered(reception: Reception) -> None:
    sent = await reception.fake.people.url_verification("3eZbrw1a")
    assert (sent.status, sent.json) == (200, {"challenge": "3eZbrw1a"})
    body = b"ssl_check=1&token=anything"
    assert (await reception.fake.people.raw(body, FORM)).status == 200
    smuggled = b"ssl_check=1&payload=" + quote(json.dumps({**CLICK, "actions": [ACTION]})).encode()
    assert (await reception.fake.people.raw(smuggled, FORM)).answer == b""


async def test_bolts_own_headers_do_not_steer_it(reception: Reception) -> None:
    shown = await reception.world.ask("do.two")
    body = await approval(reception, shown)
    lazy = {"X-Slack-Bolt-Lazy-Only": "1", "X-Slack-Bolt-Lazy-Function-Name": "x"}
    sent = await reception.fake.people.raw(body, FORM | lazy | reception.fake.people.signed(body))
    assert sent.status == 200
    assert await reception.decisions(shown) == [("dana", "approve")]


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://hooks.slack.com/actions/x",
        "https://hooks.slack.com.evil.test/x",
        "https://hooks.slack.com:8443/x",
        "https://hooks.slack.com@evil.test/x",
        "https://evil.test/hooks.slack.com",
        "https://evil.test\\@hooks.slack.com/",
        "file:///etc/passwd",
        "https://[::1",
        "https://hooks.slack.com:port/",
        "",
    ],
)
async def test_we_answer_nobody_but_slack(reception: Reception, url: str) -> None:
    answers = reception.door._answers  # noqa: SLF001
    assert not answers.may_call(url)
    assert answers.may_call("https://hooks.slack.com/actions/T0/1/x")
    assert answers.may_call(f"{reception.fake.url}/actions/T0/1/x")


async def test_a_forged_response_url_is_not_called(reception: Reception) -> None:
    called = asyncio.Event()

    async def elsewhere(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        called.set()
        writer.close()

    server = await asyncio.start_server(elsewhere, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    shown = await reception.world.ask("do.two")
    payload = json.loads(dict_of(await approval(reception, shown))["payload"])
    body = as_form({**payload, "response_url": f"http://127.0.0.1:{port}/actions"})
    assert (await reception.fake.people.raw(body, FORM | reception.fake.people.signed(body))).status == 200
    try:
        await reception.told("dana", "1 of 2")
    finally:
        server.close()
        await server.wait_closed()
    assert not called.is_set()
    assert reception.fake.workspace.ephemerals[-1].channel == LEADS
    assert reception.fake.workspace.ephemerals[-1].user == user("dana")


async def test_logs_hold_nothing_of_a_payload(reception: Reception, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    shown = await reception.world.ask("do.two")
    sent = await reception.click("dana", shown)
    await reception.told("dana", "1 of 2")
    for name in ("no actions", "no user", "an event that is a list"):
        body = MALFORMED[name]
        await reception.fake.people.raw(body, FORM | reception.fake.people.signed(body))
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("app"))
    assert "could not be read" in ours
    for secret in (sent.payload["response_url"], sent.trigger_id, sent.payload["token"], shown["digest"], "U0DANA"):
        assert secret not in ours


def dict_of(form: bytes) -> dict[str, str]:
    """A form's fields."""
    return dict(httpx.QueryParams(form.decode()))
