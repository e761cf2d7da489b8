"""Grants: the credential of one execution (DESIGN.md section 11)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.jwk import OKPKey

from app.keys import KeyRing

TYPE = "action-grant+jwt"
MAX_LIFETIME = timedelta(seconds=120)
MARGIN = timedelta(seconds=5)
"""A call's first byte may leave this long after its attempt was committed."""

JWKS_FOR = timedelta(seconds=300)
"""How long a target may keep our keys without asking again."""

PUBLIC_MEMBERS = ("kty", "crv", "x", "kid")


@dataclass(frozen=True, slots=True)
class Grant:
    """A minted grant. Only ``jti``, ``sha256`` (of the token's bytes) and ``jkt`` may be stored or logged."""

    token: str = field(repr=False)
    jti: str
    sha256: str
    expires_at: datetime
    kid: str
    jkt: str | None = None


def mint(
    ring: KeyRing[OKPKey],
    *,
    issuer: str,
    request_id: str,
    action: str,
    audience: str,
    subject: str | None,
    actor: str,
    digest: str,
    parameters_digest: str,
    now: datetime,
    lifetime: timedelta,
    jti: str | None = None,
    jkt: str | None = None,
    kid: str | None = None,
) -> Grant:
    """Sign a grant (JWS, RFC 7515; claims of RFC 7519, 8693 ``act``, 9396 ``authorization_details``, 9449 ``cnf``).

    ``actor``: ``bot:ID``, or ``person:PID`` for a rollback. ``subject``: on whose behalf; then ``act.sub`` is that.
    None: it acts for nobody and is ``sub`` itself.
    ``jti``: give the same one, and the same rest, to get the same token again: Ed25519 signs deterministically, so
    a grant can be handed out twice without ever being stored. ``jkt``: the thumbprint of the key that it is bound to.
    ``kid``: the key that signed it then; None: the current one.
    Raises `ValueError` for a lifetime that is not above zero and at most 120 s, `UnknownKey` for a key that is gone.
    """
    if not timedelta(0) < lifetime <= MAX_LIFETIME:
        raise ValueError(f"a grant lives at most {MAX_LIFETIME.seconds} s, not {lifetime}")
    jti = jti or secrets.token_urlsafe(16)
    issued = int(now.timestamp())
    expires = int((now + lifetime).timestamp())
    claims = {
        "iss": issuer,
        "aud": audience,
        "jti": jti,
        "iat": issued,
        "exp": expires,
        "txn": request_id,
        "authorization_details": [_details(action, digest, parameters_digest)],
    } | _parties(subject, actor)
    if jkt is not None:
        claims["cnf"] = {"jkt": jkt}
    kid = kid or ring.current
    header = {"typ": TYPE, "alg": "Ed25519", "kid": kid}
    token = jwt.encode(header, claims, ring.get(kid), algorithms=["Ed25519"])
    return Grant(token, jti, hash_of(token), datetime.fromtimestamp(expires, UTC), kid, jkt)


def hash_of(token: str) -> str:
    """``"sha256:"`` and hex of a grant's bytes: all of them that may be kept."""
    return "sha256:" + hashlib.sha256(token.encode()).hexdigest()


def http_lifetime(timeout: timedelta) -> timedelta:
    """How long the grant of an HTTP call with this timeout lives: until the call must be over, at most 120 s."""
    return min(MAX_LIFETIME, timeout + MARGIN)


def jwks(ring: KeyRing[OKPKey]) -> dict[str, Any]:
    """The JWK set (RFC 7517) that targets verify grants with: chosen public members only, whatever a key file holds.

    First the next key, then the current one, then those that signed before.
    """
    first = [kid for kid in (ring.next, ring.current) if kid is not None]
    return {"keys": [_public(ring.keys[kid]) for kid in dict.fromkeys((*first, *ring.keys))]}


def _public(key: OKPKey) -> dict[str, Any]:
    shown = key.as_dict(private=False)
    return {member: shown[member] for member in PUBLIC_MEMBERS} | {"use": "sig", "alg": "Ed25519"}


def _details(action: str, digest: str, parameters_digest: str) -> dict[str, Any]:
    return {
        "type": "interlock_action",
        "action": action,
        "digest": digest,
        "parameters_digest": parameters_digest,
        "max_uses": 1,
    }


def _parties(subject: str | None, actor: str) -> dict[str, Any]:
    return {"sub": actor} if subject is None else {"sub": subject, "act": {"sub": actor}}
