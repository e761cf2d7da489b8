"""The stop switch over HTTP: suspend a bot or all of them, ask to let them act again, release it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.domain.request import Level
from tests.api.conftest import GO_ON, Api, Headers, a_key
from tests.api.test_openapi import check
from tests.api.test_requests import problem
from tests.steps.words import sql

BOT, ALL = "/v1/bots/bot", "/v1/installation"


@pytest.fixture(autouse=True)
async def _going_on(api: Api) -> AsyncIterator[None]:
    """Afterwards everybody is at work again."""
    yield
    for statement in GO_ON:
        await sql(api.world, statement)


async def suspend(api: Api, where: str, who: Headers | None = None, **body: Any) -> httpx.Response:
    """Stop, by a responder unless the test names somebody."""
    said = {"reason": "It cancels everything", **body}
    return await api.http.post(f"{where}/suspend", json=said, headers=who or api.person("ivan"))


async def resume(api: Api, where: str, who: Headers | None = None, **body: Any) -> httpx.Response:
    """Ask to go on, as an administrator unless the test names somebody."""
    said = {"reason": "The prompt is mended", **body}
    return await api.http.post(f"{where}/resume", json=said, headers=who or api.person("ada"))


async def test_a_stopped_bot_does_nothing_more(api: Api) -> None:
    held = (await api.ask()).json()
    stopped = await suspend(api, BOT)
    assert stopped.status_code == 200
    check(api.described, "Stopped", stopped.json())
    assert stopped.json()["in_flight"] == []

    by_bot, by_dana = await api.seen(held, api.client()), await api.seen(held, api.person("dana"))
    for shown in (by_bot, by_dana):
        check(api.described, "RequestView", shown)
        assert (shown["status"], shown["ended_why"]) == ("revoked", "stopped")
    assert by_dana["ended_reason"] == "It cancels everything"
    assert "ended_reason" not in by_bot
    problem(await api.approve(held, "dana"), 409, "closed", status="revoked", standing=None)

    asked = (await api.ask()).json()
    assert (asked["status"], asked["verdict"]["code"]) == ("denied", "bot-suspended")
    other = await api.http.post(
        "/v1/requests",
        json={"action": "do.moderate", "parameters": {"thing": "x"}, "on_behalf_of": "customer:carl"},
        headers=api.client("other-bot") | a_key(),
    )
    assert other.json()["status"] == "held"


async def test_stopping_again_says_since_when(api: Api) -> None:
    first, again = await suspend(api, BOT), await suspend(api, BOT, api.person("sam"), reason="Me too")
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["suspended_at"] == again.json()["suspended_at"]


async def test_what_had_started_is_listed(api: Api) -> None:
    running = await api.world.occupied("in flight", "do.slowly")
    for where in (BOT, ALL):
        stopped = (await suspend(api, where)).json()
        check(api.described, "Stopped", stopped)
        [attempt] = stopped["in_flight"]
        assert (attempt["request_id"], attempt["attempt"], attempt["action"]) == (running["id"], 1, "do.slowly")
    api.world.desk.release("in flight")
    await api.world.until(running, "succeeded")
    assert (await suspend(api, BOT)).json()["in_flight"] == []


@pytest.mark.aisvs("9.1.3")
async def test_all_bots_at_once(api: Api) -> None:
    held = (await api.ask()).json()
    assert (await suspend(api, ALL, api.person("sam"))).status_code == 200
    assert (await api.seen(held, api.person("dana")))["status"] == "revoked"
    assert (await api.ask()).json()["verdict"]["code"] == "bot-suspended"


@pytest.mark.parametrize("where", [BOT, ALL])
@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("ivan", 200),
        ("nora", 200),
        ("sam", 200),
        ("olivia", 403),
        ("tom", 403),
        ("ada", 403),
        ("dana", 403),
        ("rita", 403),
        ("anya", 403),
        ("zoe", 403),
        ("nobody-we-know", 403),
    ],
)
async def test_who_may_stop(api: Api, where: str, who: str, status: int) -> None:
    """Responders and the security seat, by whichever sign-in: to stop is never the dangerous side."""
    assert (await suspend(api, where, api.person(who, Level.CLICK))).status_code == status


async def test_machines_stop_nobody(api: Api) -> None:
    for where in (BOT, ALL):
        for machine in (api.client(), api.client("bot", "target")):
            told = await suspend(api, where, machine)
            problem(told, 403, "violations")
            assert [v["invariant"] for v in told.json()["violations"]] == ["not-human"]
            assert (await resume(api, where, machine)).status_code == 403


@pytest.mark.parametrize("bot", ["nobody", "Bot", "%00", "b" * 101, "9f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11"])
async def test_a_bot_that_is_not_there(api: Api, bot: str) -> None:
    problem(await suspend(api, f"/v1/bots/{bot}"), 404, "not-found")
    problem(await resume(api, f"/v1/bots/{bot}"), 404, "not-found")


@pytest.mark.parametrize("body", [{"reason": ""}, {"reason": " \u3000"}, {"reason": "x" * 2001}, {"reason": None}])
async def test_reasons_say_something(api: Api, body: dict[str, Any]) -> None:
    for where in (BOT, ALL):
        problem(await suspend(api, where, **body), 422, "malformed", where="reason")
        problem(await resume(api, where, **body), 422, "malformed", where="reason")


@pytest.mark.parametrize(("where", "action"), [(BOT, "interlock.bots.resume"), (ALL, "interlock.installation.resume")])
async def test_people_release_what_was_stopped(api: Api, where: str, action: str) -> None:
    held = (await api.ask()).json()
    await suspend(api, where)
    asked = await resume(api, where)
    shown = asked.json()
    assert asked.status_code == 201, shown
    assert asked.headers["location"] == f"/v1/requests/{shown['id']}"
    check(api.described, "RequestView", shown)
    assert (shown["kind"], shown["action"], shown["status"]) == ("governance", action, "held")
    assert (shown["asker"], shown["bot"]) == ({"kind": "person", "id": "ada"}, "bot" if where == BOT else None)
    assert shown["may_decide"] == ["ben", "sam"]
    assert (await api.ask()).json()["verdict"]["code"] == "bot-suspended"

    for who in ("ada", "olivia", "tom", "dana"):
        assert (await api.approve(shown, who)).status_code == 403
    weak = await api.approve(shown, "sam", Level.CLICK)
    assert [v["invariant"] for v in weak.json()["violations"]] == ["weak-authentication"]
    assert (await api.approve(shown, "sam")).status_code == 200
    done = await api.world.until(shown, "succeeded")
    assert (done["execution"]["mode"], done["execution"]["status"]) == ("internal", "succeeded")
    check(api.described, "RequestView", done)
    assert (await api.ask()).json()["status"] == "held"
    assert (await api.seen(held, api.client()))["status"] == "revoked"
    problem(await resume(api, where), 409, "not-open-to-this", standing=None)


async def test_the_same_key_asks_once(api: Api) -> None:
    await suspend(api, BOT)
    ada = api.person("ada") | a_key()
    first, again = await resume(api, BOT, ada), await resume(api, BOT, ada)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert first.headers["location"] == again.headers["location"]
    problem(await resume(api, BOT, ada, reason="Another"), 409, "idempotency-key-reused", status="held")
    bad = api.person("ada") | {"Idempotency-Key": "a b"}
    problem(await resume(api, BOT, bad), 422, "idempotency-key-missing")


async def test_a_bot_stays_stopped_when_all_go_on(api: Api) -> None:
    await suspend(api, BOT)
    await suspend(api, ALL)
    shown = (await resume(api, ALL)).json()
    await api.approve(shown, "ben")
    await api.world.until(shown, "succeeded")
    assert (await api.ask()).json()["verdict"]["code"] == "bot-suspended"


async def change(api: Api, who: Headers, **fields: Any) -> httpx.Response:
    body = {"action": "interlock.bots.resume", "parameters": {"bot": "bot"}, "reason": "mended", **fields}
    return await api.http.post("/v1/governance-requests", json=body, headers=a_key() | who)


async def test_a_change_of_the_rules_is_a_request(api: Api) -> None:
    problem(await change(api, api.person("ada")), 409, "not-open-to-this", standing=None)
    await suspend(api, BOT)
    ada = api.person("ada") | a_key()
    first, again = await change(api, ada), await change(api, ada)
    assert (first.status_code, again.status_code) == (201, 200)
    shown = first.json()
    assert again.json()["id"] == shown["id"]
    assert first.headers["location"] == f"/v1/requests/{shown['id']}"
    assert (shown["kind"], shown["parameters"]) == ("governance", {"bot": "bot"})
    problem(await change(api, ada, reason="Another"), 409, "idempotency-key-reused", status="held")
    listed = await api.http.get("/v1/requests?kind=governance&limit=1", headers=api.person("anya"))
    assert [item["id"] for item in listed.json()["items"]] == [shown["id"]]
    assert (await api.approve(shown, "ben")).status_code == 200
    await api.world.until(shown, "succeeded")


@pytest.mark.parametrize(
    ("fields", "name", "where"),
    [
        ({"action": "interlock.nothing"}, "unknown-action", "action"),
        ({"action": "do.moderate", "parameters": {"thing": "x"}}, "unknown-action", "action"),
        ({"action": ""}, "malformed", "action"),
        ({"parameters": {}}, "off-schema", None),
        ({"parameters": {"bot": 1}}, "off-schema", None),
        ({"parameters": {"bot": "bot", "more": 1}}, "off-schema", None),
        ({"action": "interlock.installation.resume"}, "off-schema", None),
        ({"parameters": []}, "malformed", "parameters"),
        ({"reason": " "}, "malformed", "reason"),
        ({"reason": None}, "malformed", "reason"),
        ({"asker": "dana"}, "malformed", "asker"),
        ({"kind": "action"}, "malformed", "kind"),
    ],
)
async def test_changes_that_are_none(api: Api, fields: dict[str, Any], name: str, where: str | None) -> None:
    told = await change(api, api.person("ada"), **fields)
    problem(told, 422, name, **({"where": where} if where else {}))


async def test_a_change_needs_a_key_and_a_person(api: Api) -> None:
    body = {"action": "interlock.bots.resume", "parameters": {"bot": "bot"}, "reason": "mended"}
    keyless = await api.http.post("/v1/governance-requests", json=body, headers=api.person("ada"))
    problem(keyless, 422, "idempotency-key-missing")
    for who in (api.client(), api.client("bot", "target"), api.person("nobody-we-know")):
        assert (await change(api, who)).status_code == 403


async def test_a_bot_may_not_ask_for_a_change_as_an_action(api: Api) -> None:
    problem(await api.ask("interlock.bots.resume", parameters={"bot": "bot"}), 422, "unknown-action", where="action")
    assert uuid.UUID((await api.ask()).json()["id"])
