"""People's tokens from an issuer that is not ours."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from app.domain.errors import Unauthenticated, Unavailable
from app.domain.request import Level
from app.identity.issuers import RemoteKeys
from app.identity.tokens import Authenticator, Caller
from tests.identity.issuer import AnyKey, FakeIssuer, issuing
from tests.identity.test_tokens import BASE, TOKENS

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
CLAIMS = {"sub": "8a1f", "iat": SECONDS, "exp": SECONDS + 3600}
RSA = RSAKey.generate_key(2048)


@pytest.fixture
async def issuer() -> AsyncIterator[FakeIssuer]:
    async with issuing() as fake:
        fake.add("k1", OKPKey.generate_key("Ed25519"))
        yield fake


@pytest.fixture
async def authenticator(issuer: FakeIssuer) -> AsyncIterator[Authenticator]:
    async with httpx.AsyncClient() as http:
        yield Authenticator(base_url=BASE, tokens=TOKENS, issuers=[issuer.settings], http=http)


@pytest.mark.parametrize(
    ("alg", "key"),
    [
        ("Ed25519", OKPKey.generate_key("Ed25519")),
        ("EdDSA", OKPKey.generate_key("Ed25519")),
        ("ES256", ECKey.generate_key("P-256")),
        ("RS256", RSA),
    ],
    ids=["Ed25519", "EdDSA", "ES256", "RS256"],
)
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # by joserfc, when this test signs
async def test_names_an_account(issuer: FakeIssuer, authenticator: Authenticator, alg: str, key: AnyKey) -> None:
    issuer.add("k2", key)
    for typ in ("JWT", "at+jwt", "application/at+jwt", None):
        token = issuer.token("k2", alg, CLAIMS | {"azp": "console", "aud": ["other", "interlock"]}, typ=typ)
        assert await authenticator.caller(token, NOW) == Caller(
            "identity", "8a1f", issuer.iss, "console", Level.LOGIN, None
        )
    assert issuer.asked == 1


async def test_verifying_eddsa_does_not_warn(issuer: FakeIssuer, authenticator: Authenticator) -> None:
    with pytest.warns(UserWarning, match="EdDSA"):
        token = issuer.token("k1", "EdDSA", CLAIMS)
    await authenticator.caller(token, NOW)


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ({}, Level.LOGIN),
        ({"acr": "strong"}, Level.LOGIN),
        ({"amr": ["mfa"]}, Level.LOGIN),
        ({"auth_time": SECONDS - 300}, Level.RECENT),
        ({"auth_time": SECONDS - 301}, Level.LOGIN),
        ({"auth_time": SECONDS + 31}, Level.LOGIN),
        ({"auth_time": SECONDS - 5, "amr": ["pwd"]}, Level.RECENT),
        ({"auth_time": SECONDS - 5, "amr": ["pwd", "mfa"]}, Level.STRONG),
        ({"auth_time": SECONDS - 5, "amr": ["hwk"]}, Level.STRONG),
        ({"auth_time": SECONDS - 301, "amr": ["mfa"]}, Level.LOGIN),
        ({"auth_time": SECONDS - 5, "amr": "mfa"}, Level.RECENT),
        ({"auth_time": SECONDS - 5, "amr": [["mfa"], None]}, Level.RECENT),
        ({"auth_time": "now"}, Level.LOGIN),
        ({"auth_time": True}, Level.LOGIN),
        ({"auth_time": 10**400}, Level.LOGIN),
        ({"auth_time": float("nan")}, Level.LOGIN),
    ],
)
async def test_levels(issuer: FakeIssuer, authenticator: Authenticator, said: dict[str, Any], level: Level) -> None:
    assert (await authenticator.caller(issuer.token("k1", "Ed25519", CLAIMS | said), NOW)).level is level


@pytest.mark.parametrize(
    ("said", "typ"),
    [
        ({"aud": "another-client"}, "JWT"),
        ({"aud": []}, "JWT"),
        ({"exp": SECONDS - 30}, "JWT"),
        ({"iss": "http://127.0.0.1"}, "JWT"),
        ({"sub": ""}, "JWT"),
        ({"sub": "a\0b"}, "JWT"),
        ({"sub": "a" * 256}, "JWT"),
        ({"act": {"sub": "help-desk"}}, "JWT"),
        ({}, "logout+jwt"),
        ({}, "action-grant+jwt"),
        ({}, "dpop+jwt"),
    ],
)
async def test_what_does_not_pass(
    issuer: FakeIssuer, authenticator: Authenticator, said: dict[str, Any], typ: str
) -> None:
    with pytest.raises(Unauthenticated):
        await authenticator.caller(issuer.token("k1", "Ed25519", CLAIMS | said, typ=typ), NOW)


async def test_an_issuer_never_speaks_for_a_bot(issuer: FakeIssuer, authenticator: Authenticator) -> None:
    caller = await authenticator.caller(issuer.token("k1", "Ed25519", CLAIMS | {"sub": "bot:support-bot"}), NOW)
    assert caller.kind == "identity"
    with pytest.raises(Unauthenticated, match="key"):
        await authenticator.caller(issuer.token("k1", "Ed25519", CLAIMS | {"iss": BASE}, typ="at+jwt"), NOW)


async def test_another_issuers_key_does_not_pass(issuer: FakeIssuer, authenticator: Authenticator) -> None:
    async with issuing() as other:
        other.add("k1", OKPKey.generate_key("Ed25519"))
        with pytest.raises(Unauthenticated, match="signature"):
            await authenticator.caller(other.token("k1", "Ed25519", CLAIMS | {"iss": issuer.iss}), NOW)


async def test_without_a_kid_only_an_only_key_will_do(issuer: FakeIssuer, authenticator: Authenticator) -> None:
    token = issuer.token("k1", "Ed25519", CLAIMS, kid=None)
    assert (await authenticator.caller(token, NOW)).subject == "8a1f"
    issuer.add("k2", RSA)
    async with httpx.AsyncClient() as http:
        with pytest.raises(Unauthenticated):
            await RemoteKeys(f"{issuer.iss}/keys", http).get(None)


async def test_keys_that_are_no_signature_keys_are_left_out(issuer: FakeIssuer) -> None:
    short = RSA.as_dict(private=False) | {"kid": "short", "n": "A" * 170}
    odd: list[Any] = [
        OctKey.generate_key(256).as_dict(private=True) | {"kid": "oct"},
        RSA.as_dict(private=False) | {"kid": "enc", "use": "enc"},
        OKPKey.generate_key("X25519").as_dict(private=False) | {"kid": "x25519"},
        short,
        {"kty": "EC", "crv": "P-256", "kid": "broken"},
        {"kty": "AKP", "kid": "of-tomorrow"},
        "nonsense",
        RSA.as_dict(private=False) | {"kid": "good"},
    ]
    issuer.body = json.dumps({"keys": odd}).encode()
    async with httpx.AsyncClient() as http:
        keys = RemoteKeys(f"{issuer.iss}/keys", http)
        assert (await keys.get(None)).kid == "good"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_keys_are_cached_and_fetched_again_for_an_unknown_kid(issuer: FakeIssuer) -> None:
    clock = Clock()
    async with httpx.AsyncClient() as http:
        keys = RemoteKeys(f"{issuer.iss}/keys", http, clock)
        for _ in range(3):
            await keys.get("k1")
        assert issuer.asked == 1
        issuer.add("k2", RSA)
        with pytest.raises(Unauthenticated):
            await keys.get("k2")
        assert issuer.asked == 1
        clock.now += 10
        assert (await keys.get("k2")).kid == "k2"
        del issuer.keys["k1"]
        clock.now += 300.1
        with pytest.raises(Unauthenticated):
            await keys.get("k1")
        assert issuer.asked == 3


@pytest.mark.parametrize(("status", "body"), [(500, None), (200, b"<html>"), (200, b"[]"), (302, b"")])
async def test_an_issuer_that_fails(issuer: FakeIssuer, status: int, body: bytes | None) -> None:
    clock = Clock()
    issuer.status, issuer.body = status, body
    async with httpx.AsyncClient() as http:
        keys = RemoteKeys(f"{issuer.iss}/keys", http, clock)
        for _ in range(2):
            with pytest.raises(Unavailable):
                await keys.get("k1")
        assert issuer.asked == 1
        issuer.status, issuer.body = 200, None
        clock.now += 10
        await keys.get("k1")
        issuer.status = 503
        clock.now += 3599
        await keys.get("k1")
        clock.now += 2
        with pytest.raises(Unavailable):
            await keys.get("k1")
