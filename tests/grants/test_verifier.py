"""The verifier that targets import: grants as Interlock mints them, and what somebody else makes of one."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, OKPKey

from app.domain.digest import sha256
from app.grants.dpop import Memory
from app.grants.grants import Grant, jwks, mint
from app.grants.verifier import LEEWAY, LONGEST, REASONS, GrantRefused, Verified, Verifier, keys_of, parameters_digest
from app.identity.tokens import issue_access_token
from app.keys import KeyRing

NOW = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
ISSUER, AUDIENCE = "https://interlock.example", "https://orders.internal"
REQUEST = "0b1f4a52-6a64-5c1c-9f6e-0d3f5c2b7a11"
PARAMETERS = {"order_id": "#W2378156", "reason": "no longer needed"}
KEY = OKPKey.generate_key("Ed25519", {"kid": "one"})
RING = KeyRing("grants", "one", MappingProxyType({"one": KEY}))
PUBLISHED = keys_of(json.loads(json.dumps(jwks(RING))))


def minted(**changes: Any) -> Grant:
    given: dict[str, Any] = {
        "issuer": ISSUER,
        "request_id": REQUEST,
        "action": "orders.cancel",
        "audience": AUDIENCE,
        "subject": "customer:yusuf_rossi_9620",
        "actor": "bot:support-bot",
        "digest": "sha256:aa",
        "parameters_digest": sha256(PARAMETERS),
        "now": NOW,
        "lifetime": timedelta(seconds=60),
    }
    return mint(RING, **given | changes)


GRANT = minted(jti="j").token
CLAIMS: dict[str, Any] = json.loads(jws.extract_compact(GRANT.encode()).payload)
DETAILS: dict[str, Any] = CLAIMS["authorization_details"][0]


def signed(claims: dict[str, Any], header: dict[str, Any] | None = None, key: Any = KEY) -> str:
    """Signed like a grant, unless the test says otherwise; what is None is left out."""
    whole = {"typ": "action-grant+jwt", "alg": "Ed25519", "kid": "one", **(header or {})}
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({n: v for n, v in whole.items() if v is not None}, kept, key, algorithms=[whole["alg"]])


def verify(grant: str = GRANT, *, at: float = 0, **changes: Any) -> Verified:
    """As the order desk asks about a call to cancel an order. ``at``: seconds after the grant was minted."""
    verifier = Verifier(ISSUER, AUDIENCE, changes.pop("keys", PUBLISHED).get, Memory())
    call = {"action": "orders.cancel", "parameters": PARAMETERS, "now": NOW.timestamp() + at, **changes}
    return verifier.verify(grant, **call)


def reason(grant: str = GRANT, **changes: Any) -> str:
    """Why not."""
    with pytest.raises(GrantRefused) as refused:
        verify(grant, **changes)
    assert str(refused.value) == REASONS[refused.value.reason]
    assert not grant or grant not in str(refused.value) + repr(refused.value)
    return refused.value.reason


def test_what_it_allows() -> None:
    assert verify() == Verified(
        request_id=REQUEST,
        action="orders.cancel",
        subject="customer:yusuf_rossi_9620",
        actor="bot:support-bot",
        digest="sha256:aa",
        parameters_digest=sha256(PARAMETERS),
        jti="j",
        expires_at=int(NOW.timestamp()) + 60,
        jkt=None,
    )
    assert verify(request_id=REQUEST).jti == "j"


def test_of_a_bot_that_acts_for_nobody() -> None:
    allowed = verify(minted(subject=None).token)
    assert (allowed.subject, allowed.actor) == ("bot:support-bot", "bot:support-bot")


def test_the_same_parameters_however_they_are_written() -> None:
    """Order and white space of JSON do not count (RFC 8785)."""
    assert verify(parameters=json.loads('{"reason":"no longer needed", "order_id" : "#W2378156"}')).jti == "j"


def test_for_other_parameters() -> None:
    for other in (
        {**PARAMETERS, "amount": 1},
        {"order_id": "#W1"},
        {},
        None,
        [PARAMETERS],
        {"n": 2**60},
        {"n": float("nan")},
    ):
        assert reason(parameters=other) == "wrong-parameters"
    with pytest.raises(GrantRefused):
        parameters_digest({"a": object()})


def test_for_another_action() -> None:
    assert reason(action="orders.restore") == "wrong-action"


def test_for_another_request() -> None:
    assert reason(request_id="9f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11") == "wrong-request"


def test_for_another_target() -> None:
    assert reason(minted(audience="https://refunds.internal").token) == "wrong-audience"
    assert reason(signed(CLAIMS | {"aud": [AUDIENCE, "https://refunds.internal"]})) == "wrong-claims"


def test_after_its_end() -> None:
    assert verify(at=60 + LEEWAY - 1).jti == "j"
    assert reason(at=60 + LEEWAY) == "expired"


def test_before_its_begin() -> None:
    assert verify(at=-LEEWAY).jti == "j"
    assert reason(at=-LEEWAY - 1) == "not-yet"


def test_by_another_issuer() -> None:
    assert reason(minted(issuer="https://evil.example").token) == "wrong-issuer"
    assert reason(signed(CLAIMS | {"iss": None})) == "wrong-issuer"


@pytest.mark.parametrize("typ", ["at+jwt", "JWT", "dpop+jwt", "application/action-grant+jwt", "ACTION-GRANT+JWT", None])
def test_another_type(typ: str | None) -> None:
    assert reason(signed(CLAIMS, {"typ": typ})) == "wrong-type"


def test_an_access_token() -> None:
    """By the very key of grants."""
    token = issue_access_token(RING, issuer=ISSUER, client_id="c", subject="bot:support-bot", now=NOW)
    assert reason(token) == "wrong-type"


def test_another_algorithm() -> None:
    public = base64.urlsafe_b64decode(str(KEY.as_dict(private=False)["x"]) + "=")
    header = {"typ": "action-grant+jwt", "alg": "none", "kid": "one"}
    for forged in (
        f"{in_base64(header)}.{in_base64(CLAIMS)}.",
        signed(CLAIMS, {"alg": "HS256"}, OctKey.import_key(public)),
        signed(CLAIMS, {"alg": "ES256"}, ECKey.generate_key("P-256")),
        GRANT.replace(GRANT.partition(".")[0], in_base64(header | {"alg": "EdDSA"})),
        GRANT.replace(GRANT.partition(".")[0], in_base64(header | {"alg": None})),
        GRANT.replace(GRANT.partition(".")[0], in_base64(header | {"alg": ["Ed25519"]})),
    ):
        assert reason(forged) == "wrong-algorithm"


def in_base64(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("kid", ["two", "../one", "", None])
def test_an_unknown_key(kid: str | None) -> None:
    assert reason(signed(CLAIMS, {"kid": kid})) == "unknown-key"


def test_a_key_that_is_no_longer_published() -> None:
    other = {"two": OKPKey.generate_key("Ed25519", {"kid": "two"})}
    assert reason(keys=keys_of(jwks(KeyRing("grants", "two", MappingProxyType(other))))) == "unknown-key"


def test_what_a_thief_makes_of_it() -> None:
    """With a key of their own under our key's name, or with the parts of a good one."""
    header, payload, signature = GRANT.split(".")
    forged = (
        signed(CLAIMS, key=OKPKey.generate_key("Ed25519")),
        f"{header}.{in_base64(CLAIMS | {'sub': 'customer:mia'})}.{signature}",
        f"{header}.{payload}.",
        f"{header}.{payload}.{signature[:-2]}",
        f"{header}.{payload}.{'A' * len(signature)}",
        f"{in_base64({'typ': 'action-grant+jwt', 'alg': 'Ed25519', 'kid': 'one', 'x': 1})}.{payload}.{signature}",
    )
    assert [reason(one) for one in forged] == ["bad-signature"] * len(forged)


@pytest.mark.parametrize(
    "text",
    ["", "null", "a.b", "a.b.c", "a.b.c.d", "W10.e30.x", "\u00e9.\u00e9.\u00e9", "x" * 20_000, "..."],
)
def test_no_grant_at_all(text: str) -> None:
    assert reason(text) == "malformed"


def test_an_extension_that_must_be_understood() -> None:
    header = {"typ": "action-grant+jwt", "alg": "Ed25519", "kid": "one", "crit": ["b64"], "b64": False}
    assert reason(GRANT.replace(GRANT.partition(".")[0], in_base64(header))) == "malformed"


WRONG: dict[str, Any] = {
    "exp": (None, "1800000000", True, 1.5, CLAIMS["iat"] + LONGEST + 1, CLAIMS["iat"], 10**30),
    "iat": (None, "0", False, CLAIMS["exp"] + 1, 0),
    "aud": (None, 5, ""),
    "sub": (None, 5, "", {}),
    "jti": (None, 5, ""),
    "txn": (None, 5, ""),
    "act": ("bot:support-bot", {}, {"sub": ""}, []),
    "cnf": ("key", {}, {"jkt": None}, {"jwk": {}}),
    "authorization_details": (
        None,
        [],
        DETAILS,
        [DETAILS, DETAILS],
        [DETAILS | {"type": "payment"}],
        [DETAILS | {"max_uses": 2}],
        [DETAILS | {"action": None}],
        [DETAILS | {"parameters_digest": ""}],
        [{"type": "interlock_action", "max_uses": 1}],
        "interlock_action",
    ),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_claims_that_no_grant_has(name: str, value: Any) -> None:
    """Signed by our own key all the same: what targets take is no more than what Interlock mints."""
    assert reason(signed(CLAIMS | {name: value})) == "wrong-claims"


def test_every_reason_is_met() -> None:
    """By the tests above, and by those of bound grants and of redeeming."""
    named = {"malformed", "wrong-type", "wrong-algorithm", "unknown-key", "bad-signature", "wrong-issuer"}
    named |= {"wrong-claims", "wrong-audience", "expired", "not-yet", "wrong-action", "wrong-request"}
    assert REASONS.keys() == named | {"wrong-parameters", "no-proof", "bad-proof", "not-active"}


# Keys.


def test_keys_that_may_sign_grants() -> None:
    """Others are left out, and of these no more than the public half is kept."""
    good = KEY.as_dict(private=True)
    others = [
        good | {"kid": None},
        good | {"kid": "enc", "use": "enc"},
        good | {"kid": "alg", "alg": "EdDSA"},
        good | {"kid": "crv", "crv": "X25519"},
        good | {"kid": "short", "x": "AAAA"},
        good | {"kid": "none", "x": None},
        ECKey.generate_key("P-256", {"kid": "ec"}).as_dict(private=False),
        "a key",
    ]
    found = keys_of({"keys": [good, *others]})
    assert list(found) == ["one"]
    assert not found["one"].is_private


@pytest.mark.parametrize("jwks", [None, [], {}, {"keys": None}, {"keys": {}}, "keys"])
def test_no_keys_at_all(jwks: Any) -> None:
    with pytest.raises(ValueError, match="JWK set"):
        keys_of(jwks)


# Whatever comes.


@given(st.integers(0, len(GRANT) - 1), st.characters(max_codepoint=0x17F))
@example(0, ".")
def test_one_character_changed(at: int, character: str) -> None:
    """It is refused, unless it says the very same, and nothing is raised but that."""
    changed = GRANT[:at] + character + GRANT[at + 1 :]
    try:
        allowed = verify(changed)
    except GrantRefused:
        return
    assert allowed == verify()
    assert [_bytes(part) for part in changed.split(".")] == [_bytes(part) for part in GRANT.split(".")]


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@given(st.text(max_size=400))
def test_any_text(text: str) -> None:
    with pytest.raises(GrantRefused):
        verify(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(CLAIMS)), json_values, min_size=1))
def test_any_claims(changes: dict[str, Any]) -> None:
    """By our own key: what gets by is for this action, target and parameters, and now."""
    try:
        allowed = verify(signed(CLAIMS | changes))
    except GrantRefused:
        return
    assert (allowed.action, allowed.parameters_digest) == ("orders.cancel", sha256(PARAMETERS))
    assert allowed.expires_at > NOW.timestamp() - LEEWAY


@given(json_values, json_values)
def test_parameters_are_told_apart(one: Any, other: Any) -> None:
    try:
        digests = parameters_digest(one), parameters_digest(other)
    except GrantRefused:
        return
    assert (digests[0] == digests[1]) == (sha256(one) == sha256(other))
    assert digests[0] == sha256(one)


# What it costs to import.

FOREIGN = ("sqlalchemy", "fastapi", "temporalio", "pydantic", "asyncpg", "starlette", "httpx", "slack_sdk")


def imported(module: str) -> set[str]:
    """What a fresh interpreter has loaded after importing this, and nothing else."""
    code = f"import {module}, sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(("module", "more"), [("verifier", set()), ("remote", {"httpx", "app.grants.verifier"})])
def test_it_brings_nothing_else_along(module: str, more: set[str]) -> None:
    loaded = imported(f"app.grants.{module}")
    ours = {name for name in loaded if name.split(".")[0] in ("app", "workflows")}
    assert ours == {"app", "app.grants", "app.grants.dpop", f"app.grants.{module}"} | (more - {"httpx"})
    assert {name for name in FOREIGN if name in loaded} == more & set(FOREIGN)
