"""Where a person sits, over the API, and the ask to let them go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.governance.built_in import LINK, OFF_BOARD
from tests.api.conftest import Api, a_key
from tests.steps.delegating import away
from tests.steps.leaving import as_at_first
from tests.steps.words import sql


@pytest.fixture(autouse=True)
async def usual(api: Api) -> AsyncIterator[None]:
    yield
    await as_at_first(api.world)


async def seats(api: Api, person: str, who: str = "ada") -> Any:
    answer = await api.http.get(f"/v1/people/{person}/seats", headers=api.person(who))
    return answer.status_code, answer.json()


async def change(api: Api, action: str, parameters: dict[str, Any], who: str = "ada") -> Any:
    body = {"action": action, "parameters": parameters, "reason": "so"}
    headers = api.person(who) | a_key()
    return await api.http.post("/v1/governance-requests", json=body, headers=headers)


async def test_everywhere_they_sit(api: Api) -> None:
    waits = await api.world.ask("do.two")
    await api.world.say("dana", waits)
    await api.world.suspend(bot="other-bot")
    asked = await api.world.resume("dana", "other-bot")
    given = await away(api.world, "dana", "max")
    await sql(api.world, "update client_credential set made_by = 'dana' where client_id = 'bot-client'")
    status, found = await seats(api, "dana")
    assert status == 200
    assert found["person"] == {"id": "dana", "name": "Dana", "active": True}
    assert found["seats"] == []
    assert [one["place"] for one in found["groups"]] == ["groups.finance", "groups.leads", "groups.signers"]
    assert {(one["kind"], one["subject"]) for one in found["identities"]} == {("oidc", "dana-web"), ("slack", "U0DANA")}
    assert [one["id"] for one in found["delegations"]] == [given["id"]]
    assert [(one["id"], one["status"]) for one in found["requests"]] == [(asked["id"], "held")]
    said = {"request": waits["id"], "action": "do.two", "status": "held", "decision": "approve"}
    assert said in found["votes"]
    assert [one["client_id"] for one in found["credentials"]] == ["bot-client"]
    assert (found["reviews"], found["permissions"]) == ([], [])


async def test_by_a_group_and_in_person(api: Api) -> None:
    found = (await seats(api, "ivan"))[1]
    places = {one["place"]: one["by_group"] for one in found["seats"]}
    assert places["bots.bot.incident"] == "responders"
    assert {one["group"]: one["may"] for one in found["groups"]}["responders"] == ["respond"]
    found = (await seats(api, "tom"))[1]
    assert {one["place"] for one in found["seats"]} == {"bots.bot.deployed_by", "bots.other-bot.deployed_by"}
    found = (await seats(api, "eve"))[1]
    assert "actions.undo.well.exceptions" in {one["place"] for one in found["seats"]}


async def test_who_may_see_it(api: Api) -> None:
    for who, status in (("olivia", 200), ("anya", 200), ("ada", 200), ("dana", 403), ("ivan", 403)):
        assert (await seats(api, "olivia", who))[0] == status
    assert (await seats(api, "nobody"))[0] == 404
    assert (await seats(api, "nobody", "dana"))[0] == 403
    assert (await seats(api, "No-Body"))[0] == 404


async def test_let_go(api: Api) -> None:
    wish = {"person": "olivia", "to": "rita", "seats": {"groups.pair": "zoe"}}
    answer = await change(api, OFF_BOARD, wish)
    assert answer.status_code == 201
    shown = answer.json()
    await api.world.say("ben", await api.world.look(shown))
    await api.world.until(shown, "succeeded")
    found = (await seats(api, "olivia"))[1]
    assert (found["person"]["active"], found["seats"], found["groups"]) == (False, [], [])
    assert (await seats(api, "olivia", "olivia"))[0] == 403
    assert (await change(api, OFF_BOARD, wish)).status_code == 409


async def test_what_is_wrong(api: Api) -> None:
    for wish in ({}, {"person": 1}, {"person": "olivia", "more": 1}, {"person": "olivia", "seats": {"groups.pair": 1}}):
        answer = await change(api, OFF_BOARD, wish)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:interlock:problem:off-schema")
    answer = await change(api, OFF_BOARD, {"person": "olivia"})
    assert answer.status_code == 422
    assert "bots.bot.business" in answer.json()["detail"]
    assert (await change(api, OFF_BOARD, {"person": "zoe"}, "dana")).status_code == 403
    for identity in ({}, {"slack": "T0/U0X", "oidc": {"iss": "https://id.test", "sub": "x"}}, {"email": "a@b.c"}):
        assert (await change(api, LINK, {"person": "zoe", "identity": identity})).status_code == 422


async def test_an_account_of_an_openid_provider(api: Api) -> None:
    wish = {"person": "zoe", "identity": {"oidc": {"iss": "https://id.test", "sub": "zoe-new"}}}
    shown = (await change(api, LINK, wish)).json()
    await api.world.say("ben", await api.world.look(shown))
    await api.world.until(shown, "succeeded")
    found = (await seats(api, "zoe"))[1]["identities"]
    assert found == [{"kind": "oidc", "issuer": "https://id.test", "subject": "zoe-new", "source": "link"}]
    assert (await change(api, LINK, wish)).status_code == 409
