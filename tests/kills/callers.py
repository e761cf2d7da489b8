"""Callers as real clients are: the same Idempotency-Key until they are answered. What was acknowledged is kept."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any, NoReturn

import httpx
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    retry_if_result,
    stop_after_delay,
    wait_exponential,
)

from tests.processes.stack import Stack

View = dict[str, Any]

PATIENCE = 120.0
AGAIN = wait_exponential(multiplier=0.1, max=1)
"""Between two tries of a caller: at most the second that `Retry-After` says."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a 2xx has told a caller: ``asked``, ``decided`` or ``cancelled``."""

    kind: str
    request_id: str
    person: str | None = None
    say: str | None = None
    digest: str | None = None


@dataclass(slots=True)
class Callers:
    """Everybody who calls in one test."""

    running: Stack
    client_id: str
    ids: dict[str, str] = field(default_factory=dict)
    """Request id to the thing that it is about, from before it was asked for."""
    facts: list[Fact] = field(default_factory=list)
    tries: int = 0
    """How many calls were made; more than there are answers when some had to be made again."""
    successes: list[tuple[float, float]] = field(default_factory=list)
    """When each call that was answered with 2xx was sent and answered, by the monotonic clock."""

    @property
    def bot(self) -> dict[str, str]:
        """Headers of the bot."""
        return self.running.bot(self.client_id, "bot")

    async def ask(self, action: str, *, key: str | None = None, thing: str | None = None, **parameters: Any) -> View:
        """Ask until admitted; the bot's view."""
        key, thing = key or uuid.uuid4().hex, thing or uuid.uuid4().hex
        body = {"action": action, "parameters": {"thing": thing, **parameters}, "on_behalf_of": "customer:carl"}
        answer = await self.persist("/v1/requests", body, "bot", key)
        assert answer.status_code in (200, 201), answer.text
        shown: View = answer.json()
        self.ids[shown["id"]] = thing
        self.facts.append(Fact("asked", shown["id"]))
        return shown

    async def decide(self, person: str, shown: View, say: str = "approve") -> httpx.Response:
        """Decide until it is answered, whatever the answer."""
        body = {"decision": say, "reason": "because", "digest": shown["digest"]}
        answer = await self.persist(f"/v1/requests/{shown['id']}/decisions", body, person, uuid.uuid4().hex)
        if answer.is_success:
            self.facts.append(Fact("decided", shown["id"], person, say, shown["digest"]))
        return answer

    async def approve(self, shown: View, person: str = "dana") -> View:
        """Approve until that is acknowledged."""
        answer = await self.decide(person, shown)
        assert answer.status_code == 200, answer.text
        seen: View = answer.json()
        return seen

    async def cancel(self, shown: View) -> httpx.Response:
        """Cancel until it is answered."""
        answer = await self.persist(f"/v1/requests/{shown['id']}/cancel", {"reason": "over"}, "bot", None)
        if answer.is_success:
            self.facts.append(Fact("cancelled", shown["id"]))
        return answer

    async def held(self, number: int, action: str = "do.moderate") -> list[View]:
        """This many requests that wait for somebody, asked for one after another."""
        return [await self.ask(action) for _ in range(number)]

    async def persist(self, path: str, body: Any, who: str, key: str | None) -> httpx.Response:
        """Send it until there is an answer that is not `unconfirmed`, `unavailable` or `rate-limited`."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(httpx.TransportError) | retry_if_result(_unanswered),
            wait=AGAIN,
            stop=stop_after_delay(PATIENCE),
            retry_error_callback=_gave_up,
        )
        return await retrying(self.post, path, body, who, key)

    async def post(self, path: str, body: Any, who: str, key: str | None = None) -> httpx.Response:
        """Send it once. ``who``: ``bot``, or a person's id."""
        self.tries += 1
        headers = (self.bot if who == "bot" else self.running.person(who)) | ({"Idempotency-Key": key} if key else {})
        sent = time.monotonic()
        answer = await self.running.http.post(path, json=body, headers=headers)
        if answer.is_success:
            self.successes.append((sent, time.monotonic()))
        return answer

    async def read(self, request_id: str) -> View:
        """The request as the bot sees it; read once."""
        answer = await self.running.http.get(f"/v1/requests/{request_id}", headers=self.bot)
        assert answer.status_code == 200, answer.text
        shown: View = answer.json()
        return shown


def _gave_up(state: RetryCallState) -> NoReturn:
    outcome = state.outcome
    assert outcome is not None
    last = outcome.exception() or outcome.result().text
    raise AssertionError(f"no answer in {PATIENCE} s, {state.attempt_number} tries; the last: {last}")


def _unanswered(answer: httpx.Response) -> bool:
    return answer.status_code in (429, 503)
