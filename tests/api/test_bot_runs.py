"""What a bot runs itself and that changes something, from its ask to the undoing, over HTTP and through Temporal."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
from joserfc import jwk, jwt

from app.use_cases.upkeep import look_again
from tests.api.conftest import Api
from tests.api.test_requests import problem
from tests.steps.words import sql

ACTION = "do.itself"


async def approved(api: Api, thing: str) -> dict[str, Any]:
    """Held, and let by dana."""
    shown: dict[str, Any] = (await api.ask(ACTION, parameters={"thing": thing})).json()
    assert (shown["status"], shown["grant"]) == ("held", None)
    problem(await api.post(shown, "grant", {}, api.client()), 409, "not-open-to-this", status="held")
    assert (await api.approve(await api.seen(shown, api.person("dana")), "dana")).status_code == 200
    return shown


async def act(api: Api, shown: dict[str, Any], given: dict[str, Any]) -> httpx.Response:
    """The bot calls the target itself, under its grant."""
    headers = {"Authorization": f"Bearer {given['grant']}", "Idempotency-Key": shown["id"]}
    async with httpx.AsyncClient() as http:
        return await http.post(f"{api.world.desk.url}/do", json=shown["parameters"], headers=headers)


async def test_from_the_ask_to_the_undoing(api: Api) -> None:
    thing = uuid.uuid4().hex
    shown = await approved(api, thing)
    given = (await api.post(shown, "grant", {}, api.client())).json()
    assert given == (await api.post(shown, "grant", {}, api.client())).json()
    assert api.world.desk.seen[thing] == [], "Interlock does not run it"
    keys = jwk.KeySet.import_key_set((await api.http.get("/.well-known/jwks.json")).json())
    claims = jwt.decode(given["grant"], keys, algorithms=["Ed25519"]).claims
    assert (claims["txn"], claims["act"]) == (shown["id"], {"sub": "bot:bot"})
    assert (await act(api, shown, given)).status_code == 200
    done = await api.post(shown, "outcome", {"status": "succeeded", "result": {"done": thing}}, api.client())
    assert (done.status_code, done.json()["status"], done.json()["execution"]["mode"]) == (200, "succeeded", "bot")
    asked = await api.http.post(
        f"/v1/requests/{shown['id']}/rollbacks",
        json={"reason": "It was wrong"},
        headers=api.person("ivan") | {"Idempotency-Key": thing},
    )
    undoing = asked.json()
    assert (await api.approve(undoing, "rita")).status_code == 200
    await api.world.blocked(undoing)
    assert api.world.desk.seen[f"{thing}-undone"] == [], "the bot could act once more"
    over = (
        "update execution_attempt set grant_expires_at = now() - interval '31 s', started_at = now() - interval '151 s'"
    )
    await sql(api.world, f"{over} where request_id = :id", id=uuid.UUID(shown["id"]))
    await look_again(api.world.services, uuid.UUID(undoing["id"]))
    await api.world.until(undoing, "succeeded")
    [call] = api.world.desk.seen[f"{thing}-undone"]
    assert (call.path, call.key) == ("/undo", undoing["id"])
    assert (await api.seen(shown, api.client()))["reversed_by"] == [undoing["id"]]


async def test_one_after_the_other_on_the_same_thing(api: Api) -> None:
    thing = uuid.uuid4().hex
    front, behind = await approved(api, thing), await approved(api, thing)
    assert (await api.post(front, "grant", {}, api.client())).status_code == 200
    for _ in range(2):
        refused = await api.post(behind, "grant", {}, api.client())
        problem(refused, 409, "not-open-to-this", status="approved")
        assert "Ask for the grant again in a few seconds" in refused.json()["detail"]
    await api.post(front, "outcome", {"status": "failed", "detail": "gone"}, api.client())
    given = await api.post(behind, "grant", {}, api.client())
    assert (given.status_code, set(given.json())) == (200, {"grant", "expires_at"})
    assert (await api.seen(behind, api.client()))["status"] == "executing"


async def test_a_stop_names_what_the_bot_has_been_given(api: Api) -> None:
    shown = await approved(api, uuid.uuid4().hex)
    await api.post(shown, "grant", {}, api.client())
    stopped = await api.http.post("/v1/bots/bot/suspend", json={"reason": "x"}, headers=api.person("ivan"))
    try:
        assert shown["id"] in {one["request_id"] for one in stopped.json()["in_flight"]}
        problem(await api.post(shown, "grant", {}, api.client()), 409, "not-open-to-this", status="executing")
        assert (await api.post(shown, "outcome", {"status": "succeeded"}, api.client())).status_code == 200
    finally:
        await sql(api.world, "update bot set suspended_at = null")
