"""Proof of possession (DPoP, RFC 9449): who sends this has the private key whose thumbprint a grant is bound to.

Pure: the standard library and joserfc. Interlock checks proofs here when it binds a grant, a target when it is used.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Protocol, TypeGuard
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey
from joserfc.jws import JWSRegistry

TYPE = "dpop+jwt"
ALGORITHMS = {"Ed25519": ("OKP", "Ed25519"), "EdDSA": ("OKP", "Ed25519"), "ES256": ("EC", "P-256")}
"""What a proof may be signed with, and by which kind of key."""

MAX_AGE = 60
"""Seconds for which a proof is good; so long its jti is remembered."""

LEEWAY = 5
"""Seconds by which clocks may differ."""

MAX_PROOF = 4 * 1024
MAX_JTI = 255
PUBLIC_MEMBERS = {"OKP": ("kty", "crv", "x"), "EC": ("kty", "crv", "x", "y")}
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
PORTS = {"https": 443, "http": 80}
BROKEN = (JoseError, ValueError, TypeError, AttributeError, KeyError, RecursionError)


class ProofInvalid(Exception):
    """The proof does not hold for this call. ``reason``: a key of `REASONS`; the sentence never quotes the proof."""

    def __init__(self, reason: str) -> None:
        """``reason``: a key of `REASONS`."""
        super().__init__(REASONS[reason])
        self.reason = reason


REASONS: dict[str, str] = {
    "malformed": "it is no JWS in compact form whose parts are JSON objects",
    "wrong-type": f"its header typ is not {TYPE}",
    "wrong-algorithm": f"its header alg is none of {', '.join(ALGORITHMS)}",
    "wrong-key": "its header jwk is not a public key of the kind that its alg is for",
    "bad-signature": "its signature does not hold",
    "wrong-method": "its htm is not the method of this call",
    "wrong-url": "its htu is not the address of this call",
    "wrong-time": f"its iat is not within the last {MAX_AGE} s: make a new proof for each call, and compare the clocks",
    "wrong-id": f"its jti is not 1 to {MAX_JTI} characters",
    "wrong-token": "its ath is not the hash of the token that came with it",
    "seen-before": "it came before: make a new proof for each call",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A call that came with a proof, or with none. ``url``: as its sender calls it, behind whatever proxies."""

    method: str
    url: str
    proof: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that holds. ``jkt``: the thumbprint (RFC 7638) of the key that has signed it."""

    jkt: str
    jti: str
    iat: float


class Seen(Protocol):
    """Remembers what came before."""

    def first(self, name: str, until: float, now: float) -> bool:
        """True once for each name until then; False again and again, and when no more can be remembered."""
        ...


class Memory:
    """`Seen` of one process, for so many at most."""

    def __init__(self, most: int = 100_000) -> None:
        """Nothing came before."""
        self._most = most
        self._until: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def first(self, name: str, until: float, now: float) -> bool:
        """See `Seen.first`."""
        with self._lock:
            while self._until and next(iter(self._until.values())) < now:
                self._until.popitem(last=False)
            if name in self._until or len(self._until) >= self._most:
                return False
            self._until[name] = until
            return True


def check(call: Call, *, now: float | None = None, token: str | None = None) -> Proof:
    """The proof of a call. Raises ProofInvalid unless it was made for this method and address, just now.

    ``token``: what it must be bound to by its ``ath``; None where none is asked for. That it came before is for
    `refuse_again` to say, once it is known to be by the right key: nobody fills the memory with proofs of their own.
    """
    header = _header(call.proof or "")
    _require(header.get("typ") == TYPE, "wrong-type")
    _require(header.get("alg") in ALGORITHMS, "wrong-algorithm")
    _require("crit" not in header and "b64" not in header, "malformed")
    key = _public(header)
    claims = _claims(call.proof or "", key, header["alg"])
    _require(claims.get("htm") == call.method, "wrong-method")
    _require(_same_address(claims.get("htu"), call.url), "wrong-url")
    iat, jti = claims.get("iat"), claims.get("jti")
    if not _recent(iat, time.time() if now is None else now):
        raise ProofInvalid("wrong-time")
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI:
        raise ProofInvalid("wrong-id")
    _require(token is None or claims.get("ath") == hash_of(token), "wrong-token")
    return Proof(key.thumbprint(), jti, float(iat))


def refuse_again(seen: Seen, proof: Proof, *, now: float) -> None:
    """Raise ProofInvalid when this proof came before."""
    name = hashlib.sha256(f"{proof.jkt} {proof.jti}".encode()).hexdigest()
    _require(seen.first(name, proof.iat + MAX_AGE + 2 * LEEWAY, now), "seen-before")


def hash_of(token: str) -> str:
    """The ``ath`` of a token (RFC 9449 section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


def _require(good: bool, reason: str) -> None:
    if not good:
        raise ProofInvalid(reason)


def _header(proof: str) -> dict[str, Any]:
    _require(len(proof) <= MAX_PROOF and proof.count(".") == 2, "malformed")
    text = proof.partition(".")[0]
    try:
        header = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except BROKEN as error:
        raise ProofInvalid("malformed") from error
    if not isinstance(header, dict):
        raise ProofInvalid("malformed")
    return header


def _public(header: dict[str, Any]) -> OKPKey | ECKey:
    jwk, (kty, crv) = header.get("jwk"), ALGORITHMS[header["alg"]]
    if not isinstance(jwk, dict) or (jwk.get("kty"), jwk.get("crv")) != (kty, crv) or PRIVATE_MEMBERS & jwk.keys():
        raise ProofInvalid("wrong-key")
    try:
        members = {name: jwk[name] for name in PUBLIC_MEMBERS[kty]}
        return OKPKey.import_key(members) if kty == "OKP" else ECKey.import_key(members)
    except BROKEN as error:
        raise ProofInvalid("wrong-key") from error


def _claims(proof: str, key: OKPKey | ECKey, algorithm: str) -> dict[str, Any]:
    registry = _Registry(algorithms=[algorithm], strict_check_header=False)
    try:
        return dict(jwt.decode(proof, key, registry=registry).claims)
    except BROKEN as error:
        raise ProofInvalid("bad-signature") from error


def _recent(iat: Any, now: float) -> TypeGuard[float]:
    if isinstance(iat, bool) or not isinstance(iat, int | float):
        return False
    return now - MAX_AGE - LEEWAY <= iat <= now + LEEWAY  # compared, not subtracted: it may be beyond all floats


def _same_address(one: Any, other: str) -> bool:
    try:
        return isinstance(one, str) and _address(one) == _address(other)
    except ValueError:
        return False


def _address(url: str) -> tuple[str, str, int | None, str]:
    """Without query and fragment, as RFC 9449 section 4.3 compares it; equal spellings are made one."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme not in PORTS or not parts.hostname or "@" in parts.netloc:
        raise ValueError("no address that can be called")
    return scheme, parts.hostname, parts.port or PORTS[scheme], parts.path or "/"


class _Registry(JWSRegistry):
    """joserfc warns of "EdDSA" on every use, for RFC 9864 renames it; senders will use it for years."""

    def get_alg(self, name: str) -> Any:
        if name == "EdDSA" and self.allowed and name in self.allowed:
            return self.algorithms[name]
        return super().get_alg(name)
