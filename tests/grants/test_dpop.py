"""Proofs of possession: for this call, just made, by a key whose private half nobody else has."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, OKPKey

from app.grants.dpop import LEEWAY, MAX_AGE, REASONS, Call, Memory, Proof, ProofInvalid, check, hash_of, refuse_again
from tests.grants.proving import Prover

URL = "https://interlock.example/v1/requests"
NOW = 1_800_000_000
PROVER = Prover(at=NOW)


def reason(proof: str | None, **changes: Any) -> str:
    """Why this proof does not hold for a POST to `URL`."""
    given = {"method": "POST", "url": URL, **changes}
    with pytest.raises(ProofInvalid) as refused:
        check(Call(given["method"], given["url"], proof), token=given.get("token"), now=given.get("now", NOW))
    assert str(refused.value) == REASONS[refused.value.reason]
    return refused.value.reason


@pytest.mark.parametrize("alg", ["ES256", "Ed25519"])
def test_it_holds(alg: str) -> None:
    prover = Prover(alg)
    found = check(Call("POST", URL, prover.proof("POST", URL, jti="j")))
    assert (found.jkt, found.jti) == (prover.jkt, "j")


def test_by_the_older_name_of_the_algorithm() -> None:
    """RFC 9864 renames EdDSA; libraries will say it for years, and nobody wants a warning for each call."""
    prover = Prover("Ed25519")
    header = {"alg": "EdDSA"}
    text = prover.proof("POST", URL)
    claims = text.split(".")[1]
    whole = {"typ": "dpop+jwt", "alg": "EdDSA", "jwk": prover.key.as_dict(private=False)} | header
    signing = in_base64(whole) + "." + claims
    private: Any = prover.key.private_key
    signature = base64.urlsafe_b64encode(private.sign(signing.encode())).rstrip(b"=").decode()
    assert check(Call("POST", URL, f"{signing}.{signature}")).jkt == prover.jkt


def in_base64(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_of_a_token() -> None:
    """The example of RFC 9449, section 7.1 and appendix: the hash of its access token."""
    token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
    assert hash_of(token) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
    proof = PROVER.proof("POST", URL, token=token)
    assert check(Call("POST", URL, proof), token=token, now=NOW).jkt == PROVER.jkt
    assert check(Call("POST", URL, proof), now=NOW).jkt == PROVER.jkt
    assert reason(proof, token=token + "x") == "wrong-token"
    assert reason(PROVER.proof("POST", URL), token=token) == "wrong-token"


def test_the_proof_of_the_standard() -> None:
    """RFC 9449, figure 12: made by somebody else's code."""
    proof = (
        "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Ik"
        "VDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR"
        "nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE"
        "QSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIj"
        "oiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0Z"
        "WRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNF"
        "c05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71E"
        "OptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
    )
    call = Call("GET", "https://resource.example.org/protectedresource", proof)
    found = check(call, now=1562262618, token="Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU")
    assert found.jkt == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


SECRET = OctKey.import_key("a secret that is long enough for HS256")
BAD: dict[str, tuple[str | None, str]] = {
    "none at all": (None, "malformed"),
    "nothing": ("", "malformed"),
    "a word": ("null", "malformed"),
    "three words": ("a.b.c", "malformed"),
    "no object": (f"{in_base64([])}.e30.x", "malformed"),
    "beyond ASCII": ("\u00e9.\u00e9.\u00e9", "malformed"),
    "two in one": (PROVER.proof("POST", URL) + ", " + PROVER.proof("POST", URL), "malformed"),
    "a long one": (PROVER.proof("POST", URL, jti="j" * 5000), "malformed"),
    "another type": (PROVER.proof("POST", URL, header={"typ": "JWT"}), "wrong-type"),
    "a grant's type": (PROVER.proof("POST", URL, header={"typ": "action-grant+jwt"}), "wrong-type"),
    "alg none": (f"{in_base64({'typ': 'dpop+jwt', 'alg': 'none', 'jwk': {}})}.e30.", "wrong-algorithm"),
    "HS256": (f"{in_base64({'typ': 'dpop+jwt', 'alg': 'HS256', 'jwk': SECRET.as_dict()})}.e30.x", "wrong-algorithm"),
    "an alg that is a list": (f"{in_base64({'typ': 'dpop+jwt', 'alg': 'RS256'})}.e30.x", "wrong-algorithm"),
    "an extension": (
        f"{in_base64({'typ': 'dpop+jwt', 'alg': 'ES256', 'crit': ['b64'], 'b64': False})}.e30.x",
        "malformed",
    ),
    "no key": (PROVER.proof("POST", URL, header={"jwk": None}), "wrong-key"),
    "a private key": (PROVER.proof("POST", URL, header={"jwk": PROVER.key.as_dict(private=True)}), "wrong-key"),
    "a key of another kind": (
        PROVER.proof("POST", URL, header={"jwk": OKPKey.generate_key("Ed25519").as_dict(private=False)}),
        "wrong-key",
    ),
    "a key on no curve": (
        PROVER.proof("POST", URL, header={"jwk": PROVER.key.as_dict(private=False) | {"x": "AAAA"}}),
        "wrong-key",
    ),
    "a key of another curve": (
        PROVER.proof("POST", URL, header={"jwk": ECKey.generate_key("P-384").as_dict(private=False)}),
        "wrong-key",
    ),
    "somebody else's key": (
        PROVER.proof("POST", URL, header={"jwk": ECKey.generate_key("P-256").as_dict(private=False)}),
        "bad-signature",
    ),
    "another method": (PROVER.proof("GET", URL), "wrong-method"),
    "no method": (PROVER.proof("POST", URL, htm=None), "wrong-method"),
    "another path": (PROVER.proof("POST", URL + "/x"), "wrong-url"),
    "no address": (PROVER.proof("POST", URL, htu=None), "wrong-url"),
    "an address that is none": (PROVER.proof("POST", URL, htu=5), "wrong-url"),
    "no time": (PROVER.proof("POST", URL, iat=None), "wrong-time"),
    "a time in words": (PROVER.proof("POST", URL, iat="now"), "wrong-time"),
    "a time that is true": (PROVER.proof("POST", URL, iat=True), "wrong-time"),
    "a time beyond all numbers": (PROVER.proof("POST", URL, iat=10**400), "wrong-time"),
    "no name": (PROVER.proof("POST", URL, jti=None), "wrong-id"),
    "an empty name": (PROVER.proof("POST", URL, jti=""), "wrong-id"),
    "a name that is a number": (PROVER.proof("POST", URL, jti=7), "wrong-id"),
    "a long name": (PROVER.proof("POST", URL, jti="j" * 256), "wrong-id"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_hold(name: str) -> None:
    proof, why = BAD[name]
    assert reason(proof) == why


def test_every_reason_is_met() -> None:
    others = {"wrong-token", "seen-before"}
    assert {why for _, why in BAD.values()} | others == REASONS.keys()


@pytest.mark.parametrize("age", [-LEEWAY, 0, MAX_AGE, MAX_AGE + LEEWAY])
def test_its_time(age: int) -> None:
    assert check(Call("POST", URL, PROVER.proof("POST", URL)), now=NOW + age).iat == NOW
    for beyond in (-LEEWAY - 1, MAX_AGE + LEEWAY + 1):
        assert reason(PROVER.proof("POST", URL), now=NOW + beyond) == "wrong-time"


@pytest.mark.parametrize(
    ("said", "called", "same"),
    [
        (URL, URL + "?a=1#b", True),
        (URL + "?a=1#b", URL, True),
        ("HTTPS://Interlock.EXAMPLE:443/v1/requests", URL, True),
        ("http://desk", "http://desk:80/", True),
        (URL + "/", URL, False),
        ("http://interlock.example/v1/requests", URL, False),
        ("https://interlock.example:8443/v1/requests", URL, False),
        ("https://evil.example/v1/requests", URL, False),
        ("https://interlock.example@evil.example/v1/requests", URL, False),
        ("https://evil.example#@interlock.example/v1/requests", URL, False),
        ("https://interlock.example/V1/requests", URL, False),
        ("//interlock.example/v1/requests", URL, False),
        ("/v1/requests", URL, False),
        ("https://interlock.example:99999/v1/requests", URL, False),
        ("https://[", URL, False),
        ("ftp://interlock.example/v1/requests", URL, False),
    ],
)
def test_addresses(said: str, called: str, same: bool) -> None:
    proof = PROVER.proof("POST", said)
    if same:
        assert check(Call("POST", called, proof), now=NOW).jkt == PROVER.jkt
    else:
        assert reason(proof, url=called) == "wrong-url"


# Once.


def test_once() -> None:
    seen, proof = Memory(), Proof("key", "one", 100.0)
    refuse_again(seen, proof, now=100)
    with pytest.raises(ProofInvalid, match="came before"):
        refuse_again(seen, proof, now=100 + MAX_AGE + LEEWAY)
    refuse_again(seen, Proof("key", "two", 100.0), now=101)
    refuse_again(seen, Proof("another key", "one", 100.0), now=101)


def test_what_is_remembered_has_an_end() -> None:
    """Full, it takes nothing new rather than forget what may come again; in time it forgets by itself."""
    seen = Memory(most=3)
    assert [seen.first(str(n), until=10, now=0) for n in range(4)] == [True, True, True, False]
    assert not seen.first("0", until=10, now=10)
    assert seen.first("3", until=20, now=11)
    assert seen.first("0", until=20, now=11)


GOOD = PROVER.proof("POST", URL)


@given(st.integers(0, len(GOOD) - 1), st.characters(max_codepoint=0x17F))
@example(0, ".")
def test_one_character_changed(at: int, character: str) -> None:
    """Nothing but a spelling of the same bytes gets by, and nothing raises what it should not."""
    changed = GOOD[:at] + character + GOOD[at + 1 :]
    try:
        found = check(Call("POST", URL, changed), now=NOW)
    except ProofInvalid:
        return
    assert found.jkt == PROVER.jkt
    assert [_bytes(part) for part in changed.split(".")] == [_bytes(part) for part in GOOD.split(".")]


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    with pytest.raises(ProofInvalid):
        check(Call("POST", URL, text))


@given(
    st.dictionaries(
        st.sampled_from(["htm", "htu", "iat", "jti", "ath"]), st.none() | st.booleans() | st.text() | st.floats()
    )
)
def test_any_claims(claims: dict[str, Any]) -> None:
    """Of a signature that holds: good claims are taken, others refused by name."""
    proof = PROVER.proof("POST", URL, **{name: value for name, value in claims.items() if value == value})  # noqa: PLR0124
    with suppress(ProofInvalid):
        check(Call("POST", URL, proof), token="t", now=NOW)
