"""A password as PostgreSQL keeps it, so that the server never sees the password, nor its log.

RFC 5803, SCRAM-SHA-256; source: PostgreSQL, ``pg_authid.rolpassword``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from app.domain.errors import Misconfigured

ITERATIONS = 4096
"""PostgreSQL's own number: a password of a role is a random word, which no number of rounds protects better."""
SHORTEST = 16


def verifier(password: str, salt: bytes | None = None) -> str:
    """What goes in the place of the password. Raises Misconfigured for one that clients may spell in two ways."""
    if not password.isascii() or not password.isprintable() or " " in password:
        raise Misconfigured("a role's password must be ASCII letters, digits and signs, without spaces")
    if len(password) < SHORTEST:
        raise Misconfigured(
            f"a role's password must have at least {SHORTEST} characters: openssl rand -hex 32 makes one"
        )
    salt = secrets.token_bytes(16) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    stored = hashlib.sha256(_hmac(salted, b"Client Key")).digest()
    parts = f"{ITERATIONS}:{_text(salt)}", f"{_text(stored)}:{_text(_hmac(salted, b'Server Key'))}"
    return f"SCRAM-SHA-256${parts[0]}${parts[1]}"


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
