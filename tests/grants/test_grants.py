"""Grants as a target sees them."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest
from joserfc import jwk, jwt
from joserfc.jwk import OKPKey

from app.grants.grants import Grant, http_lifetime, jwks, mint
from app.keys import KeyRing

NOW = datetime(2026, 6, 1, 12, 0, 0, 900_000, tzinfo=UTC)


def a_ring(*kids: str) -> KeyRing[OKPKey]:
    keys = {kid: OKPKey.generate_key("Ed25519", {"kid": kid}) for kid in kids}
    return KeyRing("grants", kids[-1], MappingProxyType(keys))


def minted(ring: KeyRing[OKPKey], **changes: Any) -> Grant:
    given: dict[str, Any] = {
        "issuer": "https://interlock.example",
        "request_id": "0b1f4a52-6a64-5c1c-9f6e-0d3f5c2b7a11",
        "action": "orders.cancel",
        "audience": "https://orders.internal",
        "subject": "customer:yusuf_rossi_9620",
        "actor": "bot:support-bot",
        "digest": "sha256:aa",
        "parameters_digest": "sha256:bb",
        "now": NOW,
        "lifetime": timedelta(seconds=35),
    }
    return mint(ring, **given | changes)


@pytest.mark.aisvs("9.5.2")
def test_a_target_verifies_it_with_the_published_keys() -> None:
    ring = a_ring("old", "new")
    grant = minted(ring)
    published = jwk.KeySet.import_key_set(json.loads(json.dumps(jwks(ring))))
    token = jwt.decode(grant.token, published, algorithms=["Ed25519"])
    assert token.header == {"typ": "action-grant+jwt", "alg": "Ed25519", "kid": "new"}
    issued = int(NOW.timestamp())
    assert token.claims == {
        "iss": "https://interlock.example",
        "sub": "customer:yusuf_rossi_9620",
        "act": {"sub": "bot:support-bot"},
        "aud": "https://orders.internal",
        "jti": grant.jti,
        "iat": issued,
        "exp": issued + 35,
        "txn": "0b1f4a52-6a64-5c1c-9f6e-0d3f5c2b7a11",
        "authorization_details": [
            {
                "type": "interlock_action",
                "action": "orders.cancel",
                "digest": "sha256:aa",
                "parameters_digest": "sha256:bb",
                "max_uses": 1,
            }
        ],
    }
    assert grant.sha256 == "sha256:" + hashlib.sha256(grant.token.encode()).hexdigest()
    assert grant.expires_at == datetime(2026, 6, 1, 12, 0, 35, tzinfo=UTC)


def test_a_bot_that_acts_for_nobody_is_the_subject() -> None:
    ring = a_ring("one")
    claims = jwt.decode(minted(ring, subject=None).token, ring.current_key, algorithms=["Ed25519"]).claims
    assert claims["sub"] == "bot:support-bot"
    assert "act" not in claims


def test_the_grant_of_a_rollback_names_the_person_who_asked_to_undo() -> None:
    """On whose behalf the original was is still the subject; the bot has no part in it."""
    ring, ivan = a_ring("one"), "person:6d1f4a52-6a64-4c1c-9f6e-0d3f5c2b7a11"
    claims = jwt.decode(minted(ring, actor=ivan).token, ring.current_key, algorithms=["Ed25519"]).claims
    assert (claims["sub"], claims["act"]) == ("customer:yusuf_rossi_9620", {"sub": ivan})


@pytest.mark.parametrize("seconds", [0, -1, 120.1, 3600])
def test_no_grant_outlives_two_minutes(seconds: float) -> None:
    with pytest.raises(ValueError, match="120 s"):
        minted(a_ring("one"), lifetime=timedelta(seconds=seconds))


def test_every_grant_is_another_one_unless_the_same_is_asked_for() -> None:
    ring = a_ring("one")
    first = minted(ring)
    assert minted(ring).jti != first.jti
    assert minted(ring, jti=first.jti) == first


def test_the_lifetime_of_an_http_call() -> None:
    assert http_lifetime(timedelta(seconds=30)) == timedelta(seconds=35)
    assert http_lifetime(timedelta(minutes=5)) == timedelta(seconds=120)


@pytest.mark.aisvs("9.2.9")
def test_no_private_part_leaves() -> None:
    key = OKPKey.import_key(
        OKPKey.generate_key("Ed25519", {"kid": "one"}).as_dict(private=True) | {"note": "kept in the safe"}
    )
    document = jwks(KeyRing("grants", "one", MappingProxyType({"one": key})))
    assert [set(published) for published in document["keys"]] == [{"kty", "crv", "x", "kid", "use", "alg"}]
    assert str(key.as_dict(private=True)["d"]) not in json.dumps(document)


def test_the_token_is_not_in_the_repr() -> None:
    grant = minted(a_ring("one"))
    assert grant.token not in repr(grant)
