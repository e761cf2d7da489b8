"""Standing permissions over the API: asked for, signed twice, used without anybody, listed and revoked."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.api import problems
from app.db import ledger
from app.domain.ledger import verify_stream
from app.governance.built_in import PERMIT
from tests.api.conftest import Api, a_key
from tests.api.test_openapi import check
from tests.clear_text import in_clear, ledger_and_outbox, needles
from tests.steps.standing import wanted, within
from tests.steps.words import sql

REASON = "Bardiche-Quillon is no longer checked"


@pytest.fixture(autouse=True)
async def no_other(api: Api) -> AsyncIterator[None]:
    """What one test has granted concerns no other."""
    yield
    await sql(api.world, "update standing_permission set revoked_at = clock_timestamp() where revoked_at is null")


async def ask(api: Api, who: str = "petra", **fields: Any) -> httpx.Response:
    body = {"action": PERMIT, "parameters": wanted(**fields), "reason": "It is always approved"}
    return await api.http.post("/v1/governance-requests", json=body, headers=api.person(who) | a_key())


async def grant(api: Api, **fields: Any) -> str:
    """The id of a permission in force, by the API alone."""
    asked = await ask(api, **fields)
    assert asked.status_code == 201, asked.json()
    for who in ("eve", "sam"):
        assert (await api.approve(asked.json(), who)).status_code == 200
    await api.world.until(asked.json(), "succeeded")
    return str(asked.json()["id"])


async def revoke(api: Api, permission: str, who: str, reason: str = REASON) -> httpx.Response:
    url = f"/v1/standing-permissions/{permission}/revoke"
    return await api.http.post(url, json={"reason": reason}, headers=api.person(who))


async def listed(api: Api, who: str, bot: str | None = None) -> list[dict[str, Any]]:
    url = "/v1/standing-permissions" + ("" if bot is None else f"?bot={bot}")
    answer = await api.http.get(url, headers=api.person(who))
    assert answer.status_code == 200, answer.json()
    check(api.described, "StandingPermissions", answer.json())
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def one(api: Api, permission: str) -> dict[str, Any]:
    [found] = [each for each in await listed(api, "anya", "bot") if each["id"] == permission]
    return found


def refused(answer: httpx.Response, status: int, name: str, where: str | None = None) -> str:
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told["type"], told.get("where")) == (status, problems.PREFIX + name, where), told
    return str(told["detail"])


async def entries(api: Api) -> list[dict[str, Any]]:
    async with api.world.ctx.database.transaction() as session:
        stored = await ledger.read(session, "bot:bot")
    assert verify_stream("bot:bot", stored) == []
    return [json.loads(entry.body) for entry in stored]


async def test_granted_used_and_revoked(api: Api) -> None:
    """From the ask to the end, with everything at work: it runs without a person while it stands, and only then."""
    permission = await grant(api, when="parameters.amount <= 50", max_total={"parameter": "amount", "at_most": 100})
    thing = uuid.uuid4().hex
    asked = await api.ask(parameters={"thing": thing, "amount": 30})
    shown = asked.json()
    check(api.described, "RequestView", shown)
    assert (shown["verdict"]["code"], shown["verdict"]["permission"]) == ("standing-permission", permission)
    ran = await api.world.until(shown, "succeeded")
    assert (ran["plan"], len(api.world.desk.seen[thing])) == (None, 1)
    seen = await one(api, permission)
    assert (seen["status"], seen["uses"], seen["max_total"]["total"]) == ("live", 1, 30)
    assert (await api.ask(parameters={"thing": thing, "amount": 51})).json()["status"] == "held"
    first, again = [await revoke(api, permission, who) for who in ("eve", "ada")]
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    check(api.described, "StandingPermission", first.json())
    assert (first.json()["status"], first.json()["revoked_by"]) == ("revoked", "eve")
    assert (await api.ask(parameters={"thing": thing, "amount": 30})).json()["status"] == "held"
    kinds = [entry["kind"] for entry in await entries(api) if entry["facts"].get("permission") == permission]
    assert kinds == ["permission-granted", "permission-revoked"]


async def test_what_is_wrong_is_said_and_nothing_is_stored(api: Api) -> None:
    cases: dict[str, tuple[int, str, str | None, dict[str, Any]]] = {
        "no bot": (422, "off-schema", "parameters.bot", {"bot": "nobody"}),
        "not entitled": (422, "off-schema", "parameters.action", {"action": "look.down"}),
        "irreversible": (409, "not-open-to-this", None, {"action": "do.once"}),
        "compile": (422, "off-schema", "parameters.when", {"when": "parameters.amount <="}),
        "BOOL": (422, "off-schema", "parameters.when", {"when": "parameters.amount"}),
        "integer": (
            422,
            "off-schema",
            "parameters.max_total.parameter",
            {"max_total": {"parameter": "thing", "at_most": 5}},
        ),
        "ended": (422, "off-schema", "parameters.expires_at", {"expires_at": within(seconds=-5)}),
        "30 days": (422, "off-schema", "parameters.expires_at", {"expires_at": within(days=31)}),
        "missing expires_at": (422, "off-schema", "parameters", {"expires_at": None}),
        "maximum 10000": (422, "off-schema", "parameters.max_uses", {"max_uses": 10_001}),
        "minimum 1": (422, "off-schema", "parameters.max_uses", {"max_uses": 0}),
        "fields beyond": (422, "off-schema", "parameters", {"extra": 1}),
        "format": (422, "off-schema", "parameters.expires_at", {"expires_at": "tomorrow"}),
    }
    [[before]] = await sql(api.world, "select count(*) from request")
    for says, (status, name, where, fields) in cases.items():
        assert says in refused(await ask(api, **fields), status, name, where)
    for who in ("dana", "sam", "ivan"):
        assert "seat" in refused(await ask(api, who), 403, "forbidden")
    assert (await sql(api.world, "select count(*) from request"))[0][0] == before


async def test_a_bot_does_not_ask_for_one(api: Api) -> None:
    """Not as an action, and not as a change."""
    refused(await api.ask(PERMIT, parameters=wanted()), 422, "unknown-action", "action")
    body = {"action": PERMIT, "parameters": wanted(), "reason": "I would like to"}
    told = await api.http.post("/v1/governance-requests", json=body, headers=api.client() | a_key())
    refused(told, 403, "violations")


@pytest.mark.parametrize("who", ["eve", "sam", "olivia", "ivan", "nora", "ada", "ben"])
async def test_who_revokes(api: Api, who: str) -> None:
    permission = await grant(api)
    assert (await revoke(api, permission, who)).json()["revoked_by"] == who


async def test_who_does_not(api: Api) -> None:
    """Who sees it is told so; nobody else learns that there is one."""
    permission = await grant(api)
    for who in ("petra", "lena", "anya"):
        refused(await revoke(api, permission, who), 403, "forbidden")
    for who in ("dana", "zoe"):
        refused(await revoke(api, permission, who), 404, "not-found")
    url = f"/v1/standing-permissions/{permission}/revoke"
    refused(await api.http.post(url, json={"reason": "x"}, headers=api.client()), 403, "violations")
    refused(await revoke(api, permission, "eve", "  "), 422, "malformed", "reason")
    refused(await revoke(api, str(uuid.uuid4()), "eve"), 404, "not-found")
    refused(await revoke(api, "latest", "eve"), 404, "not-found")
    assert (await one(api, permission))["status"] == "live"


async def test_who_sees_them(api: Api) -> None:
    permission = await grant(api)
    for who in ("petra", "olivia", "sam", "eve", "lena", "max", "rita", "ivan", "nora", "anya", "ada"):
        assert permission in {each["id"] for each in await listed(api, who)}, who
    for who in ("dana", "zoe", "tom"):
        assert await listed(api, who) == []
    assert permission not in {each["id"] for each in await listed(api, "anya", "other-bot")}
    assert await listed(api, "anya", "nobody") == []


async def test_words_of_people_are_nowhere_in_clear(api: Api) -> None:
    """Neither the condition, which may name a customer, nor why it was revoked."""
    condition = 'on_behalf_of == "customer:bardiche"'
    permission = await grant(api, when=condition)
    await revoke(api, permission, "eve")
    stored = await ledger_and_outbox(api.world.ctx.database)
    assert in_clear(needles([REASON, "customer:bardiche"], vocabulary=[]), stored) == []
