"""The payload codec: nothing plain goes out, nothing plain is taken in."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from joserfc.jwk import OctKey
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.exceptions import ApplicationError

from app.codec import ENCODING, EncryptionCodec, PlaintextRefused, data_converter
from app.keys import CannotOpen, KeyRing, UnknownKey

RING = KeyRing("codec", "a", {"a": OctKey.generate_key(256), "b": OctKey.generate_key(256)})
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"order 7"')


@dataclasses.dataclass
class Ask:
    order: str
    within: timedelta


async def test_values_come_back_through_ciphertext() -> None:
    converter = data_converter(RING)
    payloads = await converter.encode([Ask("order 7", timedelta(hours=4))])
    assert payloads[0].metadata["encoding"] == ENCODING
    assert b"order 7" not in payloads[0].SerializeToString()
    assert await converter.decode(payloads, [Ask]) == [Ask("order 7", timedelta(hours=4))]


async def test_the_same_value_never_looks_the_same() -> None:
    first, second = await EncryptionCodec(RING).encode([PLAIN, PLAIN])
    assert first.data != second.data


async def test_plaintext_is_refused() -> None:
    with pytest.raises(PlaintextRefused, match="json/plain"):
        await EncryptionCodec(RING).decode([PLAIN])


async def test_a_payload_without_encoding_is_refused() -> None:
    with pytest.raises(PlaintextRefused):
        await EncryptionCodec(RING).decode([Payload(data=b"x")])


async def test_plaintext_passes_only_by_flag() -> None:
    assert await EncryptionCodec(RING, allow_plaintext=True).decode([PLAIN]) == [PLAIN]


async def test_an_older_key_still_opens_and_an_unknown_one_is_named() -> None:
    sealed = await EncryptionCodec(KeyRing("codec", "b", RING.keys)).encode([PLAIN])
    assert await EncryptionCodec(RING).decode(sealed) == [PLAIN]
    with pytest.raises(UnknownKey, match="'b'"):
        await EncryptionCodec(KeyRing("codec", "a", {"a": RING.keys["a"]})).decode(sealed)


async def test_altered_ciphertext_is_refused() -> None:
    sealed = (await EncryptionCodec(RING).encode([PLAIN]))[0]
    sealed.data = sealed.data[:-1] + bytes([sealed.data[-1] ^ 1])
    with pytest.raises(CannotOpen):
        await EncryptionCodec(RING).decode([sealed])


async def test_failure_messages_are_encrypted() -> None:
    failure = Failure()
    await data_converter(RING).encode_failure(ApplicationError("order 7 is gone"), failure)
    assert b"order 7" not in failure.SerializeToString()
    assert "order 7 is gone" in str(await data_converter(RING).decode_failure(failure))
