"""The public keys of an OIDC issuer, fetched and kept for a while."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence

import httpx

from app.domain.errors import Unauthenticated, Unavailable
from app.identity.jws import PublicKey, usable_keys

log = logging.getLogger(__name__)

FRESH_FOR = 300.0
STALE_FOR = 3600.0
"""So long may keys be used while their issuer does not answer: a key that it withdrew must not live on for ever."""
REFETCH_AFTER = 10.0
FETCH_WITHIN = 5.0
MAX_SET = 256 * 1024


class RemoteKeys:
    """A JWK set at a URL: cached for 5 minutes; an unknown kid fetches it again, at most every 10 seconds."""

    def __init__(self, url: str, http: httpx.AsyncClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._http = http
        self._clock = clock
        self._keys: Sequence[PublicKey] = ()
        self._fetched = -math.inf
        self._tried = -math.inf
        self._lock = asyncio.Lock()

    async def get(self, kid: str | None) -> PublicKey:
        """The key with this id; without an id, the only key there is.

        Raises `Unauthenticated` if the issuer has no such key, `Unavailable` if it does not answer.
        """
        if self._age() > FRESH_FOR:
            await self._refresh()
        if (key := self._known(kid)) is None:
            await self._refresh()
            key = self._known(kid)
        if self._age() > STALE_FOR:
            raise Unavailable("The keys of the token's issuer cannot be fetched; try again.")
        if key is None:
            raise Unauthenticated("The token is signed with a key that its issuer does not publish.")
        return key

    def _age(self) -> float:
        return self._clock() - self._fetched

    def _known(self, kid: str | None) -> PublicKey | None:
        if kid is None:
            return self._keys[0] if len(self._keys) == 1 else None
        return next((key for key in self._keys if key.kid == kid), None)

    async def _refresh(self) -> None:
        async with self._lock:
            if self._clock() - self._tried < REFETCH_AFTER:
                return
            try:
                self._keys = await self._fetch()
                self._fetched = self._clock()
            except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError) as error:
                log.warning("keys of an issuer not fetched", extra={"url": self._url, "error": repr(error)})
            self._tried = self._clock()

    async def _fetch(self) -> Sequence[PublicKey]:
        answer = await self._http.get(self._url, timeout=FETCH_WITHIN)
        if answer.status_code != 200 or len(answer.content) > MAX_SET:
            raise ValueError(f"status {answer.status_code}, {len(answer.content)} bytes")
        return usable_keys(answer.json())
