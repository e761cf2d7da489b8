"""Checkpoints as signed notes: what is signed, and how it is written down (C2SP tlog-checkpoint, signed-note). Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from app.domain.tree import HASH_BYTES

ED25519 = b"\x01"
"""The signature type of a signed note that we make and read."""

_DASH = "— "
_ID_BYTES, _KEY_BYTES = 4, 32


class NoteInvalid(ValueError):
    """The text is no checkpoint, signed note, or verifier key; says what is wrong."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a tree: which log, how many leaves, and the root over them."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class Signature:
    """One line below a note. ``key_id``: the first bytes of the hash of name and key."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        """As it stands in the note."""
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a key that signs notes: ``name+hex(key id)+base64(0x01 || public key)``."""

    name: str
    key_id: bytes
    public: bytes


def key_id(name: str, public: bytes) -> bytes:
    """The four bytes by which a note names an Ed25519 key."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:_ID_BYTES]


def parse_verifier_key(text: str) -> VerifierKey:
    """Read a verifier key. Raises NoteInvalid."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3:
        raise NoteInvalid("a verifier key is name+key id+base64")
    name, hex_id, rest = parts
    try:
        named, raw = bytes.fromhex(hex_id), base64.b64decode(rest, validate=True)
    except ValueError:
        raise NoteInvalid("a verifier key is name+key id+base64") from None
    if not _is_name(name) or raw[:1] != ED25519 or len(raw) != 1 + _KEY_BYTES:
        raise NoteInvalid("it is no Ed25519 verifier key with a name")
    if named != key_id(name, raw[1:]):
        raise NoteInvalid("the verifier key's id does not belong to its name and key: is it copied whole?")
    return VerifierKey(name, named, raw[1:])


def render(text: str, *signatures: Signature) -> str:
    """A signed note."""
    return f"{text}\n{''.join(signature.line() for signature in signatures)}"


def parse(note: str) -> tuple[str, tuple[Signature, ...]]:
    """A note's text and signatures. Raises NoteInvalid."""
    text, separator, below = note.rpartition("\n\n")
    if not separator or not below.endswith("\n"):
        raise NoteInvalid("it is no signed note: text, an empty line, signatures")
    return f"{text}\n", tuple(_signature(line) for line in below[:-1].split("\n"))


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).rpartition(" ")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise NoteInvalid("a signature is not base64") from None
    found = Signature(name, raw[:_ID_BYTES], raw[_ID_BYTES:])
    if not _is_name(name) or not found.signature or found.line() != f"{line}\n":
        raise NoteInvalid("a line below the text is no signature")
    return found


def parse_checkpoint(text: str) -> Checkpoint:
    """Read what was signed; only its one form is taken. Raises NoteInvalid."""
    lines = text.split("\n")
    if len(lines) != 4:
        raise NoteInvalid("a checkpoint has three lines: origin, size, root")
    try:
        found = Checkpoint(lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True))
    except ValueError:
        raise NoteInvalid("a checkpoint's size is a number, its root base64") from None
    if not found.origin or len(found.root) != HASH_BYTES or found.size < 0 or found.text() != text:
        raise NoteInvalid("the checkpoint is not in its one form")
    return found


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(sign.isspace() for sign in name)
