"""What is seen is what is signed, and what runs (DESIGN.md section 7)."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from typing import Any

import rfc8785

NAMESPACE = uuid.UUID("6f0f4a52-6a64-5c1c-9f6e-0d3f5c2b7a11")
"""Namespace of every UUIDv5 (RFC 9562) that Interlock derives."""


def canonical(value: Any) -> bytes:
    """The RFC 8785 bytes of a JSON value. Raises `rfc8785.CanonicalizationError` for what is not I-JSON."""
    return rfc8785.dumps(value)


def sha256(value: Any) -> str:
    """``"sha256:"`` and the hex SHA-256 of the RFC 8785 bytes of a JSON value."""
    return "sha256:" + hashlib.sha256(canonical(value)).hexdigest()


def derived_id(*parts: str) -> uuid.UUID:
    """UUIDv5 over the RFC 8785 bytes of the list of parts: the same parts, the same id, with no look-up."""
    return uuid.uuid5(NAMESPACE, canonical(list(parts)).decode())


def request_id(kind: str, asker_kind: str, asker_id: str, key: str) -> uuid.UUID:
    """The id of the request that this asker means by this idempotency key."""
    return derived_id("request", kind, asker_kind, asker_id, key)


def keyed(secret: bytes, value: Any) -> str:
    """``"hmac-sha256:"`` and the hex HMAC (RFC 2104) of the RFC 8785 bytes: commits to personal data, erasably."""
    return "hmac-sha256:" + hmac.new(secret, canonical(value), hashlib.sha256).hexdigest()


def request_digest(
    *,
    request_id: str,
    kind: str,
    asker: dict[str, str],
    action: str,
    action_version: str,
    parameters: dict[str, Any],
    on_behalf_of: str | None,
    triggered_by: str | None,
    parent: str | None,
    reverses: str | None,
    environment: str,
    expires_at: str,
    nonce: str,
) -> str:
    """The digest of a request: `sha256` of exactly these fields and ``v: 1``."""
    return sha256({"v": 1, **locals()})
