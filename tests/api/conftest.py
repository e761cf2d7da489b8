"""The API over the world of tests/conftest.py."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.api import problems
from app.api.app import create_app
from app.api.openapi import document
from app.domain.request import Level
from app.identity.tokens import Authenticator, dev_token, issue_access_token
from app.keys import KeyRings
from app.main import readiness
from tests.world import World

Headers = dict[str, str]
BASE = "http://interlock.test"
GO_ON = ("update bot set suspended_at = null", "update installation set suspended_at = null")
"""Straight on the database, where a test is about something else than who may resume what."""


@dataclass(frozen=True, slots=True)
class Api:
    """The application, a client of it, and tokens for whoever a test wants to be."""

    app: FastAPI
    http: httpx.AsyncClient
    world: World

    @property
    def described(self) -> dict[str, Any]:
        """The OpenAPI document."""
        return document(self.app)

    def person(self, person_id: str, level: Level = Level.LOGIN) -> Headers:
        """A person, by the development issuer."""
        ring = self.world.rings.dev_issuer
        assert ring is not None
        return bearer(dev_token(ring, base_url=BASE, person_id=person_id, level=level, now=datetime.now(UTC)))

    def client(self, name: str = "bot", kind: str = "bot") -> Headers:
        """A bot or target that came with its credential."""
        subject, client_id = f"{kind}:{name}", f"{name}-client"
        ring = self.world.rings.tokens
        now = datetime.now(UTC)
        return bearer(issue_access_token(ring, issuer=BASE, client_id=client_id, subject=subject, now=now))

    async def ask(self, action: str = "do.moderate", key: str | None = None, **fields: Any) -> httpx.Response:
        """Ask as the bot, about a thing of its own unless the test names parameters."""
        body = {"action": action, "parameters": {"thing": uuid.uuid4().hex}, "on_behalf_of": "customer:carl", **fields}
        return await self.http.post("/v1/requests", json=body, headers=self.client() | a_key(key))

    async def post(self, shown: dict[str, Any], what: str, body: dict[str, Any], who: Headers) -> httpx.Response:
        """Do something to a request."""
        return await self.http.post(f"/v1/requests/{shown['id']}/{what}", json=body, headers=who)

    async def approve(self, shown: dict[str, Any], who: str, level: Level = Level.LOGIN) -> httpx.Response:
        """Approve a request as a person, on its digest."""
        body = {"decision": "approve", "digest": shown["digest"]}
        return await self.post(shown, "decisions", body, self.person(who, level))

    async def seen(self, shown: dict[str, Any], who: Headers) -> dict[str, Any]:
        """A request as somebody sees it now."""
        found: dict[str, Any] = (await self.http.get(f"/v1/requests/{shown['id']}", headers=who)).json()
        return found


async def documented(described: dict[str, Any], response: httpx.Response) -> None:
    """Raise unless the OpenAPI document says that this operation may answer so, with this type of problem."""
    method, path = response.request.method.lower(), response.request.url.path
    for template, item in described["paths"].items():
        if method in item and re.fullmatch(template.replace("{id}", "[^/]+"), path):
            said = item[method]["responses"]
            assert str(response.status_code) in said, (method, template, response.status_code)
            if response.headers.get("content-type") == problems.MEDIA_TYPE:
                told = said[str(response.status_code)]["content"][problems.MEDIA_TYPE]
                name = json.loads(await response.aread())["type"].removeprefix(problems.PREFIX)
                assert name in told["examples"], (method, template, name)


def bearer(token: str) -> Headers:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def a_key(key: str | None = None) -> Headers:
    """An idempotency key, a new one unless the test names it."""
    return {"Idempotency-Key": key or uuid.uuid4().hex}


@pytest.fixture(scope="module")
async def api(world: World, rings: KeyRings) -> AsyncIterator[Api]:
    """In one process, without a server in between."""
    async with httpx.AsyncClient() as outside:
        authenticator = Authenticator(
            base_url=BASE, tokens=rings.tokens, issuers=(), http=outside, dev=rings.dev_issuer
        )
        app = create_app(world.services, authenticator, ready=partial(readiness, world.services), docs=True)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE, timeout=60) as http:
            http.event_hooks = {"response": [partial(documented, document(app))]}
            yield Api(app, http, world)
