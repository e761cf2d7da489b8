"""Incidents over HTTP: opened, waited for, rolled back, paused, closed; by whom, and who sees them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.api import problems
from tests.api.conftest import GO_ON, Api, a_key
from tests.api.test_openapi import check
from tests.api.test_rollbacks import done
from tests.steps.incidents import patiently
from tests.steps.words import sql

HOUR = timedelta(hours=1)
URL = "/v1/incidents"


@pytest.fixture(autouse=True)
async def at_work(api: Api) -> AsyncIterator[None]:
    """Whoever one test has stopped is at work for the next."""
    yield
    for statement in GO_ON:
        await sql(api.world, statement)


def body(**fields: Any) -> dict[str, Any]:
    """About the bot's last hour, and the next."""
    now = datetime.now(UTC)
    span = {"from": (now - HOUR).isoformat(), "to": (now + HOUR).isoformat()}
    return {"title": "It ran amok", "bots": ["bot"], "actions": [], **span, **fields}


async def opened(api: Api, who: str = "ivan", key: str | None = None, **fields: Any) -> httpx.Response:
    return await api.http.post(URL, json=body(**fields), headers=api.person(who) | a_key(key))


async def do(api: Api, incident: dict[str, Any], what: str, who: str = "ivan", **said: Any) -> httpx.Response:
    headers = api.person(who) | (a_key() if what == "rollbacks" else {})
    return await api.http.post(f"{URL}/{incident['id']}/{what}", json=said, headers=headers)


async def seen(api: Api, incident: dict[str, Any], who: str = "ivan", query: str = "") -> dict[str, Any]:
    answer = await api.http.get(f"{URL}/{incident['id']}{query}", headers=api.person(who))
    assert answer.status_code == 200, answer.json()
    check(api.described, "IncidentView", answer.json())
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: httpx.Response, status: int, name: str) -> dict[str, Any]:
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told["type"]) == (status, problems.PREFIX + name), told
    return told


async def until(api: Api, incident: dict[str, Any], *statuses: str) -> dict[str, Any]:
    """The incident once it has one of these statuses, by its long poll."""
    shown = await seen(api, incident)
    async with asyncio.timeout(60):
        while shown["status"] not in statuses:
            shown = await seen(api, incident, query=f"?wait=10s&since={shown['version']}")
    return shown


async def test_from_the_opening_to_the_summary(api: Api) -> None:
    thing = uuid.uuid4().hex
    older, newer = [await done(api, "do.once", parameters={"thing": thing, "amount": n}) for n in (30, 12)]
    look = (await api.ask("look.up")).json()
    answer = await opened(api)
    incident = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"{URL}/{incident['id']}")
    check(api.described, "OpenedIncident", incident)
    assert (incident["status"], incident["version"], incident["rollback"], incident["opened_by"]) == (
        "open", 1, None, "ivan",
    )  # fmt: skip
    assert "suspended" not in incident
    about = {one["request_id"]: one for one in incident["candidates"]}
    assert list(about)[:2] == [newer["id"], older["id"]]
    assert look["id"] not in about
    first = about[older["id"]]
    assert (first["value"], first["reversible"], first["why"], first["reversed_by"]) == (30, True, None, None)
    assert (first["conflict_key"], first["status"], first["bot"]) == (thing, "succeeded", "bot")
    assert first["until"] > first["started_at"]
    assert not {"parameters", "reason", "on_behalf_of"} & first.keys()

    asked = await do(api, incident, "rollbacks", requests=[older["id"], newer["id"]], reason="Nobody asked")
    rollback = asked.json()
    assert (asked.status_code, asked.headers["location"]) == (201, f"/v1/requests/{rollback['id']}")
    check(api.described, "RequestView", rollback)
    held = await seen(api, incident)
    assert (held["rollback"], held["status"]) == (rollback["id"], "open")
    assert held["progress"] == {"total": 2, "waiting": 2, "succeeded": 0, "failed": 0, "unknown": 0, "skipped": 0}
    assert [(one["n"], one["request_id"], one["rollback"], one["state"]) for one in held["items"]] == [
        (1, newer["id"], None, "waiting"), (2, older["id"], None, "waiting"),
    ]  # fmt: skip
    refused(await do(api, incident, "close", summary="Done"), 409, "not-open-to-this")
    refused(await do(api, incident, "pause"), 409, "not-open-to-this")

    api.world.desk.script(f"{thing}-undone", 0)
    assert (await api.approve(rollback, "marco")).status_code == 200
    await api.world.desk.called(f"{thing}-undone")
    paused = await do(api, incident, "pause")
    check(api.described, "IncidentView", paused.json())
    assert (paused.status_code, paused.json()["status"]) == (200, "paused")
    assert [one["state"] for one in paused.json()["items"]] == ["running", "waiting"]
    api.world.desk.release(f"{thing}-undone")
    assert (await do(api, incident, "resume", "nora")).json()["status"] == "rolling_back"
    ended = await until(api, incident, "open")
    assert ended["progress"]["succeeded"] == 2
    assert [one["why"] for one in ended["items"]] == [None, None]
    about = {one["request_id"]: one for one in ended["candidates"]}
    assert about[older["id"]]["reversed_by"] == ended["items"][1]["rollback"]
    assert not about[older["id"]]["reversible"]
    assert "Another rollback" in about[older["id"]]["why"]

    closed = await do(api, incident, "close", summary="All is as it was")
    assert (closed.status_code, closed.json()["status"], closed.json()["summary"]) == (
        200, "closed", "All is as it was",
    )  # fmt: skip
    again = await do(api, incident, "close", "nora", summary="All is as it was")
    assert again.json()["closed_by"] == "ivan"
    assert refused(await do(api, incident, "close", summary="Otherwise"), 409, "closed")["status"] == "closed"
    told = await seen(api, incident, query=f"?wait=30s&since={closed.json()['version']}")
    assert told["version"] == closed.json()["version"]


async def test_one_incident_and_one_stop_whatever_is_repeated(api: Api) -> None:
    key = uuid.uuid4().hex
    sent = body(suspend=True)
    headers = api.person("ivan") | a_key(key)
    first = await api.http.post(URL, json=sent, headers=headers)
    assert first.status_code == 201, first.json()
    check(api.described, "OpenedIncident", first.json())
    [[since, epoch]] = await sql(api.world, "select suspended_at, stop_epoch from bot where id = 'bot'")
    assert since is not None
    assert first.json()["suspended"].keys() == {"bot"}
    assert first.json()["suspended"]["bot"]["suspended_at"] is not None
    again = await api.http.post(URL, json=sent, headers=headers)
    assert (again.status_code, again.json()["suspended"]) == (200, first.json()["suspended"])
    assert await sql(api.world, "select suspended_at, stop_epoch from bot where id = 'bot'") == [(since, epoch)]
    await sql(api.world, GO_ON[0])
    late = await api.http.post(URL, json=sent, headers=headers)
    assert (late.status_code, late.json()["suspended"]["bot"]["suspended_at"]) == (200, None)
    assert (await sql(api.world, "select suspended_at from bot where id = 'bot'")) == [(None,)]
    other = await api.http.post(URL, json=sent | {"bots": ["bot", "other-bot"]}, headers=headers)
    refused(other, 409, "idempotency-key-reused")
    assert (await sql(api.world, "select suspended_at from bot where id = 'other-bot'")) == [(None,)]
    [[count]] = await sql(api.world, "select count(*) from incident where id = :id", id=uuid.UUID(first.json()["id"]))
    assert count == 1


async def test_at_once_with_one_key_opens_one(api: Api) -> None:
    sent, headers = body(), api.person("ivan") | a_key()
    answers = await asyncio.gather(*(api.http.post(URL, json=sent, headers=headers) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_what_is_wrong_is_said_and_stops_nobody(api: Api) -> None:
    now = datetime.now(UTC)
    backwards = {"from": now.isoformat(), "to": (now - HOUR).isoformat()}
    wrong: list[tuple[str, str, dict[str, Any]]] = [
        ("off-schema", "bots", {"bots": ["bot", "nobody"]}),
        ("malformed", "suspend", {"bots": []}),
        ("malformed", "to", backwards),
        ("malformed", "title", {"title": "  "}),
        ("malformed", "actions.0", {"actions": ["Do Things"]}),
        ("malformed", "from", {"from": "yesterday"}),
    ]
    for name, where, fields in wrong:
        assert refused(await opened(api, suspend=True, **fields), 422, name)["where"] == where
    refused(await opened(api, "dana", suspend=True), 403, "forbidden")
    assert await sql(api.world, "select id from bot where suspended_at is not null") == []


async def test_what_cannot_be_chosen(api: Api) -> None:
    original = await done(api)
    incident = (await opened(api, actions=["do.h*"])).json()
    assert {one["action"] for one in incident["candidates"]} == {"do.high"}
    stranger = str(uuid.uuid4())
    told = refused(await do(api, incident, "rollbacks", requests=[stranger], reason="x"), 422, "off-schema")
    assert stranger in told["detail"]
    refused(await do(api, incident, "rollbacks", requests=[], reason="x"), 422, "malformed")
    refused(await do(api, incident, "rollbacks", requests="some", reason="x"), 422, "malformed")
    refused(await do(api, incident, "rollbacks", requests="all", reason=" "), 422, "malformed")
    one = await do(api, incident, "rollbacks", requests=[original["id"]], reason="x")
    assert one.status_code == 201
    told = refused(await do(api, incident, "rollbacks", requests="all", reason="x"), 409, "rollback-exists")
    denied = await api.post(one.json(), "decisions", {
        "decision": "deny", "reason": "No", "digest": one.json()["digest"],
    }, api.person("rita"))  # fmt: skip
    assert denied.status_code == 200
    shown = await seen(api, incident)
    assert [(item["state"], item["why"]) for item in shown["items"]] == [("skipped", "denied")]
    assert shown["progress"]["skipped"] == 1


async def test_a_value_that_cannot_be_worked_out_stops_nothing(api: Api) -> None:
    without, of = await done(api), await done(api, parameters={"thing": uuid.uuid4().hex, "amount": 7})
    incident = (await opened(api)).json()
    about = {one["request_id"]: one for one in incident["candidates"]}
    assert (about[without["id"]]["value"], about[of["id"]]["value"], about[of["id"]]["value_why"]) == (None, 7, None)
    assert about[without["id"]]["value_why"] == (
        "The value at risk of do.high cannot be worked out: a key that it reads is missing: amount."
    )


async def test_who_sees_one(api: Api) -> None:
    original = await done(api)
    incident = (await opened(api)).json()
    for who in ("ivan", "nora", "anya", "olivia", "sam", "rita"):
        await seen(api, incident, who)
    for who in ("mia", "zoe", "fiona", "ada"):
        refused(await api.http.get(f"{URL}/{incident['id']}", headers=api.person(who)), 404, "not-found")
        for what, said in (
            ("pause", {}),
            ("close", {"summary": "x"}),
            ("rollbacks", {"requests": "all", "reason": "x"}),
        ):
            refused(await do(api, incident, what, who, **said), 404, "not-found")
    for what, said in (("pause", {}), ("resume", {}), ("close", {"summary": "x"})):
        refused(await do(api, incident, what, "olivia", **said), 403, "forbidden")
    refused(await do(api, incident, "rollbacks", "olivia", requests="all", reason="x"), 403, "forbidden")
    refused(await api.http.get(f"{URL}/{incident['id']}", headers=api.client()), 403, "violations")
    asked = await do(api, incident, "rollbacks", requests=[original["id"]], reason="x")
    assert asked.status_code == 201
    assert (await seen(api, incident, "mia"))["rollback"] == asked.json()["id"]
    await api.post(asked.json(), "cancel", {}, api.person("ivan"))


async def test_a_list_shows_what_one_may_read_page_by_page(api: Api) -> None:
    ids = [(await opened(api)).json()["id"] for _ in range(3)]
    everybodys = (await opened(api, bots=[])).json()["id"]
    ids.append(everybodys)

    async def listed(who: str, query: str = "") -> Any:
        answer = await api.http.get(URL + query, headers=api.person(who))
        assert answer.status_code == 200, answer.json()
        check(api.described, "Incidents", answer.json())
        return answer.json()

    for who in ("ivan", "anya", "olivia", "rita"):
        assert [one["id"] for one in (await listed(who))["items"]][:4] == ids[::-1]
    assert (await listed("zoe"))["items"] == []
    assert not {one["id"] for one in (await listed("mia"))["items"]} & set(ids)
    first = await listed("ivan", "?limit=3")
    second = await listed("ivan", f"?limit=1&cursor={first['next_cursor']}")
    assert [one["id"] for one in (*first["items"], *second["items"])] == ids[::-1]
    refused(await api.http.get(URL + "?cursor=x", headers=api.person("ivan")), 422, "malformed")


async def test_a_poll_is_woken_by_the_asking_and_else_waits_its_time_out(api: Api) -> None:
    original = await done(api)
    incident = (await opened(api)).json()
    before = asyncio.get_running_loop().time()
    assert (await seen(api, incident, query="?wait=300ms&since=1"))["version"] == 1
    assert asyncio.get_running_loop().time() - before >= 0.3
    assert (await seen(api, incident, query="?wait=30s&since=0"))["version"] == 1
    waiting = asyncio.create_task(seen(api, incident, "anya", "?wait=30s&since=1"))
    incident_id = uuid.UUID(incident["id"])
    async for attempt in patiently():
        with attempt:  # type: ignore[attr-defined]
            assert api.world.services.waiters.waits(incident_id)
    asked = await do(api, incident, "rollbacks", requests=[original["id"]], reason="x")
    async with asyncio.timeout(4):  # sooner than a poll looks for itself
        assert (await waiting)["rollback"] == asked.json()["id"]
    assert not api.world.services.waiters.waits(incident_id)
    await api.post(asked.json(), "cancel", {}, api.person("ivan"))
