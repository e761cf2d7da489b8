"""docs/grants.md: its examples in Python do what it says."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from app.domain.digest import sha256
from app.grants import remote, verifier
from app.grants.dpop import Call, check
from app.grants.grants import jwks, mint
from app.keys import KeyRing
from tests.grants.proving import Prover

PAGE = (Path(__file__).parents[2] / "docs" / "grants.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
INTERLOCK, DESK = "https://interlock.example", "https://orders.internal"
BODY = '{"order_id": "#W2378156"}'
RING = KeyRing("grants", "one", MappingProxyType({"one": OKPKey.generate_key("Ed25519", {"kid": "one"})}))


def example(has: str) -> dict[str, Any]:
    """What the one example defines that has this in it."""
    [code] = [code for code in EXAMPLES if has in code]
    found: dict[str, Any] = {}
    exec(compile(code, "docs/grants.md", "exec"), found)  # noqa: S102  it is ours
    return found


def minted(**changes: Any) -> str:
    given: dict[str, Any] = {
        "issuer": INTERLOCK,
        "request_id": "9f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11",
        "action": "orders.cancel",
        "audience": DESK,
        "subject": None,
        "actor": "bot:support-bot",
        "digest": "sha256:aa",
        "parameters_digest": sha256(json.loads(BODY)),
        "now": datetime.now(UTC),
        "lifetime": timedelta(seconds=60),
    }
    return mint(RING, **given | changes).token


def test_by_our_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """With keys and redemptions from nowhere: those have tests of their own."""
    monkeypatch.setattr(remote.PublishedKeys, "get", lambda _self, kid: verifier.keys_of(jwks(RING)).get(kid))
    monkeypatch.setattr(remote.Redeemer, "redeem", lambda *_: {"active": True})
    found = example("PublishedKeys")
    grant, prover = minted(), Prover()
    assert found["allowed"](grant, json.loads(BODY)) == "9f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11"
    with pytest.raises(verifier.GrantRefused, match="other parameters"):
        found["allowed"](grant, {})
    bound = minted(jkt=prover.jkt)
    assert found["allowed"](bound, json.loads(BODY), prover.proof("POST", f"{DESK}/cancel", token=bound))
    with pytest.raises(verifier.GrantRefused, match="bound to a key"):
        found["allowed"](bound, json.loads(BODY))
    found["http"].close()


BAD: dict[str, dict[str, Any]] = {
    "another audience": {"audience": "https://refunds.internal"},
    "another issuer": {"issuer": "https://evil.example"},
    "another action": {"action": "orders.restore"},
    "other parameters": {"parameters_digest": "sha256:bb"},
    "an old one": {"now": datetime.now(UTC) - timedelta(minutes=5)},
    "one from the future": {"now": datetime.now(UTC) + timedelta(minutes=5)},
    "one that is bound": {"jkt": "a key"},
}


def test_by_any_library() -> None:
    claims_of = example("extract_compact")["claims_of"]
    call = {"issuer": INTERLOCK, "audience": DESK, "action": "orders.cancel", "body": BODY}
    assert claims_of(minted(), jwks(RING), **call)["sub"] == "bot:support-bot"
    for changes in BAD.values():
        with pytest.raises(ValueError, match="not good"):
            claims_of(minted(**changes), jwks(RING), **call)
    other = KeyRing("grants", "one", MappingProxyType({"one": OKPKey.generate_key("Ed25519", {"kid": "one"})}))
    with pytest.raises(JoseError):
        claims_of(minted(), jwks(other), **call)
    with pytest.raises(ValueError, match="unknown key"):
        claims_of(minted(), {"keys": []}, **call)


def test_the_proof_of_a_bot() -> None:
    proof = example("htm")["proof"]
    assert check(Call("POST", f"{DESK}/cancel", proof("POST", f"{DESK}/cancel", "grant")), token="grant").jkt
    assert check(Call("POST", f"{INTERLOCK}/v1/requests", proof("POST", f"{INTERLOCK}/v1/requests"))).iat <= time.time()


def test_every_reason_is_named() -> None:
    assert [reason for reason in verifier.REASONS if f"`{reason}`" not in PAGE] == []


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", PAGE):
        assert (Path(__file__).parents[2] / "docs" / link).exists()
