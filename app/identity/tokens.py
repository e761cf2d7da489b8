"""Bearer tokens: those that we make, and whom a token that comes in names."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import httpx
from joserfc import jwt
from joserfc.errors import ClaimError, ExpiredTokenError
from joserfc.jwk import OKPKey
from joserfc.jwt import ClaimsOption, JWTClaimsRegistry

from app.domain.errors import Misconfigured, Unauthenticated
from app.domain.request import Level, word
from app.identity.issuers import RemoteKeys
from app.identity.jws import Peek, PublicKey, peek, verified
from app.keys import KeyRing
from app.settings import Issuer

ACCESS_TOKEN = "at+jwt"  # noqa: S105  RFC 9068's name of a type
ACCESS_LIFETIME = timedelta(seconds=600)
DEV_LIFETIME = timedelta(hours=8)
DEV_CLIENT = "interlock-dev"
RECENT = timedelta(minutes=5)
LEEWAY = 30

OURS = ("Ed25519",)
THEIRS = ("Ed25519", "EdDSA", "ES256", "RS256")
STRONG_METHODS = frozenset({"mfa", "hwk", "sc"})
"""Values of ``amr`` (RFC 8176) that a password alone does not give."""

Claims = Mapping[str, Any]
CallerKind = Literal["bot", "target", "identity"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a token names.

    ``kind`` bot or target: ``subject`` is its bare name (``support-bot``), ``level`` the lowest, for it is nobody's.
    ``kind`` identity: ``issuer`` and ``subject`` are one account of a person, ``level`` how surely it is them.
    """

    kind: CallerKind
    subject: str
    issuer: str
    client_id: str | None
    level: Level
    auth_time: datetime | None


def dev_issuer(base_url: str) -> str:
    """The ``iss`` of the development issuer."""
    return base_url + "/dev"


def issue_access_token(ring: KeyRing[OKPKey], *, issuer: str, client_id: str, subject: str, now: datetime) -> str:
    """An access token (RFC 9068) for ``subject``, ``"bot:NAME"`` or ``"target:NAME"``, good for 600 s with us."""
    claims = {"iss": issuer, "aud": issuer, "sub": subject, "client_id": client_id}
    return _signed(ring, claims, now, ACCESS_LIFETIME)


def dev_token(ring: KeyRing[OKPKey], *, base_url: str, person_id: str, level: Level, now: datetime) -> str:
    """A person's access token by the development issuer, good for 8 hours; ``acr`` is the level's word."""
    claims = {
        "iss": dev_issuer(base_url),
        "aud": base_url,
        "sub": person_id,
        "client_id": DEV_CLIENT,
        "acr": word(level),
        "auth_time": int(now.timestamp()),
    }
    return _signed(ring, claims, now, DEV_LIFETIME)


def refuse_dev_issuer(environment: str, host: str) -> None:
    """Raise `Misconfigured` unless this is development and only this machine can reach the API at ``host``."""
    if environment != "development":
        raise Misconfigured(
            f"The development issuer runs only where the environment is 'development', not {environment!r}: "
            "unset INTERLOCK_IDENTITY__DEV_ISSUER."
        )
    if not _is_loopback(host):
        raise Misconfigured(
            f"The development issuer runs only on a loopback address, not {host!r}: set INTERLOCK_API__HOST=127.0.0.1."
        )


class Authenticator:
    """Tells from a bearer token who calls.

    ``base_url``: our own issuer and audience. ``tokens``: the ring that signs our access tokens. ``dev``: the ring
    of the development issuer, where there is one (`refuse_dev_issuer` first). ``http`` fetches issuers' keys.
    Raises `Misconfigured` if two issuers have one name.
    """

    def __init__(
        self,
        *,
        base_url: str,
        tokens: KeyRing[OKPKey],
        issuers: Sequence[Issuer],
        http: httpx.AsyncClient,
        dev: KeyRing[OKPKey] | None = None,
    ) -> None:
        trusts = [_own_trust(base_url, tokens), *(_oidc_trust(issuer, http) for issuer in issuers)]
        if dev is not None:
            trusts.append(_dev_trust(base_url, dev))
        self._trusts = {trust.iss: trust for trust in trusts}
        if len(self._trusts) != len(trusts):
            raise Misconfigured("INTERLOCK_IDENTITY__ISSUERS: every issuer needs an iss of its own.")

    async def caller(self, bearer: str | None, now: datetime) -> Caller:
        """Whom this token (without ``Bearer``) names.

        Raises `Unauthenticated` with a sentence that says what is wrong, `Unavailable` if an issuer's keys cannot
        be had. Source: RFC 7519, 8725, 9068; clocks may differ by 30 s.
        """
        if not bearer:
            raise Unauthenticated("Send an access token in the header Authorization: Bearer.")
        seen = peek(bearer)
        trust = self._trusts.get(seen.iss)
        if trust is None:
            raise Unauthenticated("The token's issuer is not one that Interlock is set up to trust.")
        return await trust.caller_of(bearer, seen, now)


@dataclass(frozen=True, slots=True)
class _Trust:
    """What is believed of one issuer, and of whom it may speak."""

    iss: str
    audience: str
    algorithms: tuple[str, ...]
    types: frozenset[str]
    essential: tuple[str, ...]
    key: Callable[[str | None], Awaitable[PublicKey]]
    read: Callable[[Claims, datetime], Caller]

    async def caller_of(self, token: str, seen: Peek, now: datetime) -> Caller:
        if seen.typ not in self.types:
            raise Unauthenticated("The token is not an access token (its typ is another one).")
        claims = verified(token, await self.key(seen.kid), self.algorithms)
        self._check(claims, now)
        return self.read(claims, now)

    def _check(self, claims: Claims, now: datetime) -> None:
        wanted: dict[str, ClaimsOption] = {name: {"essential": True} for name in self.essential}
        wanted["iss"] = {"essential": True, "value": self.iss}
        wanted["aud"] = {"essential": True, "value": self.audience}
        registry = JWTClaimsRegistry(now=int(now.timestamp()), leeway=LEEWAY, **wanted)
        try:
            registry.validate(dict(claims))
        except ExpiredTokenError:
            raise Unauthenticated("The token has expired: get a new one.") from None
        except ClaimError as error:
            raise Unauthenticated(f"The token's {error.claim} is missing or not what is asked for here.") from None


def _own_trust(base_url: str, ring: KeyRing[OKPKey]) -> _Trust:
    essential = ("sub", "exp", "iat", "jti", "client_id")
    return _Trust(base_url, base_url, OURS, frozenset({ACCESS_TOKEN}), essential, _keys_of(ring), _client)


def _dev_trust(base_url: str, ring: KeyRing[OKPKey]) -> _Trust:
    essential = ("sub", "exp", "iat", "jti", "acr", "auth_time")
    iss = dev_issuer(base_url)
    return _Trust(iss, base_url, OURS, frozenset({ACCESS_TOKEN}), essential, _keys_of(ring), _developer)


def _oidc_trust(issuer: Issuer, http: httpx.AsyncClient) -> _Trust:
    # Many issuers give no typ, or JWT, even to access tokens: there the audience alone tells them from other tokens.
    types = frozenset({"", "jwt", ACCESS_TOKEN})
    essential = ("sub", "exp", "iat")
    keys = RemoteKeys(issuer.jwks_url, http)
    return _Trust(issuer.iss, issuer.audience, THEIRS, types, essential, keys.get, _account)


def _keys_of(ring: KeyRing[OKPKey]) -> Callable[[str | None], Awaitable[PublicKey]]:
    async def key(kid: str | None) -> PublicKey:
        if kid is None or kid not in ring.keys:
            raise Unauthenticated("The token is signed with a key that is not in use (any more): get a new one.")
        return ring.keys[kid]

    return key


def _client(claims: Claims, _now: datetime) -> Caller:
    client_id = claims["client_id"]
    if not isinstance(client_id, str) or not client_id.isprintable():
        raise Unauthenticated("The token's client_id must be printable text.")
    match str(claims["sub"]).partition(":"):
        case "bot", ":", name if name:
            return Caller("bot", name, claims["iss"], client_id, Level.CLICK, None)
        case "target", ":", name if name:
            return Caller("target", name, claims["iss"], client_id, Level.CLICK, None)
    raise Unauthenticated("The token names neither a bot nor a target.")


def _developer(claims: Claims, _now: datetime) -> Caller:
    levels = {word(level): level for level in Level}
    level = levels.get(str(claims["acr"]))
    if level is None:
        raise Unauthenticated(f"The token's acr must be one of {', '.join(levels)}.")
    return _identity(claims, level)


def _account(claims: Claims, now: datetime) -> Caller:
    if "act" in claims:
        raise Unauthenticated("The token is one that somebody else acts with (act): only people's own are taken.")
    return _identity(claims, _level(claims, now))


def _identity(claims: Claims, level: Level) -> Caller:
    subject = claims["sub"]
    if not subject or len(subject) > 255 or not subject.isprintable():
        raise Unauthenticated("The token's sub must be 1 to 255 printable characters.")
    client_id = claims.get("client_id") or claims.get("azp")
    client_id = client_id if isinstance(client_id, str) else None
    return Caller("identity", subject, claims["iss"], client_id, level, _instant(claims.get("auth_time")))


def _level(claims: Claims, now: datetime) -> Level:
    auth_time = _instant(claims.get("auth_time"))
    leeway = timedelta(seconds=LEEWAY)
    if auth_time is None or not -leeway <= now - auth_time <= RECENT:
        return Level.LOGIN
    methods = claims.get("amr")
    strong = isinstance(methods, list) and any(m in STRONG_METHODS for m in methods if isinstance(m, str))
    return Level.STRONG if strong else Level.RECENT


def _instant(claim: Any) -> datetime | None:
    if isinstance(claim, bool) or not isinstance(claim, int | float):
        return None
    try:
        return datetime.fromtimestamp(claim, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _signed(ring: KeyRing[OKPKey], claims: dict[str, Any], now: datetime, lifetime: timedelta) -> str:
    issued = int(now.timestamp())
    whole = claims | {"iat": issued, "exp": issued + int(lifetime.total_seconds()), "jti": secrets.token_urlsafe(16)}
    header = {"typ": ACCESS_TOKEN, "alg": "Ed25519", "kid": ring.current}
    return jwt.encode(header, whole, ring.current_key, algorithms=["Ed25519"])


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
