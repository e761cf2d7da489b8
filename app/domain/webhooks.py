"""Events for others: CloudEvents 1.0 in structured JSON, signed as Standard Webhooks 1.0.0 says."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

PREFIX = "whsec_"
MEDIA_TYPE = "application/cloudevents+json"
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret, by the specification."""


@dataclass(frozen=True, slots=True)
class Event:
    """What is sent. ``id``: of the CloudEvent, the same at every try; ``body``: the whole of it."""

    id: str
    body: bytes


def event(*, id_: str, source: str, type_: str, subject: str, time: str, data: bytes) -> Event:
    """A CloudEvent. ``data``: the bytes of a JSON value, taken as they are."""
    head: dict[str, Any] = {
        "specversion": "1.0",
        "id": id_,
        "source": source,
        "type": type_,
        "subject": subject,
        "time": time,
        "datacontenttype": "application/json",
    }
    return Event(id_, json.dumps(head, separators=(",", ":"))[:-1].encode() + b',"data":' + data + b"}")


def key_of(secret: str) -> bytes:
    """The key that a secret holds. Raises ValueError, which does not quote it."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(f"must be {PREFIX} and the base64 of {SHORTEST} to {LONGEST} random bytes")
    return key


def message_id(event_id: str) -> str:
    """The ``webhook-id`` of an event: the same at every try, without a full stop: that separates what is signed."""
    return "evt_" + hashlib.sha256(event_id.encode()).hexdigest()[:32]


def signature(key: bytes, message: str, timestamp: int, body: bytes) -> str:
    """One signature, version 1: HMAC-SHA256."""
    made = hmac.new(key, f"{message}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(made).decode()


def signed(what: Event, keys: Sequence[bytes], timestamp: int) -> dict[str, str]:
    """The headers that go with it, signed by each key: while a secret is being changed there are two."""
    message = message_id(what.id)
    return {
        "Content-Type": MEDIA_TYPE,
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(key, message, timestamp, what.body) for key in keys),
    }
