"""A key of a bot's own, and the proofs (DPoP, RFC 9449) that it makes, good or as a test wants them."""

from __future__ import annotations

import time
import uuid
from typing import Any

from joserfc import jws, jwt
from joserfc.jwk import ECKey, OKPKey

from app.grants.dpop import hash_of


class Prover:
    """``alg``: Ed25519 or ES256; ``at``: when its proofs are made, if not now."""

    def __init__(self, alg: str = "ES256", at: int | None = None) -> None:
        """A new key."""
        self.alg, self.at = alg, at
        self.key: OKPKey | ECKey = OKPKey.generate_key("Ed25519") if alg == "Ed25519" else ECKey.generate_key("P-256")

    @property
    def jkt(self) -> str:
        """Its thumbprint."""
        return self.key.thumbprint()

    def proof(self, method: str, url: str, *, token: str | None = None, header: Any = None, **claims: Any) -> str:
        """A proof for this call; what is None is left out. ``header``: what is otherwise in it."""
        said = {"htm": method, "htu": url, "iat": self.at or int(time.time()), "jti": uuid.uuid4().hex}
        bound = {} if token is None else {"ath": hash_of(token)}
        ours = {"typ": "dpop+jwt", "alg": self.alg, "jwk": self.key.as_dict(private=False)}
        whole = {name: value for name, value in {**ours, **(header or {})}.items() if value is not None}
        payload = {name: value for name, value in {**said, **bound, **claims}.items() if value is not None}
        registry = jws.JWSRegistry(algorithms=[self.alg], strict_check_header=False)
        return jwt.encode(whole, payload, self.key, registry=registry)
