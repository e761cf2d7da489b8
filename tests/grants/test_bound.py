"""Grants that are bound to a key: stolen, they are worth nothing without it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest
from joserfc.jwk import OKPKey

from app.domain.digest import sha256
from app.grants.dpop import Call, Memory
from app.grants.grants import jwks, mint
from app.grants.verifier import GrantRefused, Verified, Verifier, keys_of
from app.keys import KeyRing
from tests.grants.proving import Prover

NOW = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
ISSUER, AUDIENCE, URL = "https://interlock.example", "https://orders.internal", "https://orders.internal/cancel"
PARAMETERS = {"order_id": "#W2378156"}
RING = KeyRing("grants", "one", MappingProxyType({"one": OKPKey.generate_key("Ed25519", {"kid": "one"})}))
MINE, THIEF = (Prover(at=int(NOW.timestamp())) for _ in range(2))


def minted(jkt: str | None) -> str:
    return mint(
        RING,
        issuer=ISSUER,
        request_id="0b1f4a52-6a64-5c1c-9f6e-0d3f5c2b7a11",
        action="orders.cancel",
        audience=AUDIENCE,
        subject=None,
        actor="bot:support-bot",
        digest="sha256:aa",
        parameters_digest=sha256(PARAMETERS),
        now=NOW,
        lifetime=timedelta(seconds=60),
        jkt=jkt,
    ).token


GRANT, OTHER = minted(MINE.jkt), minted(MINE.jkt)


@pytest.fixture
def verifier() -> Verifier:
    return Verifier(ISSUER, AUDIENCE, keys_of(jwks(RING)).get, Memory())


def verify(verifier: Verifier, proof: str | None, *, grant: str = GRANT, at: float = 0, url: str = URL) -> Verified:
    """As the order desk asks about a POST to `URL`."""
    return verifier.verify(
        grant,
        action="orders.cancel",
        parameters=PARAMETERS,
        call=Call("POST", url, proof),
        now=NOW.timestamp() + at,
    )


def reason(verifier: Verifier, proof: str | None, **changes: Any) -> str:
    with pytest.raises(GrantRefused) as refused:
        verify(verifier, proof, **changes)
    return refused.value.reason


@pytest.mark.parametrize("alg", ["ES256", "Ed25519"])
def test_with_its_key(verifier: Verifier, alg: str) -> None:
    prover = Prover(alg, at=int(NOW.timestamp()))
    grant = minted(prover.jkt)
    assert verify(verifier, prover.proof("POST", URL, token=grant), grant=grant).jkt == prover.jkt


def test_each_call_has_a_proof_of_its_own(verifier: Verifier) -> None:
    for at in (0, 1, 30):
        assert verify(verifier, MINE.proof("POST", URL, token=GRANT), at=at).jkt == MINE.jkt


def test_without_a_proof(verifier: Verifier) -> None:
    assert reason(verifier, None) == "no-proof"
    with pytest.raises(GrantRefused, match="bound to a key"):
        verifier.verify(GRANT, action="orders.cancel", parameters=PARAMETERS, now=NOW.timestamp())


def test_by_another_key(verifier: Verifier) -> None:
    assert reason(verifier, THIEF.proof("POST", URL, token=GRANT)) == "bad-proof"


def test_the_same_proof_again(verifier: Verifier) -> None:
    proof = MINE.proof("POST", URL, token=GRANT)
    verify(verifier, proof)
    assert reason(verifier, proof, at=30) == "bad-proof"


def test_what_a_thief_sends_does_not_use_up_a_proof(verifier: Verifier) -> None:
    """Nor fill the memory: proofs are remembered once they are known to be of the right key."""
    stolen = MINE.proof("POST", URL, token=GRANT, jti="mine")
    assert reason(verifier, THIEF.proof("POST", URL, token=GRANT, jti="mine")) == "bad-proof"
    assert verify(verifier, stolen).jkt == MINE.jkt


def test_made_for_another_address(verifier: Verifier) -> None:
    for url in ("https://orders.internal/restore", "https://interlock.example/v1/requests"):
        assert reason(verifier, MINE.proof("POST", url, token=GRANT)) == "bad-proof"
    assert reason(verifier, MINE.proof("GET", URL, token=GRANT)) == "bad-proof"


def test_made_for_another_grant(verifier: Verifier) -> None:
    assert reason(verifier, MINE.proof("POST", URL, token=OTHER)) == "bad-proof"
    assert reason(verifier, MINE.proof("POST", URL)) == "bad-proof"


def test_made_too_long_ago(verifier: Verifier) -> None:
    assert reason(verifier, Prover(at=int(NOW.timestamp()) - 90).proof("POST", URL, token=GRANT)) == "bad-proof"
    assert reason(verifier, "null") == "bad-proof"


def test_the_grant_is_looked_at_all_the_same(verifier: Verifier) -> None:
    assert reason(verifier, MINE.proof("POST", URL, token=GRANT), at=70) == "expired"


def test_one_that_is_bound_to_nothing_needs_none(verifier: Verifier) -> None:
    grant = minted(None)
    assert verify(verifier, None, grant=grant).jkt is None
    assert verify(verifier, "not looked at", grant=grant).jkt is None
