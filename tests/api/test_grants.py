"""Grants over the API: a target redeems one, once."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx
import pytest

from app.domain.digest import sha256
from app.use_cases.token import create_credential
from tests.api.conftest import BASE, Api, Headers, a_key, bearer
from tests.api.test_openapi import check
from tests.grants.proving import Prover
from tests.steps.words import sql


@pytest.fixture(scope="module")
async def desk_token(api: Api) -> Headers:
    """The target's, by the token endpoint, as it would come by it."""
    client_id, secret = await create_credential(api.world.ctx, "target", "desk", "ada")
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    answer = await api.http.post("/oauth/token", data=form)
    return bearer(answer.json()["access_token"])


async def looked(api: Api, **fields: Any) -> dict[str, Any]:
    """An action that the bot runs, with its grant."""
    shown: dict[str, Any] = (await api.ask("look.up", **fields)).json()
    assert shown["grant"], shown
    return shown


async def redeem(api: Api, shown: dict[str, Any], who: Headers, id_: str = "one", **changes: Any) -> httpx.Response:
    said = {
        "grant": shown["grant"]["grant"],
        "parameters_digest": sha256(shown["parameters"]),
        "redemption_id": id_,
        **changes,
    }
    return await api.http.post("/v1/grants/redeem", json=said, headers=who)


async def test_redeemed_once_and_told_again(api: Api, desk_token: Headers) -> None:
    shown = await looked(api)
    first = await redeem(api, shown, desk_token)
    assert first.status_code == 200
    assert first.headers["cache-control"] == "no-store"
    said = first.json()
    exp = said.pop("exp")
    assert isinstance(exp, int)
    assert said == {
        "active": True,
        "request_id": shown["id"],
        "action": "look.up",
        "sub": "customer:carl",
        "act": {"sub": "bot:bot"},
        "parameters_digest": sha256(shown["parameters"]),
        "cnf": None,
    }
    check(api.described, "Redeemed", first.json())
    again = await redeem(api, shown, desk_token)
    assert again.json() == first.json()
    other = await redeem(api, shown, desk_token, "two")
    assert (other.status_code, other.json()) == (200, {"active": False})
    check(api.described, "Redeemed", other.json())


async def test_of_a_bot_that_acts_for_nobody(api: Api, desk_token: Headers) -> None:
    shown = await looked(api, on_behalf_of=None)
    said = (await redeem(api, shown, desk_token)).json()
    assert (said["sub"], said["act"]) == ("bot:bot", None)


async def test_one_that_is_bound_to_a_key(api: Api, desk_token: Headers) -> None:
    """The target is told which, to ask for a proof of it."""
    prover = Prover()
    headers = {**api.client(), **a_key(), "DPoP": prover.proof("POST", f"{BASE}/v1/requests")}
    body = {"action": "look.up", "parameters": {"thing": "bound"}, "on_behalf_of": "customer:carl"}
    shown = (await api.http.post("/v1/requests", json=body, headers=headers)).json()
    said = (await redeem(api, shown, desk_token)).json()
    assert (said["active"], said["cnf"]) == (True, {"jkt": prover.jkt})
    check(api.described, "Redeemed", said)


async def test_it_is_on_the_ledger_once(api: Api, desk_token: Headers) -> None:
    """By the grant's id and a hash of theirs; the request's version stays, for it has not moved."""
    shown = await looked(api)
    before = (await api.seen(shown, api.client()))["version"]
    for id_ in ("till-4711", "till-4711", "till-4712"):
        await redeem(api, shown, desk_token, id_)
    found = [entry for entry in await api.world.entries(shown) if entry["kind"] == "grant-redeemed"]
    [row] = await sql(api.world, "select * from grant_redemption where request_id = :id", id=uuid.UUID(shown["id"]))
    [entry] = found
    facts = entry["facts"]
    assert (facts["attempt"], facts["client"], facts["jti"]) == (1, "desk", row.jti)
    assert facts["redemption"] == row.redemption
    assert row.redemption.startswith("hmac-sha256:")
    assert "till-4711" not in json.dumps(entry) + str(row)
    assert (await api.seen(shown, api.client()))["version"] == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("grant", ""),
        ("grant", 5),
        ("grant", "a" * (16 * 1024 + 1)),
        ("parameters_digest", None),
        ("parameters_digest", ""),
        ("redemption_id", ""),
        ("redemption_id", "with blanks"),
        ("redemption_id", "line\n"),
        ("redemption_id", "x" * 256),
    ],
)
async def test_malformed(api: Api, desk_token: Headers, field: str, value: Any) -> None:
    answer = await redeem(api, await looked(api), desk_token, **{field: value})
    assert (answer.status_code, answer.json()["where"]) == (422, field)
