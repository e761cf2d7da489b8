"""Tokens that must not be taken, each made with the real keys where the attack would have them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from app.domain.request import Level
from app.identity.tokens import dev_token, issue_access_token
from app.keys import KeyRing, KeyRings

Made = Callable[[KeyRings, str], str]
"""From the key rings and our base URL."""


def signed(
    ring: KeyRing[OKPKey], claims: dict[str, Any], *, header: dict[str, Any] | None = None, key: OKPKey | None = None
) -> str:
    """A token with these claims and, unless ``header`` and ``key`` say otherwise, our header and key."""
    whole = {"typ": "at+jwt", "alg": "Ed25519", "kid": ring.current, **(header or {})}
    return jwt.encode(whole, claims, key or ring.current_key, algorithms=["Ed25519"])


def good(url: str, **changes: Any) -> dict[str, Any]:
    """The claims of a bot's access token, changed; what is None is left out."""
    now = int(datetime.now(UTC).timestamp())
    claims: dict[str, Any] = {
        "iss": url,
        "aud": url,
        "sub": "bot:bot",
        "client_id": "bot-client",
        "iat": now,
        "exp": now + 600,
        "jti": "j",
    }
    return {name: value for name, value in (claims | changes).items() if value is not None}


def in_base64(value: bytes) -> str:
    """Base64url without padding, as in a token."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _claims(**changes: Any) -> Made:
    return lambda rings, url: signed(rings.tokens, good(url, **changes))


def _header(**changes: Any) -> Made:
    return lambda rings, url: signed(rings.tokens, good(url), header=changes)


def _expired(rings: KeyRings, url: str) -> str:
    long_ago = datetime.now(UTC) - timedelta(minutes=11)
    return issue_access_token(rings.tokens, issuer=url, client_id="bot-client", subject="bot:bot", now=long_ago)


def _expired_person(rings: KeyRings, url: str) -> str:
    long_ago = datetime.now(UTC) - timedelta(hours=9)
    assert rings.dev_issuer is not None
    return dev_token(rings.dev_issuer, base_url=url, person_id="dana", level=Level.STRONG, now=long_ago)


def _none(rings: KeyRings, url: str) -> str:
    header = {"typ": "at+jwt", "alg": "none", "kid": rings.tokens.current}
    return f"{in_base64(json.dumps(header).encode())}.{in_base64(json.dumps(good(url)).encode())}."


def _hmac(rings: KeyRings, url: str) -> str:
    """Signed with our public key, which everybody knows, as if it were a shared secret."""
    public = rings.tokens.current_key.as_dict(private=False)["x"]
    header = {"typ": "at+jwt", "alg": "HS256", "kid": rings.tokens.current}
    secret = OctKey.import_key(base64.urlsafe_b64decode(str(public) + "="))
    return jwt.encode(header, good(url), secret, algorithms=["HS256"])


def _another_key(rings: KeyRings, url: str) -> str:
    return signed(rings.tokens, good(url), key=OKPKey.generate_key("Ed25519", private=True))


def _by_the_grants_key(rings: KeyRings, url: str) -> str:
    return signed(rings.grants, good(url))


def _tampered(rings: KeyRings, url: str) -> str:
    header, _, signature = signed(rings.tokens, good(url)).split(".")
    return f"{header}.{in_base64(json.dumps(good(url, sub='bot:other-bot')).encode())}.{signature}"


def _signature_changed(rings: KeyRings, url: str) -> str:
    token = signed(rings.tokens, good(url))
    return token[:-20] + ("A" if token[-20] != "A" else "B") + token[-19:]


def _person_by_our_issuer(rings: KeyRings, url: str) -> str:
    return signed(rings.tokens, good(url, sub="person:dana"))


def _bot_by_the_dev_issuer(rings: KeyRings, url: str) -> str:
    """The development issuer may speak of people only: this one names itself ours."""
    assert rings.dev_issuer is not None
    return signed(rings.dev_issuer, good(url))


def _a_level_of_its_own(rings: KeyRings, url: str) -> str:
    assert rings.dev_issuer is not None
    now = int(datetime.now(UTC).timestamp())
    claims = good(url, iss=url + "/dev", sub="dana", acr="root", auth_time=now)
    return signed(rings.dev_issuer, claims)


def _embedded_key(rings: KeyRings, url: str) -> str:
    mine = OKPKey.generate_key("Ed25519", private=True)
    return signed(rings.tokens, good(url), header={"jwk": mine.as_dict(private=False)}, key=mine)


BAD: dict[str, tuple[Made, str]] = {
    "an expired one": (_expired, "expired"),
    "an expired one of a person": (_expired_person, "expired"),
    "one that is not good yet": (_claims(nbf=4_000_000_000), "nbf"),
    "one from the future": (_claims(iat=4_000_000_000), "iat"),
    "one that never expires": (_claims(exp=None), "exp"),
    "one for another audience": (_claims(aud="https://orders.internal"), "aud"),
    "one without an audience": (_claims(aud=None), "aud"),
    "one by another issuer": (_claims(iss="https://evil.example"), "issuer"),
    "one by nobody": (_claims(iss=None), "issuer"),
    "one of nobody": (_claims(sub=None), "sub"),
    "one of a person by our issuer": (_person_by_our_issuer, "neither a bot nor a target"),
    "one of a bot without a name": (_claims(sub="bot:"), "neither a bot nor a target"),
    "one of a bot by the issuer of people": (_bot_by_the_dev_issuer, "key"),
    "one with a level of its own": (_a_level_of_its_own, "acr"),
    "one of no client": (_claims(client_id=None), "client_id"),
    "one of an unknown client": (_claims(client_id="nobody"), "credential"),
    "one of a client with NUL": (_claims(client_id="bot-client\0"), "client_id"),
    "one of a client that is a number": (_claims(client_id=5), "client_id"),
    "one of a revoked credential": (_claims(client_id="gone-client"), "credential"),
    "alg none": (_none, "signature"),
    "our public key as a secret": (_hmac, "signature"),
    "another key": (_another_key, "signature"),
    "the key of grants": (_by_the_grants_key, "key"),
    "an unknown key": (_header(kid="k9"), "key"),
    "a key that is a path": (_header(kid="../../etc/passwd"), "key"),
    "a key in its header": (_embedded_key, "signature"),
    "another type": (_header(typ="JWT"), "typ"),
    "the type of a grant": (_header(typ="action-grant+jwt"), "typ"),
    "a changed payload": (_tampered, "signature"),
    "a changed signature": (_signature_changed, "signature"),
    "no signature": (lambda rings, url: signed(rings.tokens, good(url)).rpartition(".")[0] + ".", "signature"),
    "two parts": (lambda rings, url: signed(rings.tokens, good(url)).rpartition(".")[0], "signature"),
    "four parts": (lambda rings, url: signed(rings.tokens, good(url)) + ".x", "signature"),
    "no token": (lambda _rings, _url: "", "Bearer"),
    "a word": (lambda _rings, _url: "null", "JWT"),
    "a long one": (lambda _rings, _url: "a" * 17 * 1024, "too long"),
    "beyond ASCII": (lambda _rings, _url: "\xe9.\xe9.\xe9", "JWT"),
    "two in one": (lambda rings, url: signed(rings.tokens, good(url)) + ", Bearer x", "signature"),
}
"""By name: a token that is refused with 401, and what the sentence must name."""
