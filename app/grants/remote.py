"""What a target in Python asks of Interlock over HTTP: its published keys, and to redeem grants (docs/grants.md).

As `app.grants.verifier`, it imports nothing of Interlock but its neighbours; besides theirs it needs httpx. It blocks:
where that must not be, call it in a thread (``asyncio.to_thread``).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

import httpx
from joserfc.jwk import OKPKey

from app.grants.verifier import GrantRefused, keys_of

FRESH = 300.0
"""Seconds for which keys are kept, as the answer that brings them says."""

AT_MOST_EVERY = 10.0
"""Seconds between two looks for a key that is not there: made-up key ids cost Interlock no call each."""

TRIES = 3
EARLY = 30.0
"""Seconds before its end from which an access token is no longer used."""


class InterlockUnavailable(Exception):
    """Interlock did not answer, or not as it should: nobody knows whether the grant is good, so do not act on it."""


class PublishedKeys:
    """Interlock's keys, kept for five minutes. ``get`` is what `Verifier` takes as ``keys``."""

    def __init__(self, url: str, http: httpx.Client, *, clock: Callable[[], float] = time.monotonic) -> None:
        """``url``: where they are published, ``https://.../.well-known/jwks.json``."""
        self._url, self._http, self._clock = url, http, clock
        self._keys: dict[str, OKPKey] = {}
        self._fetched: float | None = None
        self._lock = Lock()

    def get(self, kid: str) -> OKPKey | None:
        """The key of this id; None: Interlock publishes none. Raises InterlockUnavailable."""
        with self._lock:
            age = None if self._fetched is None else self._clock() - self._fetched
            if age is None or age > FRESH or (kid not in self._keys and age > AT_MOST_EVERY):
                self._keys, self._fetched = self._fetch(), self._clock()
            return self._keys.get(kid)

    def _fetch(self) -> dict[str, OKPKey]:
        try:
            return keys_of(self._http.get(self._url).raise_for_status().json())
        except (httpx.HTTPError, ValueError) as error:
            raise InterlockUnavailable(f"The keys at {self._url} cannot be read.") from error


class Redeemer:
    """Redeems grants as one client of a target."""

    def __init__(self, base_url: str, client_id: str, client_secret: str, http: httpx.Client) -> None:
        """As ``interlock targets credentials CLIENT`` prints them."""
        self._base, self._http, self._client = base_url.rstrip("/"), http, (client_id, client_secret)
        self._token: tuple[str, float] | None = None
        self._lock = Lock()

    def redeem(self, grant: str, parameters_digest: str, redemption_id: str) -> dict[str, Any]:
        """What the grant allows, used up by this. Raises GrantRefused (``not-active``), InterlockUnavailable.

        ``redemption_id``: a new one for each call that the target is asked to do. A lost answer is asked for again.
        """
        said = {"grant": grant, "parameters_digest": parameters_digest, "redemption_id": redemption_id}
        for _ in range(TRIES):
            status, told = self._post(said)
            if status == 200 and told.get("active") is True:
                return told
            if status in (200, 403):
                raise GrantRefused("not-active")
        raise InterlockUnavailable("Interlock does not say whether the grant is good.")

    def _post(self, said: dict[str, str]) -> tuple[int | None, dict[str, Any]]:
        """Status and body of the answer; None where there is none. A token that is not taken is not used again."""
        try:
            headers = {"Authorization": f"Bearer {self._access_token()}"}
            answer = self._http.post(f"{self._base}/v1/grants/redeem", json=said, headers=headers)
            if answer.status_code == 401:
                with self._lock:
                    self._token = None
            told = answer.json() if answer.status_code == 200 else {}
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return None, {}
        return (answer.status_code, told) if isinstance(told, dict) else (None, {})

    def _access_token(self) -> str:
        with self._lock:
            if self._token is None or self._token[1] < time.monotonic():
                form = {"grant_type": "client_credentials"}
                answer = self._http.post(f"{self._base}/oauth/token", data=form, auth=self._client)
                told = answer.raise_for_status().json()
                self._token = (told["access_token"], time.monotonic() + told["expires_in"] - EARLY)
            return self._token[0]
