"""Undoing what was done, over HTTP: asked for by a responder, signed by somebody who stood apart."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx
import pytest

from app.domain.request import Level
from tests.api.conftest import GO_ON, Api, Headers, a_key
from tests.api.test_openapi import check
from tests.api.test_requests import problem
from tests.steps.words import id_of, sql

OLD = "update execution_attempt set finished_at = finished_at - interval '73 hours' where request_id = :id"


async def done(api: Api, action: str = "do.high", **fields: Any) -> dict[str, Any]:
    """What dana has approved and has succeeded, as its bot sees it."""
    shown: dict[str, Any] = (await api.ask(action, **fields)).json()
    await api.approve(shown, "dana")
    await api.world.until(shown, "succeeded")
    return await api.seen(shown, api.client())


async def undo(api: Api, shown: dict[str, Any], who: Headers | None = None, **body: Any) -> httpx.Response:
    """Ask to undo it, as a responder and by a new key unless the test names them."""
    return await api.post(
        shown, "rollbacks", {"reason": "The wrong one", **body}, a_key() | (who or api.person("ivan"))
    )


async def test_it_is_undone(api: Api) -> None:
    held = (await api.ask("do.high")).json()
    check(api.described, "RequestView", held)
    assert held["rollback"] == {"action": "undo.well", "within_s": 72 * 3600, "until": None}
    original = await done(api)
    assert original["rollback"]["until"] > original["updated_at"]

    asked = await undo(api, original)
    shown = asked.json()
    assert asked.status_code == 201, shown
    assert asked.headers["location"] == f"/v1/requests/{shown['id']}"
    check(api.described, "RequestView", shown)
    assert (shown["kind"], shown["status"], shown["reverses"]) == ("rollback", "held", original["id"])
    assert (shown["asker"], shown["bot"]) == ({"kind": "person", "id": "ivan"}, "bot")
    assert (shown["action"], shown["reason"], shown["rollback"]) == ("undo.well", "The wrong one", None)
    assert shown["may_decide"] == ["mia", "rita"]
    assert (await api.seen(original, api.client()))["reversed_by"] == [shown["id"]]

    for who, broken in (("dana", "rollback-approver"), ("ivan", "self-approval"), ("marco", "not-eligible")):
        refused = await api.approve(shown, who)
        assert broken in [v["invariant"] for v in refused.json()["violations"]]
    assert (await api.approve(shown, "rita", Level.CLICK)).status_code == 403
    assert (await api.approve(shown, "rita")).status_code == 200
    ended = await api.world.until(shown, "succeeded")
    assert (ended["execution"]["mode"], ended["reversed_by"]) == ("http", [])
    after = await api.seen(original, api.client())
    assert (after["status"], after["reversed_by"]) == ("succeeded", [shown["id"]])


async def test_the_same_key_asks_once(api: Api) -> None:
    original = await done(api)
    ivan = api.person("ivan") | a_key()
    first, again = await undo(api, original, ivan), await undo(api, original, ivan)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert first.headers["location"] == again.headers["location"]
    problem(await undo(api, original, ivan, reason="Another"), 409, "idempotency-key-reused", status="held")
    other = await done(api)
    problem(await undo(api, other, ivan), 409, "idempotency-key-reused", status="held")


async def test_there_is_one_at_a_time(api: Api) -> None:
    original = await done(api)
    both = await asyncio.gather(undo(api, original), undo(api, original, api.person("nora")))
    assert sorted(one.status_code for one in both) == [201, 409]
    problem(await undo(api, original), 409, "rollback-exists", status="succeeded", standing=None)
    [first] = [one.json() for one in both if one.status_code == 201]
    denial = {"decision": "deny", "reason": "No", "digest": first["digest"]}
    assert (await api.post(first, "decisions", denial, api.person("rita"))).status_code == 200
    assert (await undo(api, original)).status_code == 201


async def test_what_cannot_be_undone(api: Api) -> None:
    problem(await undo(api, await done(api, "do.moderate")), 409, "not-reversible", status="succeeded", standing=None)
    problem(await undo(api, (await api.ask("do.high")).json()), 409, "not-reversible", status="held", standing=None)
    old = await done(api)
    await sql(api.world, OLD, id=id_of(old))
    problem(await undo(api, old), 409, "window-over", status="succeeded", standing=None)
    original = await done(api)
    rollback = (await undo(api, original)).json()
    problem(await undo(api, rollback), 409, "not-reversible", status="held", standing=None)


async def test_what_nothing_undoes_says_so_before_it_is_approved(api: Api) -> None:
    shown = (await api.ask("do.moderate")).json()
    assert (shown["rollback"], shown["warnings"]) == (None, ["Nothing undoes this action."])


async def test_who_may_ask(api: Api) -> None:
    original = await done(api)
    for who in ("rita", "dana", "olivia", "anya"):
        problem(await undo(api, original, api.person(who)), 403, "forbidden")
    problem(await undo(api, original, api.person("zoe")), 404, "not-found")
    for nobody in (api.client(), api.client("bot", "target"), api.person("nobody-we-know")):
        problem(await undo(api, original, nobody), 403, "violations")
    for text in (str(uuid.uuid4()), "x"):
        problem(await undo(api, {"id": text}), 404, "not-found")
    assert (await api.seen(original, api.client()))["reversed_by"] == []


async def test_who_asks_too_often_is_turned_away(api: Api) -> None:
    original = await done(api)
    answers = [await undo(api, original, api.person("dana")) for _ in range(21)]
    assert {answer.status_code for answer in answers[:20]} == {403}
    problem(answers[20], 429, "rate-limited")
    assert answers[20].headers["retry-after"] == "60"


async def test_it_takes_a_reason_and_a_key(api: Api) -> None:
    original = await done(api)
    for reason in ("", " \u3000", None, "x" * 2001):
        problem(await undo(api, original, reason=reason), 422, "malformed", where="reason")
    problem(await undo(api, original, action="undo.once"), 422, "malformed", where="action")
    keyless = await api.post(original, "rollbacks", {"reason": "wrong"}, api.person("ivan"))
    problem(keyless, 422, "idempotency-key-missing")
    bad = await undo(api, original, api.person("ivan") | {"Idempotency-Key": "a b"})
    problem(bad, 422, "idempotency-key-missing")


@pytest.mark.parametrize("where", ["/v1/bots/bot", "/v1/installation"])
async def test_it_goes_on_although_the_bot_is_stopped(api: Api, where: str) -> None:
    original = await done(api)
    await api.http.post(f"{where}/suspend", json={"reason": "wrong"}, headers=api.person("ivan"))
    shown = (await undo(api, original)).json()
    assert (await api.approve(shown, "rita")).status_code == 200
    await api.world.until(shown, "succeeded")
    for statement in GO_ON:
        await sql(api.world, statement)


async def test_it_is_listed_by_kind_and_bot(api: Api) -> None:
    shown = (await undo(api, await done(api))).json()
    for query in ("kind=rollback", "kind=rollback&bot=bot", "kind=rollback&status=held&action=undo.well"):
        page = (await api.http.get(f"/v1/requests?limit=1&{query}", headers=api.person("anya"))).json()
        assert [item["id"] for item in page["items"]] == [shown["id"]]
    mine = (await api.http.get("/v1/requests?kind=rollback", headers=api.client())).json()
    assert mine["items"] == []
