"""Key rings as files: one JWK set for each purpose, never in PostgreSQL (DESIGN.md section 11).

A ring is ``DIR/<name>.json``, ``{"current": kid, "keys": [JWK, ...]}``, readable by its owner only. What is new is
signed or sealed with the current key; the others stay so that what is old can still be checked or opened. A ring
that rotates also names its ``next`` key, and in ``published``, by kid, since when each key is told to others.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, TypedDict, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.errors import JoseError
from joserfc.jwk import OctKey, OKPKey

from app.domain.clocks import moment, rfc3339
from app.domain.note import ED25519, key_id

SIGNING = ("tokens", "grants", "ledger", "dev-issuer")
"""Ed25519 rings. ``dev-issuer`` exists in development only."""
SYMMETRIC = ("codec", "wrapping")
"""256-bit rings."""

GRANTS = "grants"

_IV_BYTES = 12
_KEY_BYTES = 32

K = TypeVar("K", OKPKey, OctKey)


class KeysInvalid(Exception):
    """A key file is missing, open to others, or not a ring; the sentence names the file and what to do."""


class UnknownKey(KeysInvalid):
    """Something names a key that its ring does not hold."""


class CannotOpen(Exception):
    """The ciphertext was altered, or sealed for another purpose (its associated data differ)."""


class Sealed(TypedDict):
    """Ciphertext as ledger and database keep it; all but ``kid`` in base64url without padding."""

    kid: str
    iv: str
    ct: str


@dataclass(frozen=True, slots=True)
class KeyRing(Generic[K]):
    """The keys of one purpose. ``keys`` by kid, ``current`` the kid that new things are made with.

    ``next``: the kid that takes its place, told to others already; ``published``: since when they are told of a key.
    """

    name: str
    current: str
    keys: Mapping[str, K] = field(repr=False)
    next: str | None = None
    published: Mapping[str, datetime] = field(default_factory=dict)

    def get(self, kid: str) -> K:
        """The key ``kid``. Raises `UnknownKey`."""
        try:
            return self.keys[kid]
        except KeyError:
            raise UnknownKey(f"key ring {self.name!r} holds no key {kid!r}; was it removed too early?") from None

    @property
    def current_key(self) -> K:
        """The key that new things are signed or sealed with."""
        return self.keys[self.current]


def public_jwks(ring: KeyRing[OKPKey]) -> dict[str, Any]:
    """The public halves of a signing ring as a JWK set."""
    return {"keys": [key.as_dict(private=False) for key in ring.keys.values()]}


@dataclass(frozen=True, slots=True)
class KeyRings:
    """Every ring of an installation."""

    tokens: KeyRing[OKPKey]
    grants: KeyRing[OKPKey]
    ledger: KeyRing[OKPKey]
    codec: KeyRing[OctKey]
    wrapping: KeyRing[OctKey]
    dev_issuer: KeyRing[OKPKey] | None = None
    """Signs people's tokens in development; production has none."""

    @classmethod
    def load(cls, directory: Path) -> KeyRings:
        """Read all rings of ``directory``. Raises `KeysInvalid` naming the file at fault."""
        return cls(
            tokens=_signing_ring(directory, "tokens"),
            grants=grants_ring(directory),
            ledger=_signing_ring(directory, "ledger"),
            codec=_symmetric_ring(directory, "codec"),
            wrapping=_symmetric_ring(directory, "wrapping"),
            dev_issuer=_signing_ring(directory, "dev-issuer") if _path(directory, "dev-issuer").exists() else None,
        )


def grants_ring(directory: Path) -> KeyRing[OKPKey]:
    """Read the ring that grants are signed with, which rotates under running processes. Raises `KeysInvalid`."""
    return _signing_ring(directory, GRANTS)


def create_missing(directory: Path) -> None:
    """Make the rings that ``directory`` lacks. For development: production brings its keys.

    Safe to call at once from several processes: whoever comes first decides, the others keep what stands.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in SIGNING + SYMMETRIC:
        if not _path(directory, name).exists():
            _publish(_path(directory, name), _new_ring(name))


def _new_ring(name: str) -> dict[str, Any]:
    if name == GRANTS:
        return new_grants_ring(datetime.now(UTC))
    jwk = new_signing_jwk() if name in SIGNING else _new_symmetric_jwk()
    return {"current": jwk["kid"], "keys": [jwk]}


def new_grants_ring(now: datetime) -> dict[str, Any]:
    """A ring whose next key is told to targets from the first moment on."""
    current, coming = new_signing_jwk(), new_signing_jwk()
    kids = [current["kid"], coming["kid"]]
    published = dict.fromkeys(kids, rfc3339(now))
    return {"current": kids[0], "next": kids[1], "published": published, "keys": [current, coming]}


def seal(ring: KeyRing[OctKey], plaintext: bytes, aad: bytes) -> Sealed:
    """Encrypt with the ring's current key (AES-256-GCM); opening takes the same ``aad``, which ties it to its place."""
    sealed = encrypt(ring.current_key, plaintext, aad)
    return {"kid": ring.current, "iv": _b64(sealed[:_IV_BYTES]), "ct": _b64(sealed[_IV_BYTES:])}


def open_(ring: KeyRing[OctKey], sealed: Sealed, aad: bytes) -> bytes:
    """Decrypt what `seal` made. Raises `UnknownKey`, or `CannotOpen` if anything was altered."""
    return decrypt(ring.get(sealed["kid"]), _unb64(sealed["iv"]) + _unb64(sealed["ct"]), aad)


def encrypt(key: OctKey, plaintext: bytes, aad: bytes) -> bytes:
    """AES-256-GCM under a fresh 96-bit nonce, which stands before the ciphertext."""
    iv = secrets.token_bytes(_IV_BYTES)
    return iv + AESGCM(key.raw_value).encrypt(iv, plaintext, aad)


def decrypt(key: OctKey, sealed: bytes, aad: bytes) -> bytes:
    """The plaintext of what `encrypt` made. Raises `CannotOpen`."""
    try:
        return AESGCM(key.raw_value).decrypt(sealed[:_IV_BYTES], sealed[_IV_BYTES:], aad)
    except (InvalidTag, ValueError):
        raise CannotOpen("the ciphertext was altered, or sealed for another purpose") from None


def public_bytes(key: OKPKey) -> bytes:
    """The 32 raw bytes of an Ed25519 public key."""
    return key.public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def note_verifier_key(name: str, key: OKPKey) -> str:
    """The verifier key of a C2SP signed note, ``name+keyid+base64``: all that an auditor needs to check checkpoints."""
    public = public_bytes(key)
    return f"{name}+{key_id(name, public).hex()}+{base64.b64encode(ED25519 + public).decode()}"


def grants_path(directory: Path) -> Path:
    """The file of the ring that grants are signed with."""
    return _path(directory, GRANTS)


def _path(directory: Path, name: str) -> Path:
    return directory / f"{name}.json"


def _signing_ring(directory: Path, name: str) -> KeyRing[OKPKey]:
    return _ring(name, _path(directory, name), OKPKey, _is_ed25519)


def _symmetric_ring(directory: Path, name: str) -> KeyRing[OctKey]:
    return _ring(name, _path(directory, name), OctKey, _is_256_bit)


def _is_ed25519(key: OKPKey) -> bool:
    return key.is_private and isinstance(key.private_key, Ed25519PrivateKey)


def _is_256_bit(key: OctKey) -> bool:
    return len(key.raw_value) == _KEY_BYTES


def _ring(name: str, path: Path, kind: type[K], fits: Any) -> KeyRing[K]:
    document = _read(path)
    try:
        keys = {jwk["kid"]: kind.import_key(jwk) for jwk in document["keys"]}
        current, coming = document["current"], document.get("next")
        published = {kid: moment(text) for kid, text in document.get("published", {}).items()}
    except (AttributeError, KeyError, TypeError, ValueError, JoseError) as error:
        raise KeysInvalid(f'{path} is no key ring {{"current": kid, "keys": [JWK with kid]}}: {error!r}') from None
    if len(keys) != len(document["keys"]) or current not in keys:
        raise KeysInvalid(f"{path}: every key needs a kid of its own, and current must be one of them")
    if coming is not None and (coming not in keys or coming == current or coming not in published):
        raise KeysInvalid(f"{path}: next must be another one of its keys, and published must say since when")
    if not all(fits(key) for key in keys.values()):
        raise KeysInvalid(f"{path}: ring {name!r} takes {_wanted(name)} only")
    return KeyRing(name, current, MappingProxyType(keys), coming, MappingProxyType(published))


def _wanted(name: str) -> str:
    return "private Ed25519 keys" if name in SIGNING else "256-bit oct keys"


def _read(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            _refuse_open_to_others(path, os.fstat(file.fileno()).st_mode)
            return json.load(file)
    except FileNotFoundError:
        raise KeysInvalid(
            f"{path} is missing: put the key ring there, or name its directory in INTERLOCK_KEYS__DIR"
        ) from None
    except (OSError, ValueError) as error:
        raise KeysInvalid(f"{path} cannot be read as a key ring: {type(error).__name__}") from None


def _refuse_open_to_others(path: Path, mode: int) -> None:
    if mode & 0o077:
        raise KeysInvalid(f"{path} has mode {stat.S_IMODE(mode):04o}, others may read or change it: chmod 600 {path}")


def new_signing_jwk() -> dict[str, Any]:
    """An Ed25519 key with its private part, named by its thumbprint (RFC 7638)."""
    key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": "Ed25519"}, private=True)
    return {**key.as_dict(private=True), "kid": key.thumbprint()}


def _new_symmetric_jwk() -> dict[str, Any]:
    return {"kty": "oct", "k": _b64(secrets.token_bytes(_KEY_BYTES)), "kid": secrets.token_hex(8)}


def _publish(path: Path, document: dict[str, Any]) -> None:
    with beside(path, document) as scratch:
        _link_unless_there(scratch, path)


@contextmanager
def beside(path: Path, document: dict[str, Any]) -> Iterator[Path]:
    """A file with this ring beside ``path``, whole, safe on disk and closed to others; gone at the end unless moved."""
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=beside_prefix(path))
    try:
        with os.fdopen(fd, "w") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fchmod(fd, 0o600)
            os.fsync(fd)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def beside_prefix(path: Path) -> str:
    """How files begin that were written beside ``path``: who was killed meanwhile has left them."""
    return f".{path.name}."


def _link_unless_there(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)  # unlike a rename, a link never replaces what another process has just made
    except FileExistsError:
        return


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise CannotOpen("the ciphertext is not base64url") from None
