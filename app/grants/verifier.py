"""Verifies action grants: what a target in Python needs, by the standard library, joserfc and rfc8785 alone.

It imports nothing of Interlock but `app.grants.dpop`, so that a target can import or copy it (docs/grants.md).
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import rfc8785
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from app.grants import dpop

TYPE = "action-grant+jwt"
ALGORITHM = "Ed25519"
LONGEST = 120
"""Seconds that no grant outlives; one that claims more is none of Interlock's."""

LEEWAY = 5
"""Seconds by which clocks may differ."""

MAX_GRANT = 8 * 1024
PUBLIC_MEMBERS = ("kty", "crv", "x", "kid")
BROKEN = (JoseError, ValueError, TypeError, AttributeError, KeyError, RecursionError)
"""What parsers raise for bytes that somebody made up."""

KeyOf = Callable[[str], OKPKey | None]
"""From a key id to the issuer's key, None for one that it does not publish: ``keys_of(...).get``, say."""


class GrantRefused(Exception):
    """This grant allows nothing here. ``reason``: one of `REASONS`, for machines; the sentence never quotes it."""

    def __init__(self, reason: str) -> None:
        """``reason``: a key of `REASONS`."""
        super().__init__(REASONS[reason])
        self.reason = reason


REASONS: dict[str, str] = {
    "malformed": "This is no grant: not a JWS in compact form whose parts are JSON objects.",
    "wrong-type": f"A grant has the header typ {TYPE}, nothing else.",
    "wrong-algorithm": f"A grant is signed with {ALGORITHM}, nothing else.",
    "unknown-key": "The issuer publishes no key of the id that the grant names.",
    "bad-signature": "The signature of the grant does not hold.",
    "wrong-issuer": "The grant is by another issuer.",
    "wrong-claims": "A claim of the grant is missing, or not of the shape that grants have.",
    "wrong-audience": "The grant is for another target.",
    "expired": "The grant has expired.",
    "not-yet": "The grant is from the future: compare the clocks.",
    "wrong-action": "The grant is for another action.",
    "wrong-request": "The grant is for another request.",
    "wrong-parameters": "The grant is for other parameters than those that came with it.",
    "no-proof": "The grant is bound to a key: send a proof of it in the header DPoP (RFC 9449).",
    "bad-proof": "The proof in the header DPoP does not hold for this grant and this call.",
    "not-active": "Interlock does not redeem this grant: it was used, has expired, was stopped, or is for another.",
}


@dataclass(frozen=True, slots=True)
class Verified:
    """What a good grant allows: one execution of ``action``, with the parameters that hash to ``parameters_digest``.

    ``request_id``: the same for all tries at one execution, so a key for doing it once. ``subject``: on whose behalf;
    ``actor``: the bot, or the person of a rollback; the same where it acts for nobody. ``jkt``: the key it is bound to.
    """

    request_id: str
    action: str
    subject: str
    actor: str
    digest: str
    parameters_digest: str
    jti: str
    expires_at: int
    jkt: str | None


@dataclass(frozen=True, slots=True)
class Verifier:
    """Holds a grant against a call. ``issuer``: Interlock's base URL; ``audience``: what this target is called in it.

    ``keys``: Interlock's published keys. ``seen``: where proofs are remembered; several processes must share one.
    """

    issuer: str
    audience: str
    keys: KeyOf
    seen: dpop.Seen = field(default_factory=dpop.Memory)

    def verify(
        self,
        grant: str,
        *,
        action: str,
        parameters: Any,
        request_id: str | None = None,
        call: dpop.Call | None = None,
        now: float | None = None,
    ) -> Verified:
        """What the grant allows. Raises GrantRefused unless it is good for exactly this call, now.

        ``parameters``: the JSON value that came, and that is acted on: what is hashed here must be what is used.
        ``request_id``: the header Interlock-Request, where there is one. ``call``: with the proof, if one came.
        """
        moment = time.time() if now is None else now
        claims = claims_of(grant, self.keys, issuer=self.issuer)
        _refuse_unless(claims["aud"] == self.audience, "wrong-audience")
        _refuse_unless(moment < claims["exp"] + LEEWAY, "expired")
        _refuse_unless(claims["iat"] <= moment + LEEWAY, "not-yet")
        allowed = verified(claims)
        _refuse_unless(allowed.action == action, "wrong-action")
        _refuse_unless(request_id is None or allowed.request_id == request_id, "wrong-request")
        _refuse_unless(allowed.parameters_digest == parameters_digest(parameters), "wrong-parameters")
        if allowed.jkt is not None:
            self._prove(grant, allowed.jkt, call, moment)
        return allowed

    def _prove(self, grant: str, jkt: str, call: dpop.Call | None, now: float) -> None:
        if call is None or call.proof is None:
            raise GrantRefused("no-proof")
        try:
            proof = dpop.check(call, now=now, token=grant)
            _refuse_unless(proof.jkt == jkt, "bad-proof")
            dpop.refuse_again(self.seen, proof, now=now)
        except dpop.ProofInvalid as error:
            raise GrantRefused("bad-proof") from error


def parameters_digest(parameters: Any) -> str:
    """``"sha256:"`` and the hex SHA-256 of the RFC 8785 bytes of what came. Raises GrantRefused: it has none."""
    try:
        return "sha256:" + hashlib.sha256(rfc8785.dumps(parameters)).hexdigest()
    except (rfc8785.CanonicalizationError, ValueError, TypeError, RecursionError) as error:
        raise GrantRefused("wrong-parameters") from error


def claims_of(grant: str, keys: KeyOf, *, issuer: str) -> dict[str, Any]:
    """The claims of what this issuer has signed as a grant, of the shape that grants have; for whom and until when it
    is good is the caller's to look at. Raises GrantRefused.
    """
    header = _header(grant)
    _refuse_unless(header.get("typ") == TYPE, "wrong-type")
    _refuse_unless(header.get("alg") == ALGORITHM, "wrong-algorithm")
    _refuse_unless("crit" not in header and "b64" not in header, "malformed")
    kid = header.get("kid")
    key = keys(kid) if isinstance(kid, str) else None
    if key is None:
        raise GrantRefused("unknown-key")
    try:
        claims = dict(jwt.decode(grant, key, algorithms=[ALGORITHM]).claims)
    except BROKEN as error:
        raise GrantRefused("bad-signature") from error
    _refuse_unless(claims.get("iss") == issuer, "wrong-issuer")
    _refuse_unless(_shaped(claims), "wrong-claims")
    return claims


def verified(claims: Mapping[str, Any]) -> Verified:
    """The claims of `claims_of`, by name."""
    [details] = claims["authorization_details"]
    return Verified(
        request_id=claims["txn"],
        action=details["action"],
        subject=claims["sub"],
        actor=claims["act"]["sub"] if "act" in claims else claims["sub"],
        digest=details["digest"],
        parameters_digest=details["parameters_digest"],
        jti=claims["jti"],
        expires_at=claims["exp"],
        jkt=claims["cnf"]["jkt"] if "cnf" in claims else None,
    )


def keys_of(jwks: Any) -> dict[str, OKPKey]:
    """The keys of a JWK set (RFC 7517) that may sign grants, by id; others are left out. Raises ValueError: it is none.

    Whatever else a key says of itself is dropped, so that no private part is ever held.
    """
    if not isinstance(jwks, dict) or not isinstance(jwks.get("keys"), list):
        raise ValueError("this is no JWK set: it has no list of keys")  # noqa: TRY004  one error for what is fetched
    return {key["kid"]: OKPKey.import_key({name: key[name] for name in PUBLIC_MEMBERS}) for key in _usable(jwks)}


def _usable(jwks: dict[str, Any]) -> list[dict[str, Any]]:
    return [key for key in jwks["keys"] if isinstance(key, dict) and _signs_grants(key)]


def _signs_grants(key: dict[str, Any]) -> bool:
    kind = (key.get("kty"), key.get("crv"), key.get("use", "sig"), key.get("alg", ALGORITHM))
    if kind != ("OKP", "Ed25519", "sig", ALGORITHM) or not isinstance(key.get("kid"), str):
        return False
    try:
        return len(_decoded(key["x"])) == 32
    except BROKEN:
        return False


def _refuse_unless(good: bool, reason: str) -> None:
    if not good:
        raise GrantRefused(reason)


def _header(grant: str) -> dict[str, Any]:
    _refuse_unless(isinstance(grant, str) and len(grant) <= MAX_GRANT and grant.count(".") == 2, "malformed")
    try:
        header = json.loads(_decoded(grant.partition(".")[0]))
    except BROKEN as error:
        raise GrantRefused("malformed") from error
    if not isinstance(header, dict):
        raise GrantRefused("malformed")
    return header


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _shaped(claims: dict[str, Any]) -> bool:
    times = (claims.get("iat"), claims.get("exp"))
    if not all(type(value) is int for value in times) or not 0 < claims["exp"] - claims["iat"] <= LONGEST:
        return False
    if not all(_text(claims.get(name)) for name in ("aud", "sub", "jti", "txn")):
        return False
    named = {"act": "sub", "cnf": "jkt"}
    return _detailed(claims.get("authorization_details")) and all(
        name not in claims or (isinstance(claims[name], dict) and _text(claims[name].get(member)))
        for name, member in named.items()
    )


def _detailed(details: Any) -> bool:
    match details:
        case [{"type": "interlock_action", "max_uses": 1} as one]:
            return all(_text(one.get(name)) for name in ("action", "digest", "parameters_digest"))
    return False


def _text(value: Any) -> bool:
    return isinstance(value, str) and value != ""
