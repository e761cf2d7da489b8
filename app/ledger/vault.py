"""Secrets of one request each: what is personal in the ledger is sealed under one, and erased by deleting it."""

from __future__ import annotations

import base64
import os
from typing import Any, cast

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc.jwk import OctKey
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.tables import DataKey
from app.domain.digest import canonical, keyed, sha256
from app.domain.errors import NotFound
from app.keys import KeyRing, Sealed, open_, seal

_KEY_BYTES = 32


class Secret:
    """The secret of one request. ``kid`` names it; one derived key seals (AES-256-GCM), another commits (HMAC)."""

    def __init__(self, kid: str, *, seal: bytes, commit: bytes, answer: bytes = b"") -> None:
        """The derived keys; see `of` and `disclosed`."""
        self.kid = kid
        self._seal, self._commit, self._answer = seal, commit, answer

    @classmethod
    def of(cls, kid: str, material: bytes) -> Secret:
        """``material``: 32 random bytes."""
        parts = {name: _derive(material, name.encode()) for name in ("seal", "commit", "answer")}
        return cls(kid, **parts)

    @classmethod
    def disclosed(cls, kid: str, keys: dict[str, str]) -> Secret:
        """Who has only what `disclose` gave away: opens and commits, and nothing else. Raises ValueError."""
        seal, commit = _unb64(keys["seal"]), _unb64(keys["commit"])
        if (len(seal), len(commit)) != (_KEY_BYTES, _KEY_BYTES):
            raise ValueError("a key has another length than 32 bytes")
        return cls(kid, seal=seal, commit=commit)

    def disclose(self) -> dict[str, str]:
        """The keys that open what was sealed, and show what was committed to, for a bundle; base64url."""
        return {"seal": _b64(self._seal), "commit": _b64(self._commit)}

    def fingerprints(self) -> dict[str, str]:
        """Which keys these are: hashes of what is random, that say nothing of them. For the ledger."""
        return {name: sha256(key) for name, key in self.disclose().items()}

    def seal(self, value: Any) -> dict[str, str]:
        """A JSON value as ``{kid, iv, ct}``, base64url; associated data is the kid."""
        iv = os.urandom(12)
        ct = AESGCM(self._seal).encrypt(iv, canonical(value), self.kid.encode())
        return {"kid": self.kid, "iv": _b64(iv), "ct": _b64(ct)}

    def open(self, sealed: dict[str, str]) -> bytes:
        """The RFC 8785 bytes that `seal` took. Raises `cryptography.exceptions.InvalidTag` when altered."""
        return AESGCM(self._seal).decrypt(_unb64(sealed["iv"]), _unb64(sealed["ct"]), self.kid.encode())

    def commit(self, value: Any) -> str:
        """A keyed hash that commits to a JSON value and says nothing once the secret is gone."""
        return keyed(self._commit, value)

    def answer_key(self, n: int) -> bytes:
        """The 256-bit key under which the owner's worker tells what came of attempt ``n``."""
        return _derive(self._answer, b"answer/%d" % n)


class Vault:
    """Makes, wraps and finds secrets; the wrapping keys come from the key ring files, never from the database."""

    def __init__(self, wrapping: KeyRing[OctKey]) -> None:
        """``wrapping``: the symmetric ring that wraps every secret."""
        self._wrapping = wrapping

    async def create(self, session: AsyncSession, kid: str) -> Secret:
        """A new secret under this id, kept wrapped in this transaction."""
        material = os.urandom(32)
        session.add(DataKey(kid=kid, wrapped=seal(self._wrapping, material, kid.encode())))
        return Secret.of(kid, material)

    def throwaway(self, kid: str) -> Secret:
        """One that nobody keeps, for what was erased: whatever is sealed under it is lost at once."""
        return Secret.of(kid, os.urandom(32))

    async def find(self, session: AsyncSession, kid: str) -> Secret:
        """The secret of this id. Raises NotFound when it was erased."""
        row = await session.get(DataKey, kid)
        if row is None:
            raise NotFound(f"The data of {kid} has been erased.")
        return Secret.of(kid, open_(self._wrapping, cast("Sealed", row.wrapped), kid.encode()))


def _derive(material: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"interlock/" + purpose).derive(material)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
