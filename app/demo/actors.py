"""The bot and the people, over HTTP."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from app.demo.expect import Unexpected, expect
from app.demo.stack import Running
from app.domain.clocks import rfc3339
from app.domain.request import Level
from app.governance.built_in import PERMIT, PUBLISH
from app.identity.tokens import dev_token
from app.keys import KeyRings

Json = dict[str, Any]
WAIT_SECONDS = 30
MODEL = "example-ai/chat-large@2026-05"


@dataclass(frozen=True, slots=True)
class Ask:
    """What the bot asks for, and what it says of why."""

    action: str
    parameters: Json
    customer: str
    prompt: str
    conversation: str


class Bot:
    """The chatbot: a client with a secret, and an access token for it."""

    def __init__(self, http: httpx.AsyncClient, client_id: str, client_secret: str) -> None:
        self._http = http
        self._form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        }
        self._headers: dict[str, str] = {}

    async def sign_in(self) -> None:
        """Get a token, and come with it from now on."""
        token = _body("the bot gets a token", await self.want_token(), 200)["access_token"]
        self._headers = {"Authorization": f"Bearer {token}"}

    async def want_token(self) -> httpx.Response:
        """Ask for another token; the raw answer."""
        return await self._http.post("/oauth/token", data=self._form)

    async def ask(self, ask: Ask) -> Json:
        """Submit; what Interlock answers at once."""
        body = {
            "action": ask.action,
            "parameters": ask.parameters,
            "reason": ask.prompt,
            "on_behalf_of": ask.customer,
            "triggered_by": ask.customer,
            "context": {"conversation_id": ask.conversation, "model": MODEL, "prompt_excerpt": ask.prompt},
        }
        headers = {**self._headers, "Idempotency-Key": uuid.uuid4().hex}
        answer = await self._http.post("/v1/requests", json=body, headers=headers)
        return _body(f"{ask.action} is taken", answer, 201)

    async def until_final(self, request: Json) -> Json:
        """Wait until nothing more can happen to a request. Raises `Unexpected` if that takes too long."""
        return await _until_final(self._http, self._headers, request)

    async def report(self, request: Json, result: Json) -> Json:
        """Tell what came of an action that the bot ran itself."""
        body = {"status": "succeeded", "result": result}
        answer = await self._http.post(f"/v1/requests/{request['id']}/outcome", json=body, headers=self._headers)
        return _body("the outcome is taken", answer, 200)


class Person:
    """An employee with a browser: sees a request, and decides what they see."""

    def __init__(self, http: httpx.AsyncClient, rings: KeyRings, api_url: str, name: str) -> None:
        self._http, self._rings, self._api_url, self.name = http, rings, api_url, name

    async def see(self, request: Json) -> Json:
        """The request as this person sees it."""
        answer = await self._http.get(f"/v1/requests/{request['id']}", headers=self._headers(Level.LOGIN))
        return _body(f"{self.name} sees the request", answer, 200)

    async def until_final(self, request: Json) -> Json:
        """As the bot does."""
        return await _until_final(self._http, self._headers(Level.LOGIN), request)

    async def say(
        self,
        request: Json,
        decision: str,
        reason: str | None = None,
        *,
        level: Level = Level.LOGIN,
        key: str | None = None,
        digest: str | None = None,
    ) -> httpx.Response:
        """Decide; the raw answer. ``digest``: as somebody else told it, for who may not see the request."""
        digest = digest or (await self.see(request))["digest"]
        body = {"decision": decision, "reason": reason, "digest": digest}
        headers = self._headers(level) | ({"Idempotency-Key": key} if key else {})
        return await self._http.post(f"/v1/requests/{request['id']}/decisions", json=body, headers=headers)

    async def approve(self, request: Json, reason: str | None = None) -> Json:
        """Approve, and be heard."""
        return _body(f"{self.name} approves", await self.say(request, "approve", reason), 200)

    async def refused(
        self, request: Json, *invariants: str, level: Level = Level.LOGIN, digest: str | None = None
    ) -> str:
        """Try to approve and be refused for exactly these reasons; the first one's sentence.

        ``digest``: as of `say`.
        """
        answer = await self.say(request, "approve", "looks fine", level=level, digest=digest)
        problem = _body(f"{self.name} is refused", answer, 403)
        broken = problem.get("violations", [])
        expect(f"why {self.name} is refused", sorted(v["invariant"] for v in broken), sorted(invariants))
        return str(next(v["sentence"] for v in broken if v["invariant"] == invariants[0]))

    async def stop(self, bot: str, reason: str) -> Json:
        """Suspend a bot; since when, and what is in flight."""
        answer = await self._http.post(
            f"/v1/bots/{bot}/suspend", json={"reason": reason}, headers=self._headers(Level.LOGIN)
        )
        return _body(f"{self.name} stops {bot}", answer, 200)

    async def ask_to_resume(self, bot: str, reason: str) -> Json:
        """Ask that a bot be let go on; the request for that."""
        answer = await self._http.post(
            f"/v1/bots/{bot}/resume", json={"reason": reason}, headers=self._headers(Level.LOGIN)
        )
        return _body(f"{self.name} asks to let {bot} go on", answer, 201)

    async def open_incident(self, title: str, about: Json) -> Json:
        """Open an incident; it, with what it is about."""
        answer = await self._http.post("/v1/incidents", json={"title": title, **about}, headers=self._keyed())
        return _body(f"{self.name} opens an incident", answer, 201)

    async def roll_back(self, incident: Json, reason: str) -> Json:
        """Ask to undo all of an incident that can be undone; the one request for that."""
        url, body = f"/v1/incidents/{incident['id']}/rollbacks", {"requests": "all", "reason": reason}
        answer = await self._http.post(url, json=body, headers=self._keyed())
        return _body(f"{self.name} asks to undo an incident", answer, 201)

    async def look_at(self, incident: Json) -> Json:
        """The incident as it stands."""
        answer = await self._http.get(f"/v1/incidents/{incident['id']}", headers=self._headers(Level.LOGIN))
        return _body(f"{self.name} sees the incident", answer, 200)

    async def close(self, incident: Json, summary: str) -> Json:
        """End an incident; it, as it stands then."""
        url, body = f"/v1/incidents/{incident['id']}/close", {"summary": summary}
        answer = await self._http.post(url, json=body, headers=self._headers(Level.LOGIN))
        return _body(f"{self.name} closes an incident", answer, 200)

    async def compare(self, files: dict[str, str]) -> list[Json]:
        """What a draft of the rules would change, each with its sentences."""
        answer = await self._http.post("/v1/policy/diff", json={"files": files}, headers=self._headers(Level.LOGIN))
        changes: list[Json] = _body(f"{self.name} compares a draft", answer, 200)["changes"]
        return changes

    async def ask_to_publish(self, files: dict[str, str], reason: str) -> Json:
        """Ask to put other rules in force; the request for that."""
        return await self._ask_change(PUBLISH, {"files": files}, reason)

    async def ask_for_permission(self, wish: Json, reason: str) -> Json:
        """Ask for a standing permission; the request for that."""
        return await self._ask_change(PERMIT, wish, reason)

    async def _ask_change(self, action: str, parameters: Json, reason: str) -> Json:
        """Where all is slow it may have to be asked again."""
        body = {"action": action, "parameters": parameters, "reason": reason}
        headers, tries = self._keyed(), 5
        answer = await self._http.post("/v1/governance-requests", json=body, headers=headers)
        while answer.status_code == 503 and (tries := tries - 1):
            answer = await self._http.post("/v1/governance-requests", json=body, headers=headers)
        return _body(f"{self.name} asks for {action}", answer, 201)

    async def break_glass(self, request: Json, reason: str) -> Json:
        """Release what is held, alone, just signed in; the request."""
        body = {"reason": reason, "digest": (await self.see(request))["digest"]}
        url, headers = f"/v1/requests/{request['id']}/break-glass", self._headers(Level.RECENT)
        return _body(f"{self.name} breaks the glass", await self._http.post(url, json=body, headers=headers), 200)

    async def attest(self, review: Json, finding: str, reason: str) -> Json:
        """Say what one found of what was done out of turn; the review."""
        body, url = {"finding": finding, "reason": reason}, f"/v1/reviews/{review['id']}/attest"
        answer = await self._http.post(url, json=body, headers=self._headers(Level.LOGIN))
        return _body(f"{self.name} reviews", answer, 200)

    async def away(self, to: str, until: datetime, reason: str) -> Json:
        """Have another decide in one's place; the delegation."""
        body = {"to": to, "until": rfc3339(until), "reason": reason}
        answer = await self._http.post("/v1/delegations", json=body, headers=self._keyed())
        return _body(f"{self.name} is away", answer, 201)

    def _keyed(self) -> dict[str, str]:
        return self._headers(Level.LOGIN) | {"Idempotency-Key": uuid.uuid4().hex}

    def _headers(self, level: Level) -> dict[str, str]:
        assert self._rings.dev_issuer is not None  # noqa: S101  for the type checker: a dev stack has one
        now = datetime.now(UTC)
        token = dev_token(self._rings.dev_issuer, base_url=self._api_url, person_id=self.name, level=level, now=now)
        return {"Authorization": f"Bearer {token}"}


async def _until_final(http: httpx.AsyncClient, headers: dict[str, str], request: Json) -> Json:
    """Long-poll."""
    seen = request
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while seen["status"] in ("held", "approved", "executing"):
                query = {"wait": "10s", "since": str(seen["version"])}
                answer = await http.get(f"/v1/requests/{seen['id']}", params=query, headers=headers)
                seen = _body("the request is read", answer, 200)
    except TimeoutError:
        raise Unexpected(f"{request['action']} is {seen['status']} after {WAIT_SECONDS} s") from None
    return seen


def _body(what: str, answer: httpx.Response, status: int) -> Json:
    if answer.status_code != status:
        raise Unexpected(f"{what}: expected {status}, got {answer.status_code} {answer.text[:500]}")
    found: Json = answer.json()
    return found


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody in the story."""

    http: httpx.AsyncClient
    bot: Bot
    rings: KeyRings
    api_url: str

    def person(self, name: str) -> Person:
        """An employee."""
        return Person(self.http, self.rings, self.api_url, name)


@asynccontextmanager
async def cast(where: Running, client_id: str, client_secret: str) -> AsyncIterator[Cast]:
    """The bot with an access token for its secret, and the people."""
    async with httpx.AsyncClient(base_url=where.api_url, trust_env=False, timeout=WAIT_SECONDS) as http:
        bot = Bot(http, client_id, client_secret)
        await bot.sign_in()
        yield Cast(http, bot, where.rings(), where.api_url)
