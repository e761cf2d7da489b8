"""Signatures of tokens (JWS, RFC 7515), checked as RFC 8725 advises: the verifier, never the token, chooses."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from app.domain.errors import Unauthenticated

MAX_TOKEN = 16 * 1024
MIN_RSA_CHARACTERS = 342
"""2048 bits in base64url."""

PUBLIC_MEMBERS = frozenset({"kty", "crv", "x", "y", "n", "e", "kid", "use", "alg"})

PublicKey = OKPKey | ECKey | RSAKey


@dataclass(frozen=True, slots=True)
class Peek:
    """What a token says of itself, believed by nobody yet. ``typ`` in lower case, without ``application/``."""

    typ: str
    kid: str | None
    iss: str


def peek(token: str) -> Peek:
    """Look into a token, to know whose key to check it with. Raises `Unauthenticated` if it is no compact JWS."""
    if len(token) > MAX_TOKEN:
        raise Unauthenticated("The token is too long.")
    try:
        header, claims = (_part(text) for text in token.split(".")[:2])
    except (ValueError, TypeError, RecursionError):
        raise Unauthenticated("The token is not a JWT.") from None
    if "crit" in header or "b64" in header:
        raise Unauthenticated("The token's header asks for an extension that is not supported.")
    kid = header.get("kid")
    return Peek(_type(header.get("typ")), kid if isinstance(kid, str) else None, str(claims.get("iss")))


def verified(token: str, key: PublicKey, algorithms: Collection[str]) -> dict[str, Any]:
    """The claims of a token that this key signed by one of these algorithms. Raises `Unauthenticated`."""
    registry = _Registry(algorithms=list(algorithms), strict_check_header=False)
    try:
        return dict(jwt.decode(token, key, registry=registry).claims)
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError):
        raise Unauthenticated("The token's signature does not hold.") from None


def usable_keys(jwks: Any) -> list[PublicKey]:
    """The keys of a JWK set (RFC 7517) that may check signatures here; others are left out.

    Raises `TypeError` if it is no JWK set.
    """
    if not isinstance(jwks, dict) or not isinstance(jwks.get("keys"), list):
        raise TypeError("not a JWK set")
    return list(_usable(jwk for jwk in jwks["keys"] if isinstance(jwk, dict)))


def _usable(jwks: Iterable[dict[str, Any]]) -> Iterable[PublicKey]:
    for jwk in jwks:
        members = {name: value for name, value in jwk.items() if name in PUBLIC_MEMBERS}
        try:
            if (key := _imported(members)) is not None:
                yield key
        except (JoseError, ValueError, TypeError):
            continue


def _imported(jwk: dict[str, Any]) -> PublicKey | None:
    if jwk.get("use", "sig") != "sig":
        return None
    match jwk.get("kty"), jwk.get("crv"):
        case "OKP", "Ed25519":
            return OKPKey.import_key(jwk)
        case "EC", "P-256":
            return ECKey.import_key(jwk)
        case "RSA", _ if len(str(jwk.get("n"))) >= MIN_RSA_CHARACTERS:
            return RSAKey.import_key(jwk)
    return None


def _part(text: str) -> dict[str, Any]:
    value = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def _type(typ: Any) -> str:
    return typ.lower().removeprefix("application/") if isinstance(typ, str) else ""


class _Registry(JWSRegistry):
    """joserfc warns of "EdDSA" on every use, for RFC 9864 renames it; issuers will send it for years."""

    def get_alg(self, name: str) -> Any:
        if name == "EdDSA" and self.allowed and name in self.allowed:
            return self.algorithms[name]
        return super().get_alg(name)
