"""Asks Interlock, before the shop does what it cannot undo, whether a grant is still good, and uses it up."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

import httpx

from tests.fakes.retail.problems import Forbidden, Unavailable

TRIES = 3


@dataclass(frozen=True, slots=True)
class Account:
    """As what the shop is known to Interlock, and where that is."""

    base_url: str
    client_id: str
    client_secret: str = field(repr=False)


class Redeemer:
    """Redeems grants; without an account it can say of none that it is good."""

    def __init__(self, account: Account | None) -> None:
        self._account = account
        self._client = httpx.AsyncClient(timeout=5.0)
        self._token: str | None = None

    async def redeem(self, grant: str, parameters_digest: str) -> None:
        """Returns once it is redeemed. Raises `Forbidden` if it is not good any more, `Unavailable`.

        Each call has an id of its own, so that of two that come with one grant only one may act; an answer that was
        lost is asked for again under the same id.
        """
        said = {"grant": grant, "parameters_digest": parameters_digest, "redemption_id": str(uuid.uuid4())}
        for _ in range(TRIES):
            answer = await self._ask(said)
            if answer is not None and answer.status_code == 200:
                if answer.json().get("active") is not True:
                    raise Forbidden("not-active", "The grant was used, has expired, or was stopped")
                return
            if answer is not None and answer.status_code == 403:
                raise Forbidden("not-active", "The grant is for another shop")
        raise Unavailable("not-redeemed", "Nobody says whether the grant is still good")

    async def _ask(self, said: dict[str, str]) -> httpx.Response | None:
        if self._account is None:
            return None
        try:
            self._token = self._token or await self._access_token(self._account)
            headers = {"Authorization": f"Bearer {self._token}"}
            answer = await self._client.post(f"{self._account.base_url}/v1/grants/redeem", json=said, headers=headers)
        except (httpx.HTTPError, ValueError, KeyError):
            return None
        if answer.status_code == 401:
            self._token = None
        return answer

    async def _access_token(self, account: Account) -> str:
        form = {"grant_type": "client_credentials"}
        client = (account.client_id, account.client_secret)
        answer = await self._client.post(f"{account.base_url}/oauth/token", data=form, auth=client)
        return str(answer.raise_for_status().json()["access_token"])

    async def aclose(self) -> None:
        """Closes the HTTP client."""
        await self._client.aclose()
