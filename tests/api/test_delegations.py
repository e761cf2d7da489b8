"""Delegations over HTTP: given, listed, ended."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.api import problems
from app.db import ledger
from app.domain.clocks import rfc3339
from app.domain.ledger import verify_stream
from app.domain.request import Level
from tests.api.conftest import Api, a_key
from tests.clear_text import in_clear, ledger_and_outbox, needles
from tests.steps.words import sql


@pytest.fixture(autouse=True)
async def nobody_away(api: Api) -> AsyncIterator[None]:
    yield
    await sql(api.world, "delete from delegation")
    await sql(api.world, "update person set active = true")


def at(**span: float) -> str:
    """So long from now."""
    return rfc3339(datetime.now(UTC) + timedelta(**span))


async def give(api: Api, who: str = "dana", to: str = "eve", key: str | None = None, **fields: Any) -> httpx.Response:
    body = {"to": to, "until": at(days=3), "reason": "Holidays", **fields}
    return await api.http.post("/v1/delegations", json=body, headers=api.person(who) | a_key(key))


async def end(api: Api, given: dict[str, Any], who: str) -> httpx.Response:
    return await api.http.delete(f"/v1/delegations/{given['id']}", headers=api.person(who))


async def seen_by(api: Api, who: str) -> list[str]:
    answer = await api.http.get("/v1/delegations", headers=api.person(who))
    assert answer.status_code == 200
    return [one["id"] for one in answer.json()["items"]]


def refused(answer: httpx.Response, status: int, name: str, where: str | None = None) -> dict[str, Any]:
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told["type"], told.get("where")) == (status, problems.PREFIX + name, where), told
    return told


async def entries(api: Api, person: str) -> list[dict[str, Any]]:
    [[pid]] = await sql(api.world, "select pid::text from person where id = :id", id=person)
    async with api.world.ctx.database.transaction() as session:
        stored = await ledger.read(session, f"person:{pid}")
    assert verify_stream(f"person:{pid}", stored) == []
    return [json.loads(entry.body) for entry in stored]


async def test_a_delegation_is_given_once_and_ended_once(api: Api) -> None:
    until, key = at(days=3), uuid.uuid4().hex
    first, again = [await give(api, until=until, key=key) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 200)
    given = first.json()
    assert given == again.json()
    assert (given["person"], given["delegate"], given["until"], given["ended_at"]) == ("dana", "eve", until, None)
    assert given["from"] == given["created_at"]
    ended = [(await end(api, given, who)) for who in ("eve", "dana")]
    assert [answer.status_code for answer in ended] == [200, 200]
    assert ended[0].json() == ended[1].json()
    assert ended[0].json()["ended_by"] == "eve"
    again = await give(api, until=until, key=key)
    assert (again.status_code, again.json()) == (200, ended[0].json())


async def test_both_are_on_the_persons_stream_by_pid_with_the_reason_sealed(api: Api) -> None:
    reason = f"Surgery {uuid.uuid4().hex}"
    given = (await give(api, reason=reason)).json()
    await end(api, given, "dana")
    found = [entry for entry in await entries(api, "dana") if entry["facts"].get("delegation") == given["id"]]
    assert [entry["kind"] for entry in found] == ["delegated", "delegation-ended"]
    pids = dict(await sql(api.world, "select id, pid::text from person"))
    facts = found[0]["facts"]
    assert (facts["by"], facts["to"], facts["assurance"], facts["via"]) == (pids["dana"], pids["eve"], "login", "api")
    assert (facts["starts_at"], facts["ends_at"]) == (given["from"], given["until"])
    assert found[1]["facts"]["by"] == pids["dana"]
    assert "sealed" in facts
    stored = await ledger_and_outbox(api.world.ctx.database)
    assert in_clear(needles([reason], vocabulary=[]), stored) == []


async def test_another_body_under_the_same_key(api: Api) -> None:
    key, until = uuid.uuid4().hex, at(days=3)
    assert (await give(api, key=key, until=until)).status_code == 201
    for other in ({"to": "marco"}, {"until": at(days=4)}, {"reason": "Other"}, {"from": at(hours=1)}):
        body = {"until": until, **other}
        refused(await give(api, key=key, **body), 409, "idempotency-key-reused")
    assert (await give(api, "marco", key=key, until=until)).status_code == 201


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"to": "dana"}, "to"),
        ({"to": "nobody"}, "to"),
        ({"until": at(seconds=-1)}, "until"),
        ({"from": at(days=2), "until": at(days=1)}, "until"),
        ({"from": at(seconds=-60)}, "from"),
        ({"until": at(days=30, hours=1)}, "until"),
        ({"from": at(days=5), "until": at(days=36)}, "until"),
        ({"until": "tomorrow"}, "until"),
        ({"until": "2026-01-19T08:00:00"}, "until"),
        ({"until": "2026-02-30T08:00:00Z"}, "until"),
        ({"until": "0001-01-01T00:00:00+14:00"}, "until"),
        ({"until": 1}, "until"),
        ({"from": "now"}, "from"),
        ({"reason": " "}, "reason"),
        ({"person": "marco"}, "person"),
    ],
)
async def test_what_cannot_be(api: Api, fields: dict[str, Any], where: str) -> None:
    refused(await give(api, **fields), 422, "malformed", where)
    assert await sql(api.world, "select 1 from delegation") == []


async def test_who_has_left_decides_for_nobody(api: Api) -> None:
    await sql(api.world, "update person set active = false where id = 'eve'")
    refused(await give(api), 422, "malformed", "to")


async def test_one_at_a_time(api: Api) -> None:
    given = (await give(api, **{"from": at(days=1)})).json()
    for fields in ({}, {"from": at(days=2)}, {"from": at(hours=1), "until": at(days=20)}):
        refused(await give(api, to="marco", **fields), 409, "not-open-to-this")
    for fields in ({"until": at(hours=23)}, {"from": at(days=3, hours=1), "until": at(days=4)}):
        assert (await give(api, to="marco", **fields)).status_code == 201
    await end(api, given, "dana")
    assert (await give(api, **{"from": at(days=1)})).status_code == 201


async def test_of_many_at_once_one_stands(api: Api) -> None:
    answers = await asyncio.gather(*(give(api, to=to) for to in ("eve", "marco", "priya", "lena", "max")))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert len(await sql(api.world, "select 1 from delegation")) == 1


async def test_so_many_a_day(api: Api) -> None:
    for _ in range(20):
        await end(api, (await give(api)).json(), "dana")
    refused(await give(api), 429, "rate-limited")


async def test_a_click_is_not_enough(api: Api) -> None:
    body = {"to": "eve", "until": at(days=3), "reason": "Holidays"}
    answer = await api.http.post("/v1/delegations", json=body, headers=api.person("dana", Level.CLICK) | a_key())
    told = refused(answer, 403, "violations")
    assert [broken["invariant"] for broken in told["violations"]] == ["weak-authentication"]


async def test_who_sees_it(api: Api) -> None:
    given = (await give(api)).json()
    coming = (await give(api, "marco", "priya", **{"from": at(days=1)})).json()
    assert await seen_by(api, "dana") == await seen_by(api, "eve") == [given["id"]]
    assert await seen_by(api, "priya") == [coming["id"]]
    assert await seen_by(api, "anya") == await seen_by(api, "ada") == [given["id"], coming["id"]]
    assert await seen_by(api, "fiona") == []
    await end(api, given, "dana")
    await sql(api.world, "update delegation set ends_at = created_at where person_id = 'marco'")
    assert await seen_by(api, "ada") == []


async def test_who_ends_it(api: Api) -> None:
    given = (await give(api)).json()
    refused(await end(api, given, "fiona"), 404, "not-found")
    refused(await end(api, given, "anya"), 403, "forbidden")
    assert (await end(api, given, "ada")).json()["ended_by"] == "ada"
    for id_ in (str(uuid.uuid4()), "latest", given["id"].replace("-", "")):
        refused(await end(api, {"id": id_}, "dana"), 404, "not-found")


async def test_what_has_run_out_is_not_ended(api: Api) -> None:
    given = (await give(api)).json()
    await sql(api.world, "update delegation set ends_at = starts_at")
    assert (await end(api, given, "dana")).json()["ended_at"] is None
