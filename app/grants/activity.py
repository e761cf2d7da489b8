"""For the owner of a target: an action as an activity on a task queue of their own (`run: {temporal: ...}`).

    interlock = Owner(httpx.AsyncClient(base_url="https://interlock.example"), client_id, client_secret)

    @interlock.activity("orders.cancel")
    async def cancel(order: Order) -> Any:
        answer = await desk.post("/cancel", json=order.parameters, headers=order.headers)
        if answer.status_code == 409:
            raise Refused(answer.json())
        answer.raise_for_status()
        return answer.json()

    await Worker(client, task_queue="order-desk", activities=[cancel]).run()

``client``: a plain Temporal client, without a payload codec; an owner has no key of Interlock's and needs none. The
grant is fetched with the target's own credentials, and what came of it is told sealed: neither is ever in a history.
This file needs nothing else of Interlock: it may be copied.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from joserfc import jwe
from joserfc.jwk import OctKey
from temporalio import activity
from temporalio.exceptions import ApplicationError

TRIES = 4
LARGEST = 64 * 1024
"""Bytes of a result that Interlock keeps."""

TOKEN_FOR = 300.0
"""Seconds that an access token is used for; it is good for twice as long."""


class Refused(Exception):
    """The target said no: it has not happened and, under this key, will not. ``error``: JSON, told to Interlock."""

    def __init__(self, error: Any = None) -> None:
        super().__init__("refused")
        self.error = error


class NotSent(Refused):
    """Nothing was sent to the target: it may be tried again."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done, and by what right."""

    action: str
    parameters: dict[str, Any] = field(repr=False)
    grant: str = field(repr=False)
    expires_at: str
    request_id: str
    attempt: int
    idempotency_key: str

    @property
    def headers(self) -> dict[str, str]:
        """As Interlock itself would send them."""
        return {"Authorization": f"Bearer {self.grant}", "Idempotency-Key": self.idempotency_key}


Act = Callable[[Order], Awaitable[Any]]


class Owner:
    """A target, as a client of Interlock."""

    def __init__(self, http: httpx.AsyncClient, client_id: str, client_secret: str) -> None:
        """``http``: its ``base_url`` is Interlock's. The credentials: of `interlock targets credentials`."""
        self._http = http
        self._credentials = (client_id, client_secret)
        self._token = ""
        self._token_until = 0.0

    def activity(self, name: str) -> Callable[[Act], Callable[[dict[str, Any]], Awaitable[str]]]:
        """Make an activity of what runs the action.

        What it returns is the result; `Refused` and `NotSent` say that it has not happened; after anything else that it
        raises, nobody knows: Interlock tries again if the action is idempotent, and else asks people.
        """

        def made(act: Act) -> Callable[[dict[str, Any]], Awaitable[str]]:
            @activity.defn(name=name)
            async def run(handed: dict[str, Any]) -> str:
                return await self._run(act, handed["handle"])

            return run

        return made

    async def _run(self, act: Act, handle: str) -> str:
        fetched = await self._fetch(handle)
        key = OctKey.import_key(fetched.pop("answer_key"))
        try:
            return _sealed(key, "succeeded", await act(Order(**fetched)))
        except Refused as error:
            outcome = "not_sent" if isinstance(error, NotSent) else "failed"
            raise _failure(type(error).__name__, _sealed(key, outcome, error.error)) from None
        except Exception as error:
            raise _failure(type(error).__name__) from None  # its message may say anything, and would be kept in clear

    async def _fetch(self, handle: str) -> dict[str, Any]:
        for trial in range(TRIES):
            try:
                answer = await self._http.post(
                    "/v1/grants/fetch", json={"handle": handle}, headers={"Authorization": await self._bearer()}
                )
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code == 200:
                fetched: dict[str, Any] = answer.json()
                return fetched
            if answer is not None and answer.status_code == 401:
                self._token_until = 0.0
            elif answer is not None and answer.status_code < 500 and answer.status_code != 429:
                break
            await asyncio.sleep(0.2 * 2**trial)
        raise _failure("NotFetched")

    async def _bearer(self) -> str:
        if time.monotonic() >= self._token_until:
            answer = await self._http.post(
                "/oauth/token", data={"grant_type": "client_credentials"}, auth=self._credentials
            )
            answer.raise_for_status()
            self._token, self._token_until = answer.json()["access_token"], time.monotonic() + TOKEN_FOR
        return f"Bearer {self._token}"


def _sealed(key: OctKey, outcome: str, value: Any) -> str:
    """A compact JWE that only Interlock opens. What is no JSON, or too large, is left out: it has happened."""
    nothing = json.dumps({"outcome": outcome, "value": None})
    try:
        plain = json.dumps({"outcome": outcome, "value": value})
    except (TypeError, ValueError, RecursionError):
        plain = nothing
    plain = plain if len(plain) <= LARGEST else nothing
    return jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM"}, plain, key, algorithms=["dir", "A256GCM"])


def _failure(word: str, *sealed: str) -> ApplicationError:
    return ApplicationError(word, *sealed, type=word, non_retryable=True)
