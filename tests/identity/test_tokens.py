"""Our own tokens: what they say, and what does not pass for one."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from app.domain.errors import Misconfigured, Unauthenticated
from app.domain.request import Level
from app.grants.grants import mint
from app.identity.tokens import Authenticator, Caller, dev_token, issue_access_token, refuse_dev_issuer
from app.keys import KeyRing
from app.settings import Issuer

BASE = "https://interlock.example"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
CLAIMS = {"iss": BASE, "aud": BASE, "sub": "bot:support-bot", "client_id": "c", "jti": "j"}
CLAIMS |= {"iat": SECONDS, "exp": SECONDS + 600}  # type: ignore[dict-item]  # JSON values of all kinds


def a_ring(name: str) -> KeyRing[OKPKey]:
    key = OKPKey.generate_key("Ed25519", {"kid": f"{name}-1", "use": "sig", "alg": "Ed25519"})
    return KeyRing(name, f"{name}-1", MappingProxyType({f"{name}-1": key}))


TOKENS = a_ring("tokens")
DEV = a_ring("dev-issuer")


@pytest.fixture
async def authenticator() -> AsyncIterator[Authenticator]:
    async with httpx.AsyncClient() as http:
        yield Authenticator(base_url=BASE, tokens=TOKENS, issuers=(), http=http, dev=DEV)


def ours(claims: dict[str, Any] | None = None, without: str = "", **header: Any) -> str:
    """A token signed with our key that says what it likes."""
    said = {name: value for name, value in (CLAIMS | (claims or {})).items() if name != without}
    whole = {"alg": "Ed25519", "typ": "at+jwt", "kid": TOKENS.current} | header
    whole = {name: value for name, value in whole.items() if value is not None}
    return jwt.encode(whole, said, TOKENS.current_key, algorithms=["Ed25519"], default_type=None)


def b64(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(("kind", "name"), [("bot", "support-bot"), ("target", "order-desk")])
async def test_an_access_token_names_its_client(authenticator: Authenticator, kind: Any, name: str) -> None:
    token = issue_access_token(TOKENS, issuer=BASE, client_id="c.1", subject=f"{kind}:{name}", now=NOW)
    assert await authenticator.caller(token, NOW) == Caller(kind, name, BASE, "c.1", Level.CLICK, None)
    decoded = jwt.decode(token, TOKENS.current_key, algorithms=["Ed25519"])
    assert decoded.header == {"typ": "at+jwt", "alg": "Ed25519", "kid": "tokens-1"}
    assert decoded.claims["exp"] - decoded.claims["iat"] == 600
    assert set(decoded.claims) == {"iss", "aud", "sub", "client_id", "iat", "exp", "jti"}


@pytest.mark.parametrize("level", list(Level))
async def test_a_dev_token_names_its_person(authenticator: Authenticator, level: Level) -> None:
    token = dev_token(DEV, base_url=BASE, person_id="dana", level=level, now=NOW)
    caller = await authenticator.caller(token, NOW + timedelta(hours=7))
    assert caller == Caller("identity", "dana", BASE + "/dev", "interlock-dev", level, NOW)
    with pytest.raises(Unauthenticated, match="expired"):
        await authenticator.caller(token, NOW + timedelta(hours=8, seconds=30))


async def test_without_a_dev_ring_there_is_no_dev_issuer() -> None:
    async with httpx.AsyncClient() as http:
        plain = Authenticator(base_url=BASE, tokens=TOKENS, issuers=(), http=http)
        with pytest.raises(Unauthenticated, match="issuer"):
            await plain.caller(dev_token(DEV, base_url=BASE, person_id="dana", level=Level.LOGIN, now=NOW), NOW)


@pytest.mark.parametrize("offset", [-30, 0, 599, 629])
async def test_clocks_may_differ_a_little(authenticator: Authenticator, offset: int) -> None:
    await authenticator.caller(ours(), NOW + timedelta(seconds=offset))


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        (ours({"exp": SECONDS - 30}), "expired"),
        (ours({"exp": float("nan")}), "exp"),
        (ours({"nbf": SECONDS + 31}), "nbf"),
        (ours({"iat": SECONDS + 31}), "iat"),
        (ours({"aud": "https://orders.internal"}), "aud"),
        (ours({"aud": [BASE + "/dev"]}), "aud"),
        (ours({"iss": "https://elsewhere.example"}), "issuer"),
        (ours({"iss": BASE + "/"}), "issuer"),
        (ours({"iss": BASE + "/dev", "acr": "strong", "auth_time": SECONDS}), "key that is not in use"),
        (ours({"sub": "person:dana"}), "neither"),
        (ours({"sub": "bot:"}), "neither"),
        (ours({"sub": 7}), "sub"),
        *[(ours(without=name), name) for name in ("sub", "aud", "exp", "iat", "jti", "client_id")],
        (ours(without="iss"), "issuer"),
        (ours(typ="JWT"), "not an access token"),
        (ours(typ=None), "not an access token"),
        (ours(typ="action-grant+jwt"), "not an access token"),
        (ours(kid="tokens-2"), "key"),
        (ours(kid=None), "key"),
        (ours(kid=DEV.current), "key"),
        (ours()[:-6] + "AAAAAA", "signature"),
        (ours() + ".x", "signature"),
        (ours().rsplit(".", 1)[0] + ".", "signature"),
    ],
)
async def test_what_does_not_pass(authenticator: Authenticator, token: str, sentence: str) -> None:
    with pytest.raises(Unauthenticated, match=sentence):
        await authenticator.caller(token, NOW)


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c", "..", "é.é.é", "bnVsbA.bnVsbA.", "x" * 20_000, "[" * 999])
async def test_what_is_no_token(authenticator: Authenticator, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await authenticator.caller(token, NOW)


async def test_no_token_at_all(authenticator: Authenticator) -> None:
    with pytest.raises(Unauthenticated, match="Authorization: Bearer"):
        await authenticator.caller(None, NOW)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", None, 7, ["Ed25519"], "HS256", "EdDSA", "RS256"])
async def test_the_token_does_not_choose_the_algorithm(authenticator: Authenticator, alg: Any) -> None:
    header = {"alg": alg, "typ": "at+jwt", "kid": TOKENS.current}
    signature = ours().rsplit(".", 1)[1]
    for end in ("", signature):
        with pytest.raises(Unauthenticated):
            await authenticator.caller(f"{b64(header)}.{b64(CLAIMS)}.{end}", NOW)


async def test_a_public_key_is_no_shared_secret(authenticator: Authenticator) -> None:
    """The classic: sign HS256 with the verifier's public key as the secret."""
    public = json.dumps(TOKENS.current_key.as_dict(private=False))
    for secret in (public, TOKENS.current_key.as_pem(private=False).decode(), str(TOKENS.current_key.get("x"))):
        header = {"alg": "HS256", "typ": "at+jwt", "kid": TOKENS.current}
        token = jwt.encode(header, CLAIMS, OctKey.import_key(secret.replace("-----", "")), algorithms=["HS256"])
        with pytest.raises(Unauthenticated, match="signature"):
            await authenticator.caller(token, NOW)


@pytest.mark.parametrize("extra", [{"crit": ["exp"], "exp": 1}, {"crit": ["b64"], "b64": False}, {"b64": False}])
async def test_critical_extensions_are_refused(authenticator: Authenticator, extra: dict[str, Any]) -> None:
    header = {"alg": "Ed25519", "typ": "at+jwt", "kid": TOKENS.current} | extra
    with pytest.raises(Unauthenticated, match="extension"):
        await authenticator.caller(f"{b64(header)}.{b64(CLAIMS)}.", NOW)


async def test_a_grant_is_no_access_token_even_under_the_same_key(authenticator: Authenticator) -> None:
    grant = mint(
        TOKENS,
        issuer=BASE,
        request_id="r",
        action="a",
        audience=BASE,
        subject=None,
        actor="bot:support-bot",
        digest="d",
        parameters_digest="p",
        now=NOW,
        lifetime=timedelta(seconds=60),
    )
    with pytest.raises(Unauthenticated, match="not an access token"):
        await authenticator.caller(grant.token, NOW)


async def test_a_dev_token_needs_a_level(authenticator: Authenticator) -> None:
    header = {"alg": "Ed25519", "typ": "at+jwt", "kid": DEV.current}
    claims = CLAIMS | {"iss": BASE + "/dev", "sub": "dana", "acr": "godlike", "auth_time": SECONDS}
    with pytest.raises(Unauthenticated, match="acr"):
        await authenticator.caller(jwt.encode(header, claims, DEV.current_key, algorithms=["Ed25519"]), NOW)


async def test_issuers_need_names_of_their_own() -> None:
    issuer = Issuer(iss=BASE + "/dev", audience="interlock", jwks_url="https://id.example/keys")
    async with httpx.AsyncClient() as http:
        with pytest.raises(Misconfigured, match="iss of its own"):
            Authenticator(base_url=BASE, tokens=TOKENS, issuers=[issuer], http=http, dev=DEV)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_the_dev_issuer_runs_at_home(host: str) -> None:
    refuse_dev_issuer("development", host)


@pytest.mark.parametrize(
    ("environment", "host"),
    [
        ("production", "127.0.0.1"),
        ("Development", "127.0.0.1"),
        ("", "127.0.0.1"),
        ("development", "0.0.0.0"),  # noqa: S104  refused, not bound to
        ("development", "::"),
        ("development", ""),
        ("development", "192.168.1.5"),
        ("development", "interlock.example"),
    ],
)
def test_the_dev_issuer_runs_nowhere_else(environment: str, host: str) -> None:
    with pytest.raises(Misconfigured, match="development issuer"):
        refuse_dev_issuer(environment, host)
