"""What Temporal keeps is ciphertext from the first history on (DESIGN.md section 11)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from joserfc.jwk import OctKey
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

from app.keys import KeyRing, decrypt, encrypt

ENCODING = b"binary/encrypted"
_AAD = b"interlock/temporal-payload/v1"


class PlaintextRefused(Exception):
    """A payload that this installation did not encrypt: forged, or written before the codec was in place."""


class EncryptionCodec(PayloadCodec):
    """AES-256-GCM under the ``codec`` ring; the key's id travels in the metadata, so that rings may rotate."""

    def __init__(self, ring: KeyRing[OctKey], *, allow_plaintext: bool = False) -> None:
        """``allow_plaintext``: for reading foreign histories in development; never set it in production."""
        self._ring = ring
        self._allow_plaintext = allow_plaintext

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Each payload, metadata included, sealed into one of encoding ``binary/encrypted``."""
        return [self._seal(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """What `encode` took. Raises `PlaintextRefused`, `app.keys.UnknownKey` or `app.keys.CannotOpen`."""
        return [self._open(payload) for payload in payloads]

    def _seal(self, payload: Payload) -> Payload:
        data = encrypt(self._ring.current_key, payload.SerializeToString(), _AAD)
        return Payload(metadata={"encoding": ENCODING, "kid": self._ring.current.encode()}, data=data)

    def _open(self, payload: Payload) -> Payload:
        encoding = payload.metadata.get("encoding", b"")
        if encoding == ENCODING:
            key = self._ring.get(payload.metadata.get("kid", b"").decode())
            return Payload.FromString(decrypt(key, payload.data, _AAD))
        if self._allow_plaintext:
            return payload
        raise PlaintextRefused(f"a Temporal payload of encoding {encoding.decode(errors='replace')!r} is not encrypted")


def data_converter(ring: KeyRing[OctKey], *, allow_plaintext: bool = False) -> DataConverter:
    """Pydantic's JSON under the codec; failure messages and stack traces are encrypted too. For client and worker."""
    return dataclasses.replace(
        pydantic_data_converter,
        payload_codec=EncryptionCodec(ring, allow_plaintext=allow_plaintext),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
