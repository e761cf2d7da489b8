"""The token endpoint, and making what it takes."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from app.db import governance, ledger
from app.db.tables import Bot, ClientCredential, Installation
from app.domain.errors import Forbidden, NotFound
from app.domain.ledger import verify_stream
from app.use_cases.token import create_credential
from tests.api.conftest import Api, a_key, bearer

GRANT = {"grant_type": "client_credentials"}


def basic(client_id: str, secret: str) -> dict[str, str]:
    encoded = base64.b64encode(f"{quote(client_id)}:{quote(secret)}".encode()).decode()
    return {"Authorization": f"Basic {encoded}"}


async def credential(api: Api, name: str = "bot", kind: str = "bot") -> tuple[str, str]:
    return await create_credential(api.world.ctx, kind, name, "ada")


async def token(api: Api, form: dict[str, Any] | str, headers: dict[str, str] | None = None) -> httpx.Response:
    if isinstance(form, str):
        content_type = {"Content-Type": "application/x-www-form-urlencoded"}
        return await api.http.post("/oauth/token", content=form, headers=content_type | (headers or {}))
    return await api.http.post("/oauth/token", data=form, headers=headers)


def refused(response: httpx.Response, status: int, error: str) -> None:
    assert (response.status_code, response.json()["error"]) == (status, error)
    assert response.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in response.headers) == (status == 401)


async def test_a_bot_gets_a_token_that_works(api: Api) -> None:
    client_id, secret = await credential(api)
    for response in (
        await token(api, GRANT | {"client_id": client_id, "client_secret": secret}),
        await token(api, GRANT, basic(client_id, secret)),
        await token(api, GRANT | {"client_id": client_id}, basic(client_id, secret)),
        await token(api, GRANT | {"client_id": client_id, "client_secret": secret, "scope": "", "audience": "x"}),
    ):
        assert response.status_code == 200
        given = response.json()
        assert (given["token_type"], given["expires_in"]) == ("Bearer", 600)
        assert response.headers["cache-control"] == "no-store"
        listed = await api.http.get("/v1/requests", headers=bearer(given["access_token"]))
        assert listed.status_code == 200


async def test_a_target_gets_one_too(api: Api) -> None:
    client_id, secret = await credential(api, "desk", "target")
    given = (await token(api, GRANT, basic(client_id, secret))).json()
    answer = await api.http.post(
        "/v1/requests",
        json={"action": "do.moderate", "parameters": {}},
        headers=bearer(given["access_token"]) | a_key(),
    )
    assert answer.status_code == 403


async def test_a_wrong_secret(api: Api) -> None:
    client_id, secret = await credential(api)
    for headers in (
        basic(client_id, secret + "x"),
        basic(client_id, ""),
        basic("nobody", secret),
        basic("no\0body", secret),
        basic("bot-client", ""),
        {"Authorization": "Basic ???"},
        {"Authorization": "Basic"},
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()},
    ):
        refused(await token(api, GRANT, headers), 401, "invalid_client")
    refused(await token(api, GRANT | {"client_id": client_id}), 401, "invalid_client")
    refused(await token(api, GRANT), 401, "invalid_client")


async def test_malformed_forms(api: Api) -> None:
    client_id, secret = await credential(api)
    proof = basic(client_id, secret)
    refused(await token(api, "", proof), 400, "invalid_request")
    refused(await token(api, "grant_type=", proof), 400, "invalid_request")
    refused(
        await token(api, "grant_type=client_credentials&grant_type=client_credentials", proof), 400, "invalid_request"
    )
    refused(await token(api, "grant_type", proof), 400, "invalid_request")
    refused(await token(api, "grant_type=%ff", proof), 400, "invalid_request")
    refused(await token(api, "grant_type=ü", proof), 400, "invalid_request")
    refused(await token(api, "&".join(f"a{n}=1" for n in range(100)), proof), 400, "invalid_request")
    refused(await token(api, {"grant_type": "password"}, proof), 400, "unsupported_grant_type")
    refused(await token(api, GRANT | {"client_secret": secret}, proof), 400, "invalid_request")
    refused(await token(api, GRANT | {"client_id": "another"}, proof), 400, "invalid_request")
    as_json = await api.http.post("/oauth/token", json=GRANT, headers=proof)
    refused(as_json, 400, "invalid_request")
    assert (await token(api, "a=" + "x" * 20_000, proof)).status_code == 413


async def test_a_revoked_credential(api: Api) -> None:
    client_id, secret = await credential(api)
    given = (await token(api, GRANT, basic(client_id, secret))).json()
    async with api.world.ctx.database.transaction() as session:
        known = await session.get(ClientCredential, client_id)
        assert known is not None
        known.revoked_at = datetime.now(UTC)
    refused(await token(api, GRANT, basic(client_id, secret)), 401, "invalid_client")
    listed = await api.http.get("/v1/requests", headers=bearer(given["access_token"]))
    assert listed.status_code == 401


@pytest.fixture(params=[Bot, Installation])
async def stopped(request: pytest.FixtureRequest, api: Api) -> Any:
    async def stop(at: datetime | None) -> None:
        async with api.world.ctx.database.transaction() as session:
            row = await (governance.bot(session, "bot") if request.param is Bot else governance.installation(session))
            assert row is not None
            row.suspended_at = at

    await stop(datetime.now(UTC))
    yield
    await stop(None)


@pytest.mark.usefixtures("stopped")
async def test_a_suspended_bot(api: Api) -> None:
    client_id, secret = await credential(api)
    refused(await token(api, GRANT, basic(client_id, secret)), 400, "unauthorized_client")
    refused(await token(api, GRANT, basic(client_id, "wrong")), 401, "invalid_client")
    target = await credential(api, "desk", "target")
    assert (await token(api, GRANT, basic(*target))).status_code == 200
    asked = await api.ask()
    assert (asked.status_code, asked.json()["status"]) == (201, "denied")
    assert asked.json()["verdict"]["code"] == "bot-suspended"


async def test_making_a_credential_is_on_the_ledger(api: Api) -> None:
    client_id, secret = await credential(api)
    async with api.world.ctx.database.transaction() as session:
        entries = await ledger.read(session, "bot:bot")
        pid = (await governance.pids(session))["ada"]
    assert verify_stream("bot:bot", entries) == []
    last = json.loads(entries[-1].body)
    assert (last["kind"], last["facts"]) == ("credential-created", {"client_id": client_id, "made_by": pid})
    assert all(secret.encode() not in entry.body for entry in entries)


@pytest.mark.parametrize(("maker", "allowed"), [("ada", True), ("olivia", True), ("sam", False), ("nobody", False)])
async def test_who_makes_credentials(api: Api, maker: str, allowed: bool) -> None:
    async def make() -> None:
        await create_credential(api.world.ctx, "bot", "bot", maker)

    if allowed:
        await make()
    else:
        with pytest.raises(Forbidden):
            await make()


@pytest.mark.parametrize(
    ("kind", "name"), [("bot", "nobody"), ("target", "nobody"), ("person", "ada"), ("bot", "desk")]
)
async def test_nobody_gets_a_credential(api: Api, kind: str, name: str) -> None:
    with pytest.raises(NotFound):
        await credential(api, name, kind)
