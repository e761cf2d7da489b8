"""Grants as attackers come by them, and targets that redeem: over the real API, with its real keys."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
from joserfc import jws, jwt
from joserfc.jwk import OctKey, OKPKey
from tenacity import AsyncRetrying, retry_if_result, stop_after_delay, wait_fixed

from app.domain.digest import sha256
from app.keys import KeyRing, KeyRings
from tests.api.conftest import GO_ON, Headers
from tests.hostile.live import Live
from tests.steps.words import sql

Claims = dict[str, Any]
Forge = Callable[[KeyRings, Claims], str]
INACTIVE = {"active": False}


async def looked(api: Live, bot: str = "bot") -> dict[str, Any]:
    """A read that the bot runs itself, with its grant."""
    shown = await api.ask("look.up", bot=bot)
    assert shown["grant"], shown
    return shown


def token_of(shown: dict[str, Any]) -> str:
    """The grant in the answer to an ask."""
    token: str = shown["grant"]["grant"]
    return token


async def on_its_way(api: Live, thing: str, times: int = 1) -> str:
    """The grant of a call that has arrived at the desk about this thing."""
    seen = await api.world.desk.called(thing, times)
    return seen[-1].headers["authorization"].removeprefix("Bearer ")


async def redeem(api: Live, grant: str, parameters: Any, who: Headers, id_: str = "one") -> httpx.Response:
    """What a target is told; too many at once are sent again, as the API asks."""
    said = {"grant": grant, "parameters_digest": sha256(parameters), "redemption_id": id_}

    async def once() -> httpx.Response:
        return await api.http.post("/v1/grants/redeem", json=said, headers=who)

    busy = retry_if_result(lambda answer: answer.status_code == 429)
    answer: httpx.Response = await AsyncRetrying(retry=busy, wait=wait_fixed(0.2), stop=stop_after_delay(30))(once)
    return answer


async def go_on(api: Live) -> None:
    """Let everybody be at work again."""
    for statement in GO_ON:
        await sql(api.world, statement)


def claims_in(grant: str) -> Claims:
    """What a grant says, believed by nobody."""
    payload: Claims = json.loads(jws.extract_compact(grant.encode()).payload)
    return payload


def signed(
    ring: KeyRing[OKPKey], claims: Claims, header: dict[str, Any] | None = None, key: OKPKey | None = None
) -> str:
    """These claims under a grant's header and key, unless others are given."""
    whole = {"typ": "action-grant+jwt", "alg": "Ed25519", "kid": ring.current, **(header or {})}
    return jwt.encode(whole, claims, key or ring.current_key, algorithms=["Ed25519"])


def in_base64(value: Any) -> str:
    """JSON as a part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _none(rings: KeyRings, claims: Claims) -> str:
    return f"{in_base64({'typ': 'action-grant+jwt', 'alg': 'none', 'kid': rings.grants.current})}.{in_base64(claims)}."


def _hmac(rings: KeyRings, claims: Claims) -> str:
    """Signed with our public key, which everybody knows, as if it were a shared secret."""
    public = str(rings.grants.current_key.as_dict(private=False)["x"])
    header = {"typ": "action-grant+jwt", "alg": "HS256", "kid": rings.grants.current}
    return jwt.encode(header, claims, OctKey.import_key(base64.urlsafe_b64decode(public + "=")), algorithms=["HS256"])


def _tampered(rings: KeyRings, claims: Claims) -> str:
    header, _, signature = signed(rings.grants, claims).split(".")
    return f"{header}.{in_base64(claims | {'exp': claims['exp'] + 60})}.{signature}"


def _by_a_key_of_mine(rings: KeyRings, claims: Claims, **header: Any) -> str:
    return signed(rings.grants, claims, header, OKPKey.generate_key("Ed25519"))


def _with_my_key_in_it(rings: KeyRings, claims: Claims) -> str:
    mine = OKPKey.generate_key("Ed25519")
    return signed(rings.grants, claims, {"jwk": mine.as_dict(private=False)}, mine)


def _details(**changes: Any) -> Forge:
    def forge(rings: KeyRings, claims: Claims) -> str:
        [details] = claims["authorization_details"]
        return signed(rings.grants, claims | {"authorization_details": [details | changes]})

    return forge


def _changed(**changes: Any) -> Forge:
    """By our own key, which no attacker has: what counts is the grant that was handed out, byte by byte."""
    return lambda rings, claims: signed(rings.grants, claims | changes)


FORGED: dict[str, Forge] = {
    "alg none": _none,
    "our public key as a secret": _hmac,
    "an unknown key": lambda rings, claims: _by_a_key_of_mine(rings, claims, kid="k9"),
    "another key of the same name": _by_a_key_of_mine,
    "a key in its header": _with_my_key_in_it,
    "a key that is a path": lambda rings, claims: signed(rings.grants, claims, {"kid": "../grants"}),
    "the key of access tokens": lambda rings, claims: signed(rings.tokens, claims),
    "the type of an access token": lambda rings, claims: signed(rings.grants, claims, {"typ": "at+jwt"}),
    "the type in capitals": lambda rings, claims: signed(rings.grants, claims, {"typ": "ACTION-GRANT+JWT"}),
    "a changed payload": _tampered,
    "no signature": lambda rings, claims: signed(rings.grants, claims).rpartition(".")[0] + ".",
    "another signature": lambda rings, claims: signed(rings.grants, claims)[:-4] + "AAAA",
    "two parts": lambda rings, claims: signed(rings.grants, claims).rpartition(".")[0],
    "four parts": lambda rings, claims: signed(rings.grants, claims) + ".x",
    "a word": lambda _rings, _claims: "null",
    "beyond ASCII": lambda _rings, _claims: "\u00e9.\u00e9.\u00e9",
    "a later end": _changed(exp=4_000_000_000),
    "an end of words": _changed(exp="tomorrow"),
    "another issuer": _changed(iss="https://evil.example"),
    "no request": _changed(txn=""),
    "a request that is none": _changed(txn="x' or 1=1 --"),
    "a request that there is not": _changed(txn="9f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11"),
    "another id": _changed(jti="another"),
    "another subject": _changed(sub="customer:mia"),
    "another action": _details(action="do.grave"),
    "more uses": _details(max_uses=64),
    "another type of details": _details(type="payment"),
    "no details": _changed(authorization_details=[]),
    "two details": lambda rings, claims: signed(
        rings.grants, claims | {"authorization_details": claims["authorization_details"] * 2}
    ),
}
