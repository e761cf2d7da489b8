"""The HTTP executor against a server that really listens."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.domain import digest
from app.domain.outcome import Answer, Sent
from app.execution.http import new_client, send
from tests.execution.calls import PARAMETERS, a_call, reason
from tests.execution.raw_server import Talk, hang, http, says, serving


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with new_client() as made:
        yield made


async def answer_to(client: httpx.AsyncClient, talk: Talk, **changes: Any) -> Answer:
    async with serving(talk) as heard:
        return await send(client, a_call(heard.port, **changes))


async def test_sends_what_the_contract_says(client: httpx.AsyncClient) -> None:
    async with serving(says(http(200, b'{"order": {"status": "cancelled"}}'))) as heard:
        call = a_call(heard.port)
        answer = await send(client, call)
    assert answer == Answer(Sent.SUCCEEDED, 200, {"order": {"status": "cancelled"}}, None)
    head, body = heard.requests[0].split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /cancel HTTP/1.1"
    headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
    assert body == digest.canonical(PARAMETERS)
    assert headers == {
        "host": f"127.0.0.1:{heard.port}",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "accept": "application/json",
        "accept-encoding": "identity",
        "connection": "close",
        "user-agent": "interlock",
        "authorization": "Bearer the-grant",
        "idempotency-key": call.request_id,
        "interlock-request": call.request_id,
        "interlock-parameters-digest": digest.sha256(PARAMETERS),
    }


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (200, Sent.SUCCEEDED),
        (201, Sent.SUCCEEDED),
        (299, Sent.SUCCEEDED),
        (302, Sent.FAILED),
        (304, Sent.FAILED),
        (400, Sent.FAILED),
        (401, Sent.FAILED),
        (409, Sent.FAILED),
        (408, Sent.UNCERTAIN),
        (425, Sent.UNCERTAIN),
        (429, Sent.UNCERTAIN),
        (500, Sent.UNCERTAIN),
        (503, Sent.UNCERTAIN),
        (599, Sent.UNCERTAIN),
    ],
)
async def test_reads_the_status(client: httpx.AsyncClient, status: int, sent: Sent) -> None:
    body = b"" if status == 304 else b'{"why": "so"}'
    answer = await answer_to(client, says(http(status, body)))
    assert (answer.sent, answer.http_status) == (sent, status)
    if sent is Sent.SUCCEEDED:
        assert (answer.result, answer.error) == ({"why": "so"}, None)
    else:
        assert answer.error == {"status": status, "body": json.loads(body) if body else None}


async def test_follows_no_redirect(client: httpx.AsyncClient) -> None:
    async with serving(says(http(200))) as elsewhere:
        location = f"Location: http://127.0.0.1:{elsewhere.port}/\r\n"
        answer = await answer_to(client, says(http(307, b"", location)))
    assert answer.sent is Sent.FAILED
    assert elsewhere.connections == 0


async def test_keeps_no_cookie_and_no_connection(client: httpx.AsyncClient) -> None:
    async with serving(says(http(200, b"{}", "Set-Cookie: a=b; Path=/\r\n"))) as heard:
        for _ in range(2):
            await send(client, a_call(heard.port))
    assert heard.connections == 2
    assert b"cookie" not in heard.requests[1].lower()


async def test_a_refused_connection_is_not_sent(client: httpx.AsyncClient) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        answer = await send(client, a_call(taken.getsockname()[1]))
    assert answer.sent is Sent.NOT_SENT
    assert answer.http_status is None
    assert reason(answer).startswith("Nothing was sent: ")


async def test_a_name_that_does_not_resolve_is_not_sent(client: httpx.AsyncClient) -> None:
    call = a_call(80, url="http://nonexistent.invalid/", hosts=frozenset({"nonexistent.invalid"}))
    assert (await send(client, call)).sent is Sent.NOT_SENT
    long = f"{'a' * 64}.invalid"
    assert (await send(client, a_call(80, url=f"http://{long}/", hosts=frozenset({long})))).sent is Sent.NOT_SENT


async def test_a_connection_that_never_comes_about_is_not_sent(client: httpx.AsyncClient) -> None:
    with socket.socket() as full, socket.socket() as first:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        first.connect(full.getsockname())
        call = a_call(full.getsockname()[1], timeout=timedelta(milliseconds=200))
        answer = await send(client, call)
    assert answer.sent is Sent.NOT_SENT
    assert "time" in reason(answer)


@pytest.mark.parametrize(
    "talk",
    [
        says(),
        says(b"HTTP/1.1 200 OK\r\nContent-Le"),
        says(b"nonsense\r\n\r\n"),
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"),
    ],
    ids=["no-answer", "half-a-head", "no-http", "half-a-body", "half-a-chunk"],
)
async def test_cut_after_the_first_byte_is_uncertain(client: httpx.AsyncClient, talk: Talk) -> None:
    answer = await answer_to(client, talk)
    assert answer.sent is Sent.UNCERTAIN
    assert answer.result is None


async def test_a_reset_after_the_request_is_uncertain(client: httpx.AsyncClient) -> None:
    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    assert (await answer_to(client, reset)).sent is Sent.UNCERTAIN


async def test_a_refusal_whose_text_was_cut_is_still_a_refusal(client: httpx.AsyncClient) -> None:
    answer = await answer_to(client, says(b"HTTP/1.1 409 Conflict\r\nContent-Length: 9\r\n\r\n{"))
    assert (answer.sent, answer.http_status) == (Sent.FAILED, 409)
    assert reason(answer).startswith("Answered 409, but not to the end")


async def test_silence_is_uncertain_when_the_time_is_over(client: httpx.AsyncClient) -> None:
    async with serving(hang) as heard:
        answer = await send(client, a_call(heard.port, timeout=timedelta(milliseconds=150)))
        await asyncio.wait_for(heard.closed.wait(), 5)
    assert answer.sent is Sent.UNCERTAIN
    assert len(heard.requests) == 1


@pytest.mark.aisvs("9.1.1")
async def test_a_drip_does_not_outlast_the_time(client: httpx.AsyncClient) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await reader.read()

    answer = await answer_to(client, drip, timeout=timedelta(milliseconds=150))
    assert (answer.sent, answer.http_status) == (Sent.UNCERTAIN, 200)


async def test_cancellation_passes_and_closes(client: httpx.AsyncClient) -> None:
    arrived = asyncio.Event()

    async def note_and_hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await hang(reader, writer)

    async with serving(note_and_hang) as heard:
        task = asyncio.create_task(send(client, a_call(heard.port)))
        await asyncio.wait_for(arrived.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(heard.closed.wait(), 5)


@pytest.mark.parametrize("late", [5.001, 3600.0])
async def test_a_late_process_sends_nothing(client: httpx.AsyncClient, late: float) -> None:
    async with serving(says(http(200))) as heard:
        answer = await send(client, a_call(heard.port, committed_at=100.0), clock=lambda: 100.0 + late)
        await asyncio.wait_for(heard.closed.wait(), 5)
    assert answer.sent is Sent.NOT_SENT
    assert "5 s" in reason(answer)
    assert (heard.connections, heard.requests) == (1, [])


async def test_five_seconds_are_not_yet_late(client: httpx.AsyncClient) -> None:
    async with serving(says(http(200, b"{}"))) as heard:
        answer = await send(client, a_call(heard.port, committed_at=100.0), clock=lambda: 105.0)
    assert answer.sent is Sent.SUCCEEDED


async def test_the_clock_is_read_last(client: httpx.AsyncClient) -> None:
    """A process may be frozen anywhere before the write: only a look when the connection stands can see it."""
    accepted = asyncio.Event()
    looks: list[bool] = []

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set()
        writer.close()

    def clock() -> float:
        looks.append(True)
        return 106.0

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    answer = await send(client, a_call(server.sockets[0].getsockname()[1], committed_at=100.0), clock=clock)
    await asyncio.wait_for(accepted.wait(), 5)
    server.close()
    assert (answer.sent, looks) == (Sent.NOT_SENT, [True])


async def test_a_large_request_leaves_whole(client: httpx.AsyncClient) -> None:
    async with serving(says(http(200, b"{}"))) as heard:
        answer = await send(client, a_call(heard.port, parameters={"text": "x" * 250_000}))
    assert answer.sent is Sent.SUCCEEDED
    assert len(heard.requests[0]) > 250_000


async def test_a_huge_good_answer_counts_and_is_not_kept(client: httpx.AsyncClient) -> None:
    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"[" * 65536)
            await writer.drain()

    answer = await answer_to(client, flood)
    assert (answer.sent, answer.result) == (Sent.SUCCEEDED, None)
    assert "65536" in str(answer.note)


async def test_a_huge_bad_answer_is_cut(client: httpx.AsyncClient) -> None:
    answer = await answer_to(client, says(http(400, b"x" * 70_000)))
    assert answer.error == {"status": 400, "body": "x" * 65536, "truncated": True}


async def test_answers_that_are_no_json(client: httpx.AsyncClient) -> None:
    good = await answer_to(client, says(http(200, b"OK")))
    assert (good.sent, good.result, good.error) == (Sent.SUCCEEDED, None, None)
    assert good.note == "The answer's body was not kept: it is not JSON."
    bad = await answer_to(client, says(http(500, b"<h1>\0 \xff")))
    assert bad.error == {"status": 500, "body": "<h1>\ufffd \ufffd"}


async def test_a_client_of_another_make_is_refused() -> None:
    async with httpx.AsyncClient() as other:
        with pytest.raises(TypeError):
            await send(other, a_call(80))
