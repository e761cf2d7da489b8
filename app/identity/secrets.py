"""Client secrets of bots and targets."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

_PREFIX = re.compile(r"[a-z0-9][a-z0-9_.-]{0,80}")


def new_client(prefix: str) -> tuple[str, str]:
    """A new ``(client_id, client_secret)``; the id starts with the prefix, the secret has 256 random bits.

    Raises `ValueError` for a prefix with characters that HTTP Basic (RFC 7617) or a form would change.
    """
    if not _PREFIX.fullmatch(prefix):
        raise ValueError(f"a client id starts with a-z, 0-9 and then also _ . -, not {prefix!r}")
    return f"{prefix}.{secrets.token_hex(6)}", f"ilk_{secrets.token_urlsafe(32)}"


def hash_secret(secret: str) -> str:
    """``"sha256:"`` and hex: what is stored.

    Plain SHA-256, with neither salt nor work factor: those slow down guessing from a dictionary and spoil tables, and
    nobody guesses or tabulates 256 random bits. A slow hash would only make the token endpoint easy to exhaust.
    Never use it for what a person has chosen.
    """
    return "sha256:" + hashlib.sha256(secret.encode("utf-8", errors="surrogatepass")).hexdigest()


def verify_secret(secret: str, hashed: str) -> bool:
    """Whether the secret is the one that was hashed, compared in constant time."""
    return hmac.compare_digest(hash_secret(secret).encode(), hashed.encode())
