"""Signing checkpoints, and checking who signed them (C2SP signed-note with Ed25519)."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc.jwk import OKPKey

from app.domain.note import (
    Checkpoint,
    NoteInvalid,
    Signature,
    VerifierKey,
    key_id,
    parse,
    parse_checkpoint,
    render,
)
from app.keys import KeyRing, public_bytes


class Signer:
    """Signs checkpoints of one log with the current key of the ledger's ring."""

    def __init__(self, origin: str, ring: KeyRing[OKPKey]) -> None:
        """``origin``: the log's name, which is the key's, too."""
        self.origin = origin
        self._ring = ring

    def sign(self, head: Checkpoint) -> str:
        """The signed note of a head of this log."""
        key = self._ring.current_key
        private = key.private_key
        if not isinstance(private, Ed25519PrivateKey):  # the ring takes no others
            raise TypeError("the ledger's key is no private Ed25519 key")
        text = head.text()
        made = Signature(self.origin, key_id(self.origin, public_bytes(key)), private.sign(text.encode()))
        return render(text, made)

    def verifiers(self) -> tuple[VerifierKey, ...]:
        """All keys of the ring, the former ones included."""
        return verifiers(self.origin, self._ring)


def verifiers(name: str, ring: KeyRing[OKPKey]) -> tuple[VerifierKey, ...]:
    """The public halves of a ring as keys that check notes of this name."""
    public = [public_bytes(key) for key in ring.keys.values()]
    return tuple(VerifierKey(name, key_id(name, one), one) for one in public)


def opened(note: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    """The checkpoint that one of these keys signed, and nobody else. Raises NoteInvalid, which says what is wrong."""
    text, signatures = parse(note)
    head = parse_checkpoint(text)
    if len(signatures) != 1:
        raise NoteInvalid(f"it has {len(signatures)} signatures instead of the ledger's one")
    known = [key for key in keys if (key.name, key.key_id) == (signatures[0].name, signatures[0].key_id)]
    if not known:
        raise NoteInvalid(f"it is signed by another key: {signatures[0].name}+{signatures[0].key_id.hex()}")
    if not any(_signed(key, signatures[0], text) for key in known):
        raise NoteInvalid("the signature does not belong to this text")
    if head.origin != signatures[0].name:
        raise NoteInvalid(f"a key of {signatures[0].name} signed a checkpoint of another log, {head.origin}")
    return head


def _signed(key: VerifierKey, signature: Signature, text: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature.signature, text.encode())
    except InvalidSignature:
        return False
    return True
