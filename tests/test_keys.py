"""Key rings as files, and what is sealed with them."""

from __future__ import annotations

import base64
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey

from app.keys import (
    SIGNING,
    SYMMETRIC,
    CannotOpen,
    KeyRing,
    KeyRings,
    KeysInvalid,
    UnknownKey,
    create_missing,
    note_verifier_key,
    open_,
    public_bytes,
    public_jwks,
    seal,
)

RING = KeyRing("wrapping", "a", {"a": OctKey.generate_key(256), "b": OctKey.generate_key(256)})


def edit(file: Path, change: dict[str, Any]) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | change))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    create_missing(tmp_path / "keys")
    return tmp_path / "keys"


def test_made_rings_load_and_only_their_owner_reads_them(directory: Path) -> None:
    rings = KeyRings.load(directory)
    assert rings.dev_issuer is not None
    assert {file.stem for file in directory.iterdir()} == {*SIGNING, *SYMMETRIC}
    assert {file.stat().st_mode & 0o777 for file in directory.iterdir()} == {0o600}
    assert directory.stat().st_mode & 0o777 == 0o700


def test_making_again_keeps_what_stands(directory: Path) -> None:
    before = {file.name: file.read_bytes() for file in directory.iterdir()}
    (directory / "codec.json").unlink()
    create_missing(directory)
    after = {file.name: file.read_bytes() for file in directory.iterdir()}
    assert after.pop("codec.json") != before.pop("codec.json")
    assert after == before


def test_made_by_many_at_once_there_is_one(tmp_path: Path) -> None:
    def make(_: int) -> str:
        create_missing(tmp_path)
        return KeyRings.load(tmp_path).tokens.current

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(make, range(16)))) == 1
    assert len(list(tmp_path.iterdir())) == len(SIGNING + SYMMETRIC)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_file_open_to_others_is_refused(directory: Path, mode: int) -> None:
    (directory / "grants.json").chmod(mode)
    with pytest.raises(KeysInvalid, match=f"grants.json has mode {mode:04o}.*chmod 600"):
        KeyRings.load(directory)


@pytest.mark.parametrize("name", ["tokens", "grants", "ledger", "codec", "wrapping"])
def test_a_missing_ring_is_named(directory: Path, name: str) -> None:
    (directory / f"{name}.json").unlink()
    with pytest.raises(KeysInvalid, match=f"{name}.json is missing"):
        KeyRings.load(directory)


def test_production_has_no_development_issuer(directory: Path) -> None:
    (directory / "dev-issuer.json").unlink()
    assert KeyRings.load(directory).dev_issuer is None


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("tokens", {"current": "nobody"}, "current must be one of them"),
        ("tokens", {"keys": []}, "current must be one of them"),
        ("tokens", {"keys": None}, "no key ring"),
        ("tokens", {"keys": [{"kty": "OKP"}]}, "no key ring"),
        (
            "codec",
            {"current": "s", "keys": [{"kty": "oct", "k": "c2l4dGVlbiBieXRlcyE", "kid": "s"}]},
            "256-bit oct keys only",
        ),
    ],
)
def test_a_ring_that_is_none_is_refused(directory: Path, name: str, change: dict[str, Any], sentence: str) -> None:
    edit(directory / f"{name}.json", change)
    with pytest.raises(KeysInvalid, match=sentence):
        KeyRings.load(directory)


def test_a_public_key_cannot_sign_and_is_refused(directory: Path) -> None:
    public = public_jwks(KeyRings.load(directory).tokens)
    edit(directory / "tokens.json", public)
    with pytest.raises(KeysInvalid, match="private Ed25519 keys only"):
        KeyRings.load(directory)


def test_damaged_json_does_not_show_itself(directory: Path) -> None:
    (directory / "codec.json").write_text('{"keys": ["s3cret"')
    with pytest.raises(KeysInvalid, match=r"codec\.json") as caught:
        KeyRings.load(directory)
    assert "s3cret" not in str(caught.value)


def test_signing_keys_sign_and_the_published_half_checks(directory: Path) -> None:
    ring = KeyRings.load(directory).tokens
    token = jwt.encode({"alg": "Ed25519", "kid": ring.current}, {"sub": "a"}, ring.current_key, algorithms=["Ed25519"])
    assert "d" not in public_jwks(ring)["keys"][0]
    assert jwt.decode(token, ring.get(ring.current), algorithms=["Ed25519"]).claims == {"sub": "a"}


def test_the_verifier_key_is_that_of_a_signed_note(directory: Path) -> None:
    key = KeyRings.load(directory).ledger.current_key
    name, key_id, body = note_verifier_key("interlock", key).split("+", 2)
    assert (name, base64.b64decode(body)) == ("interlock", b"\x01" + public_bytes(key))
    assert key_id == hashlib.sha256(b"interlock\n\x01" + public_bytes(key)).hexdigest()[:8]


@given(st.binary(), st.binary())
def test_what_is_sealed_opens(plaintext: bytes, aad: bytes) -> None:
    assert open_(RING, seal(RING, plaintext, aad), aad) == plaintext


def test_what_an_older_key_sealed_still_opens() -> None:
    older = KeyRing("wrapping", "b", RING.keys)
    assert open_(RING, seal(older, b"text", b"x"), b"x") == b"text"


def test_an_unknown_key_is_named() -> None:
    sealed = seal(RING, b"text", b"")
    with pytest.raises(UnknownKey, match="'wrapping' holds no key 'z'"):
        open_(RING, {**sealed, "kid": "z"}, b"")


@pytest.mark.parametrize("part", ["iv", "ct"])
def test_altered_text_does_not_open(part: Literal["iv", "ct"]) -> None:
    sealed = seal(RING, b"text", b"")
    sealed[part] = ("B" if sealed[part][0] == "A" else "A") + sealed[part][1:]
    with pytest.raises(CannotOpen):
        open_(RING, sealed, b"")


def test_text_moved_to_another_place_does_not_open() -> None:
    with pytest.raises(CannotOpen):
        open_(RING, seal(RING, b"text", b"request-1"), b"request-2")


@pytest.mark.parametrize("ct", ["", "!!!!"])
def test_text_that_is_no_ciphertext_does_not_open(ct: str) -> None:
    with pytest.raises(CannotOpen):
        open_(RING, {"kid": "a", "iv": "AAAAAAAAAAAAAAAA", "ct": ct}, b"")


def test_secrets_do_not_show(directory: Path) -> None:
    secret = json.loads((directory / "codec.json").read_text())["keys"][0]["k"]
    assert secret not in repr(KeyRings.load(directory))
