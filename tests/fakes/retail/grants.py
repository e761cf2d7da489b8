"""Verifies an action grant the way a customer's system would (DESIGN.md section 11): with published keys alone.

Not by `app.grants.verifier`: what that and `app.grants.grants` both get wrong, this finds, and it shows that any JOSE
library will do. Proofs of a key are checked by `app.grants.dpop`: whoever makes them in tests is somebody else.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any

import httpx
import rfc8785
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from app.grants import dpop
from tests.fakes.retail.problems import Forbidden, Unauthenticated, Unavailable
from tests.fakes.retail.redeeming import Account

TYP = "action-grant+jwt"
ALGORITHM = "Ed25519"
KEYS_FRESH_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose grants count, what this shop is called in them, and as what it redeems those that cannot be undone."""

    jwks_url: str
    issuer: str
    audience: str
    account: Account | None = None


def digest(value: Any) -> str:
    """``"sha256:"`` and the hex SHA-256 of the RFC 8785 bytes of a JSON value."""
    return "sha256:" + hashlib.sha256(rfc8785.dumps(value)).hexdigest()


class Keys:
    """The issuer's public keys, cached; fetched again when stale or when a key id is unknown."""

    def __init__(self, jwks_url: str) -> None:
        self._url = jwks_url
        self._client = httpx.AsyncClient(timeout=5.0)
        self._keys: dict[str, OKPKey] = {}
        self._fresh_until = 0.0

    async def key(self, kid: str) -> OKPKey:
        """The Ed25519 key of this id. Raises `Unauthenticated` if the issuer has none, `Unavailable`."""
        if kid not in self._keys or time.monotonic() > self._fresh_until:
            self._keys = await self._fetch()
            self._fresh_until = time.monotonic() + KEYS_FRESH_SECONDS
        if kid not in self._keys:
            raise Unauthenticated("unknown-key", f"The issuer publishes no Ed25519 key {kid}")
        return self._keys[kid]

    async def _fetch(self) -> dict[str, OKPKey]:
        try:
            answer = await self._client.get(self._url)
            published = answer.raise_for_status().json()["keys"]
            usable = [key for key in published if key.get("crv") == "Ed25519" and "kid" in key]
            return {key["kid"]: OKPKey.import_key(key) for key in usable}
        except (httpx.HTTPError, ValueError, KeyError, JoseError) as error:
            raise Unavailable("no-keys", f"The issuer's keys at {self._url} cannot be read") from error

    async def aclose(self) -> None:
        """Closes the HTTP client."""
        await self._client.aclose()


class Verifier:
    """Turns an Authorization header into claims that hold, and holds them against a call."""

    def __init__(self, trust: Trust) -> None:
        self.keys = Keys(trust.jwks_url)
        self.seen = dpop.Memory()
        self._claims = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": trust.issuer},
            aud={"essential": True, "value": trust.audience},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            jti={"essential": True},
            txn={"essential": True},
        )

    async def claims(self, authorization: str | None) -> dict[str, Any]:
        """The claims of a bearer grant that holds. Raises `Unauthenticated` with the reason, `Unavailable`."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() not in ("bearer", "dpop") or not token:
            raise Unauthenticated("no-grant", "This call needs a grant: Authorization: Bearer <grant>")
        key = await self.keys.key(_kid(token))
        try:
            claims = jwt.decode(token, key, algorithms=[ALGORITHM]).claims
            self._claims.validate(claims)
        except (JoseError, ValueError) as error:
            raise Unauthenticated("bad-grant", f"The grant does not hold: {error}") from error
        return claims

    def prove(self, claims: dict[str, Any], grant: str, call: dpop.Call) -> None:
        """Raises `Unauthenticated` for a grant that is bound to a key, unless its owner makes this call."""
        if "cnf" not in claims:
            return
        now = time.time()
        try:
            proof = dpop.check(call, now=now, token=grant)
            dpop.refuse_again(self.seen, proof, now=now)
        except dpop.ProofInvalid as error:
            raise Unauthenticated("bad-proof", f"The proof of the grant's key does not hold: {error}") from error
        if claims["cnf"] != {"jkt": proof.jkt}:
            raise Unauthenticated("bad-proof", "The proof is of another key than the grant's")


def _kid(token: str) -> str:
    try:
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError) as error:
        raise Unauthenticated("bad-grant", "The grant is not a JWS") from error
    if header.get("alg") != ALGORITHM:
        raise Unauthenticated("bad-algorithm", f"A grant is signed with {ALGORITHM}, nothing else")
    if header.get("typ") != TYP:
        raise Unauthenticated("bad-type", f"A grant has typ {TYP}, nothing else")
    if not isinstance(header.get("kid"), str):
        raise Unauthenticated("unknown-key", "The grant does not say which key signed it")
    return str(header["kid"])


def require_this_call(claims: dict[str, Any], *, action: str, request_id: str, parameters_digest: str) -> None:
    """Raises `Forbidden` unless the grant is for this action, this request and these parameters."""
    allowed = _details(claims)
    named = [allowed[name] for name in ("action", "actions") if name in allowed]
    if not named or any(value not in (action, [action]) for value in named):
        raise Forbidden("other-action", f"The grant is not for {action}")
    if claims["txn"] != request_id:
        raise Forbidden("other-request", "The grant is for another request")
    if allowed.get("parameters_digest") != parameters_digest:
        raise Forbidden("other-parameters", "The grant is for other parameters")


def _details(claims: dict[str, Any]) -> dict[str, Any]:
    match claims.get("authorization_details"):
        case [{"type": "interlock_action"} as details]:
            return dict(details)
    raise Forbidden("no-details", "The grant must carry one authorization detail of type interlock_action")
