"""Odd input: no call answers 500, whatever it carries."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey

from app.domain.errors import InterlockError
from app.identity.tokens import Authenticator
from app.keys import KeyRings
from app.settings import Issuer
from tests.api.conftest import BASE, Api, a_key, bearer

ID = str(uuid.UUID(int=7))
DEEP = base64.urlsafe_b64encode(b"[" * 8000).decode() + ".e30.x"
CURSORS: list[Any] = [
    ["0001-01-01T00:00:00Z", ID],
    ["9999-12-31T23:59:59.999999Z", ID],
    ["0001-01-01T00:00:00+23:59", ID],
    ["2026-01-01T00:00:00Z", "{" + ID + "}"],
    ["2026-01-01", ID],
    [None, ID],
    [{}, []],
    {"a": 1, "b": 2},
    "ab",
    [1e999, ID],
]


@pytest.mark.parametrize("position", CURSORS, ids=str)
async def test_cursors(api: Api, position: Any) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(position).encode()).decode()
    answer = await api.http.get("/v1/requests", params={"cursor": cursor}, headers=api.person("anya"))
    assert answer.status_code < 500


@pytest.mark.parametrize("cursor", ["[" * 199, "W1tb" * 49, "%00", "=", "ü", "\x00" * 3, "W1tbWw==" * 20])
async def test_raw_cursors(api: Api, cursor: str) -> None:
    answer = await api.http.get("/v1/requests", params={"cursor": cursor}, headers=api.person("anya"))
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "token",
    ["a", "..", "a.b.c", "W10.W10.x", "e30.e30.", "." * 16000, "\xe9.\xe9.\xe9", "W" * 20000, DEEP],
)
async def test_bearers(api: Api, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}".encode("latin-1")}
    answer = await api.http.get("/v1/requests", headers=headers)  # type: ignore[arg-type]  # bytes are fine
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": 5},
        {"sub": ["a"]},
        {"sub": {}},
        {"exp": "x"},
        {"exp": 1e300},
        {"iat": "x"},
        {"aud": 5},
        {"aud": [[]]},
        {"nbf": []},
        {"auth_time": 1e300},
        {"amr": 5},
        {"client_id": 5},
        {"sub": "a\u0000"},
        {"exp": True},
        {"sub": True},
    ],
    ids=str,
)
async def test_claims_of_an_issuer(rings: KeyRings, claims: dict[str, Any]) -> None:
    """An issuer is trusted for whom it names, not for the shape of every claim."""
    key = OKPKey.generate_key("Ed25519", private=True)
    jwks = {"keys": [{**key.as_dict(private=False), "kid": "k"}]}
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json=jwks))
    now = datetime.now(UTC)
    whole = {"iss": "https://id", "aud": "i", "sub": "a", "iat": int(now.timestamp()), "exp": 4e9} | claims
    token = jwt.encode({"alg": "Ed25519", "kid": "k"}, whole, key, algorithms=["Ed25519"])
    async with httpx.AsyncClient(transport=transport) as http:
        issuer = Issuer(iss="https://id", audience="i", jwks_url="https://id/keys")
        authenticator = Authenticator(base_url=BASE, tokens=rings.tokens, issuers=[issuer], http=http)
        try:
            caller = await authenticator.caller(token, now)
        except InterlockError:
            return
        assert isinstance(caller.subject, str)


async def test_a_grant_is_no_access_token(api: Api) -> None:
    """Handed to a target, it would else let the target act as the bot."""
    shown = (await api.ask("look.up", on_behalf_of=None)).json()
    answer = await api.http.get("/v1/requests", headers=bearer(shown["grant"]["grant"]))
    assert answer.status_code == 401


async def test_a_secret_is_not_taken_with_nul_or_surrogates(api: Api) -> None:
    for secret in ("%00", "%ED%A0%80", "%FF", "\xff"):
        form = f"grant_type=client_credentials&client_id=bot-client&client_secret={secret}"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await api.http.post("/oauth/token", content=form.encode("latin-1"), headers=headers)
        assert answer.status_code in (400, 401)


NUMBERS = ["-0", "-0.0", "1e-400", "1e-300", "9007199254740991.0", "0.1", "1E2", "5e-324"]


@pytest.mark.parametrize("amount", NUMBERS)
async def test_one_ask_does_not_break_the_windows_of_the_next(api: Api, amount: str) -> None:
    """The figure of a window is summed from what earlier asks held."""
    head = {"Content-Type": "application/json"} | api.client()
    who = f"customer:{uuid.UUID(int=7).hex}"
    for _ in range(2):
        body = f'{{"action":"do.moderate","parameters":{{"thing":"t","amount":{amount}}},"on_behalf_of":"{who}"}}'
        answer = await api.http.post("/v1/requests", content=body.encode(), headers=head | a_key())
        assert answer.status_code in (201, 422)


async def test_a_sum_beyond_64_bits_is_no_error_of_ours(api: Api) -> None:
    who = f"customer:{uuid.UUID(int=7).hex}"
    for _ in range(3):
        answer = await api.ask(parameters={"thing": "t", "amount": 2**53 - 1}, on_behalf_of=who)
        assert answer.status_code == 201


async def test_the_page_of_a_stranger_and_of_a_target_is_empty(api: Api) -> None:
    await api.ask()
    page = (await api.http.get("/v1/requests", headers=api.person("nobody-at-all"))).json()
    assert page == {"items": [], "next_cursor": None}
