"""Ask, read, wait, decide, cancel, start, report, settle: over HTTP."""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.db import requests
from app.domain.request import Level
from tests.api.conftest import Api, a_key

PEOPLE = {"may_decide", "decisions", "settlements", "action_version", "environment", "nonce"}


def problem(response: httpx.Response, status: int, name: str, /, **members: Any) -> None:
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert (response.status_code, body["type"]) == (status, f"urn:interlock:problem:{name}"), body
    assert body | members == body


async def approve(api: Api, shown: dict[str, Any], person: str = "dana", **more: Any) -> httpx.Response:
    body = {"decision": "approve", "digest": shown["digest"], **more}
    return await api.post(shown, "decisions", body, api.person(person))


async def test_the_main_job(api: Api) -> None:
    asked = await api.ask()
    assert asked.status_code == 201
    shown = asked.json()
    assert shown["status"] == "held"
    assert asked.headers["location"] == f"/v1/requests/{shown['id']}"
    assert not PEOPLE & shown.keys()

    decided = await approve(api, shown)
    assert decided.status_code == 200
    assert decided.json()["decisions"][0]["person"] == "dana"
    assert decided.json()["decisions"][0]["via"] == "api"

    seen = await api.http.get(f"/v1/requests/{shown['id']}?wait=30s&since={shown['version']}", headers=api.client())
    while seen.json()["status"] not in ("succeeded", "failed"):
        after = seen.json()["version"]
        seen = await api.http.get(f"/v1/requests/{shown['id']}?wait=30s&since={after}", headers=api.client())
    assert seen.json()["status"] == "succeeded"
    assert not PEOPLE & seen.json().keys()


async def test_the_same_key_is_the_same_request(api: Api) -> None:
    key, thing = uuid.uuid4().hex, {"thing": uuid.uuid4().hex}
    first, again = await api.ask(key=key, parameters=thing), await api.ask(key=key, parameters=thing)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert "grant" not in again.json()
    assert again.headers["location"] == first.headers["location"]
    problem(await api.ask(key=key), 409, "idempotency-key-reused", status="held", standing=None)


@pytest.mark.parametrize("key", [None, "", " ", "a b", "ü".encode("latin-1"), "x" * 256])
async def test_an_ask_needs_a_key(api: Api, key: str | bytes | None) -> None:
    headers: list[tuple[str, str | bytes]] = list(api.client().items())
    if key is not None:
        headers.append(("Idempotency-Key", key))
    body = {"action": "do.moderate", "parameters": {"thing": "x"}, "on_behalf_of": "customer:carl"}
    response = await api.http.post("/v1/requests", json=body, headers=headers)  # type: ignore[arg-type]  # mixed is fine
    problem(response, 422, "idempotency-key-missing")


async def test_two_keys_are_none(api: Api) -> None:
    headers = [*api.client().items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    response = await api.http.post("/v1/requests", json={"action": "x", "parameters": {}}, headers=headers)
    problem(response, 422, "idempotency-key-missing")


@pytest.mark.parametrize("key", ["!", "~" * 255])
async def test_the_longest_and_oddest_keys(api: Api, key: str) -> None:
    assert (await api.ask(key=key)).status_code == 201


@pytest.mark.parametrize(
    ("fields", "name", "where"),
    [
        ({"action": "do.nothing"}, "unknown-action", "action"),
        ({"parameters": {"thing": 1}}, "off-schema", None),
        ({"parameters": {}}, "off-schema", None),
        ({"parent": str(uuid.uuid4())}, "off-schema", "parent"),
        ({"supersedes": str(uuid.uuid4())}, "off-schema", "supersedes"),
        ({"on_behalf_of": None}, "off-schema", "on_behalf_of"),
        ({"on_behalf_of": "carl"}, "malformed", "on_behalf_of"),
        ({"triggered_by": "customer:a b"}, "malformed", "triggered_by"),
        ({"parent": "x"}, "malformed", "parent"),
        ({"parameters": []}, "malformed", "parameters"),
        ({"parameters": None}, "malformed", "parameters"),
        ({"parameters": {"thing": "x" * (256 * 1024)}}, "malformed", "parameters"),
        ({"action": 1}, "malformed", "action"),
        ({"reason": "x" * 2001}, "malformed", "reason"),
        ({"context": []}, "malformed", "context"),
        ({"context": {"other": "x"}}, "malformed", "context.other"),
        ({"context": {"model": 1}}, "malformed", "context.model"),
        ({"decided_by": "dana"}, "malformed", "decided_by"),
        ({"kind": "governance"}, "malformed", "kind"),
    ],
)
async def test_what_is_refused_leaves_nothing(api: Api, fields: dict[str, Any], name: str, where: str | None) -> None:
    key = uuid.uuid4().hex
    problem(await api.ask(key=key, **fields), 422, name, **({"where": where} if where else {}))
    assert (await api.ask(key=key)).status_code == 201


async def test_what_may_be_left_out(api: Api) -> None:
    nulls: dict[str, Any] = {"reason": None, "triggered_by": None, "parent": None, "supersedes": None, "context": None}
    key, thing = uuid.uuid4().hex, {"thing": uuid.uuid4().hex}
    first = await api.ask(key=key, parameters=thing, **nulls)
    assert first.json()["context"] == {}
    assert (await api.ask(key=key, parameters=thing, context={"model": None})).status_code == 200


async def test_uuids_are_one_however_they_are_spelt(api: Api) -> None:
    parent = (await api.ask()).json()["id"]
    child = await api.ask(parent=parent.upper())
    assert child.json()["parent"] == parent
    assert (await api.http.get(f"/v1/requests/{parent.upper()}", headers=api.client())).status_code == 200


@pytest.mark.parametrize("text", ["1", "x", "%00", "9f4c1c527c0f5d0e8a593c0f2a6f2a11"])
async def test_an_id_that_is_none(api: Api, text: str) -> None:
    problem(await api.http.get(f"/v1/requests/{text}", headers=api.client()), 404, "not-found", status=404)
    body = {"decision": "approve", "digest": "x"}
    response = await api.http.post(f"/v1/requests/{text}/decisions", json=body, headers=api.person("dana"))
    problem(response, 404, "not-found")


async def test_deciding(api: Api) -> None:
    shown = (await api.ask()).json()
    digest = shown["digest"]
    dana, olivia = api.person("dana"), api.person("olivia")
    problem(await api.post(shown, "decisions", {"decision": "approve"}, dana), 422, "malformed", where="digest")
    problem(await api.post(shown, "decisions", {"decision": "yes", "digest": digest}, dana), 422, "malformed")
    unfounded = await api.post(shown, "decisions", {"decision": "deny", "digest": digest}, dana)
    problem(unfounded, 422, "malformed", where="reason")
    by_name = await api.post(shown, "decisions", {"decision": "approve", "digest": digest, "person": "marco"}, dana)
    problem(by_name, 422, "malformed", where="person")
    problem(await approve(api, {**shown, "digest": "sha256:0"}), 409, "digest-differs", status="held", standing=None)
    stranger = await approve(api, shown, "zoe")
    problem(stranger, 403, "violations", status=403)
    assert {v["invariant"] for v in stranger.json()["violations"]} >= {"not-eligible"}
    by_bot = await api.post(shown, "decisions", {"decision": "approve", "digest": digest}, api.client())
    assert [v["invariant"] for v in by_bot.json()["violations"]] == ["not-human"]
    assert (await approve(api, shown, "olivia")).status_code == 403
    denied = await api.post(shown, "decisions", {"decision": "deny", "reason": "no", "digest": digest}, dana)
    assert denied.json()["status"] == "denied"
    again = await api.post(shown, "decisions", {"decision": "deny", "reason": "no", "digest": digest}, dana)
    assert again.status_code == 200
    late = await approve(api, shown, "marco")
    problem(late, 409, "closed", status="denied", standing=None)
    assert (await api.http.get(f"/v1/requests/{shown['id']}", headers=olivia)).status_code == 200


async def test_the_key_of_a_decision_goes_with_its_body(api: Api) -> None:
    shown = (await api.ask("do.two")).json()
    key = a_key()
    body = {"decision": "approve", "digest": shown["digest"]}
    for _ in range(2):
        assert (await api.post(shown, "decisions", body, api.person("dana") | key)).status_code == 200
    other = await api.post(shown, "decisions", body | {"reason": "another"}, api.person("dana") | key)
    problem(other, 409, "idempotency-key-reused")
    bad = await api.post(shown, "decisions", body, api.person("marco") | {"Idempotency-Key": "a b"})
    problem(bad, 422, "idempotency-key-missing")


async def test_cancelling(api: Api) -> None:
    shown = (await api.ask()).json()
    problem(await api.post(shown, "cancel", {}, api.person("dana")), 403, "forbidden")
    for _ in range(2):
        cancelled = await api.post(shown, "cancel", {"reason": "changed their mind"}, api.client())
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    bare = await api.http.post(f"/v1/requests/{(await api.ask()).json()['id']}/cancel", headers=api.client())
    assert (bare.status_code, bare.json()["status"]) == (200, "cancelled")
    denied = (await api.ask(parameters={"thing": "x", "mode": "deny"})).json()
    problem(await api.post(denied, "cancel", {}, api.client()), 409, "closed", status="denied")


async def test_an_action_that_the_bot_runs(api: Api) -> None:
    asked = await api.ask("look.up")
    shown = asked.json()
    assert (asked.status_code, shown["status"]) == (201, "executing")
    for headers, body in (({}, None), ({"Content-Type": "application/json"}, b"{}")):
        response = await api.http.post(
            f"/v1/requests/{shown['id']}/grant", content=body, headers=api.client() | headers
        )
        assert response.json() == shown["grant"]
    result = {"found": [1, 2.5, "x", None]}
    for _ in range(2):
        done = await api.post(shown, "outcome", {"status": "succeeded", "result": result}, api.client())
        assert (done.status_code, done.json()["status"]) == (200, "succeeded")
        assert done.json()["execution"]["result"] == result
    other = await api.post(shown, "outcome", {"status": "failed"}, api.client())
    problem(other, 409, "not-open-to-this", status="succeeded")
    problem(await api.post(shown, "grant", {}, api.client()), 409, "not-open-to-this")
    assert (await api.post(shown, "grant", {"a": 1}, api.client())).status_code == 422


async def test_an_outcome_has_its_limits(api: Api) -> None:
    shown = (await api.ask("look.up")).json()
    for body, where in (
        ({"status": "unknown"}, "status"),
        ({"status": "succeeded", "result": "x" * 64 * 1024}, "result"),
        ({"status": "failed", "detail": "x" * 2001}, "detail"),
    ):
        problem(await api.post(shown, "outcome", body, api.client()), 422, "malformed", where=where)
    assert (await api.post(shown, "outcome", {"status": "failed", "detail": "gone"}, api.client())).status_code == 200


async def test_settling_what_is_not_unknown(api: Api) -> None:
    shown = (await api.ask()).json()
    settled = {"status": "succeeded", "reason": "seen"}
    problem(await api.post(shown, "settle", settled, api.person("ivan")), 409, "not-open-to-this", status="held")
    problem(await api.post(shown, "settle", settled, api.person("dana")), 403, "forbidden")
    assert (await api.post(shown, "settle", settled, api.client())).status_code == 403
    for body in ({"status": "succeeded"}, {"status": "succeeded", "reason": " "}, {"status": "held", "reason": "x"}):
        problem(await api.post(shown, "settle", body, api.person("ivan")), 422, "malformed")


async def test_settling_by_two(api: Api) -> None:
    thing = uuid.uuid4().hex
    api.world.desk.script(thing, 500)
    shown = (await api.ask("do.grave", parameters={"thing": thing})).json()
    await approve(api, shown)
    await api.world.until(shown, "unknown")
    said = {"status": "succeeded", "reason": "seen in the back office"}
    problem(await api.post(shown, "settle", said, api.person("ivan")), 409, "too-early", status="unknown")
    await long_ago(api, shown)
    first = await api.post(shown, "settle", said, api.person("ivan"))
    assert (first.status_code, first.json()["status"]) == (202, "unknown")
    assert first.json()["settle"] == {"status": "succeeded", "have": 1, "need": 2}
    other = await api.post(shown, "settle", said | {"status": "failed"}, api.person("nora"))
    problem(other, 409, "settlement-differs", standing=None)
    second = await api.post(shown, "settle", said, api.person("nora"))
    assert (second.status_code, second.json()["status"]) == (200, "succeeded")
    assert second.json()["settle"] == {"status": "succeeded", "have": 2, "need": 2}
    assert [s["person"] for s in second.json()["settlements"]] == ["ivan", "nora"]


async def long_ago(api: Api, shown: dict[str, Any]) -> None:
    async with api.world.ctx.database.transaction() as session:
        for tried in await requests.execution_attempts(session, uuid.UUID(shown["id"])):
            tried.started_at -= timedelta(minutes=5)


async def test_waiting(api: Api) -> None:
    shown = (await api.ask()).json()
    url = f"/v1/requests/{shown['id']}"

    async def seconds(query: str) -> float:
        began = time.monotonic()
        response = await api.http.get(f"{url}?{query}", headers=api.client())
        assert response.status_code == 200
        return time.monotonic() - began

    assert 0.3 <= await seconds("wait=300ms") < 2
    assert await seconds("wait=20s&since=0") < 2
    assert await seconds("since=99") < 2
    poll = asyncio.create_task(seconds("wait=20s"))
    await asyncio.sleep(0.2)
    await api.post(shown, "cancel", {}, api.client())
    assert await poll < 3
    assert await seconds("wait=20s") < 2


@pytest.mark.parametrize("query", ["wait=30", "wait=", "wait=-1s", "since=x", "since=-1", "since=1.5", "wait=1s&x=1"])
async def test_malformed_waits(api: Api, query: str) -> None:
    shown = (await api.ask()).json()
    problem(await api.http.get(f"/v1/requests/{shown['id']}?{query}", headers=api.client()), 422, "malformed")


async def test_pages(api: Api) -> None:
    made = [(await api.ask("do.two")).json()["id"] for _ in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        query = f"action=do.two&limit=2{cursor}"
        page = (await api.http.get(f"/v1/requests?{query}", headers=api.person("anya"))).json()
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen[:5] == made[::-1]
    assert len(set(seen)) == len(seen)


async def test_filters(api: Api) -> None:
    mine = (await api.ask("do.high")).json()["id"]

    async def found(query: str, who: dict[str, str]) -> list[str]:
        page = (await api.http.get(f"/v1/requests?{query}", headers=who)).json()
        return [item["id"] for item in page["items"]]

    dana, olivia, zoe = api.person("dana"), api.person("olivia"), api.person("zoe")
    assert mine in await found("status=held,denied&kind=action&bot=bot&action=do.high&limit=200", dana)
    assert mine in await found("decidable_by=me&limit=200", dana)
    assert mine not in await found("decidable_by=me&limit=200", olivia)
    assert mine in await found("action=do.high", api.client())
    assert await found("", api.client("other-bot")) == []
    assert await found("", zoe) == []
    assert await found("status=expired", dana) == []
    assert await found("kind=governance", dana) == []


@pytest.mark.parametrize(
    "query",
    [
        "status=open",
        "status=",
        "kind=x",
        "bot=%00",
        "bot=",
        "action=a%20b",
        "decidable_by=dana",
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=x",
        "cursor=" + "W" * 5000,
        "cursor=W10=",
        "stauts=held",
        "cursor=%00",
    ],
)
async def test_bad_filters(api: Api, query: str) -> None:
    problem(await api.http.get(f"/v1/requests?{query}", headers=api.person("dana")), 422, "malformed")


async def test_a_bot_decides_nothing(api: Api) -> None:
    listed = await api.http.get("/v1/requests?decidable_by=me", headers=api.client())
    assert [v["invariant"] for v in listed.json()["violations"]] == ["not-human"]


async def test_the_catalogue_and_the_policy_are_for_people(api: Api) -> None:
    catalogue = (await api.http.get("/v1/catalogue", headers=api.person("zoe", Level.CLICK))).json()
    policy = (await api.http.get("/v1/policy", headers=api.person("zoe"))).json()
    assert catalogue["policy_version"] == policy["version"]
    assert "do.moderate" in {action["name"] for action in catalogue["actions"]}
    assert {group["name"] for group in policy["document"]["groups"]} >= {"leads"}
