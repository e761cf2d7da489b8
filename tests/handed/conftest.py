"""The world of tests/conftest.py with its API over real HTTP, and the worker of a customer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import pytest
from temporalio.client import Client

from app.api.app import create_app
from app.execution.temporal import workflow_id
from app.identity.tokens import Authenticator
from app.keys import KeyRings
from app.main import readiness
from app.temporal import plain
from app.use_cases.token import create_credential
from app.use_cases.views import View
from tests.fakes.owner import Hands, at_work
from tests.fakes.retail.serving import serving
from tests.world import World

QUEUE, AWAY = "desk-work", "desk-away"


@dataclass(frozen=True, slots=True)
class Handed:
    """The world, its API's address, a plain Temporal client, and the customer's worker."""

    world: World
    api: httpx.AsyncClient
    client: Client
    credentials: dict[str, tuple[str, str]]
    hands: Hands

    def worker(self, queue: str) -> AbstractAsyncContextManager[Hands]:
        """One more worker of the customer."""
        return at_work(self.client, queue, str(self.api.base_url), self.credentials["desk"], self.world.desk.url)

    async def approved(self, action: str, *statuses: int, **fields: Any) -> View:
        """A request that a lead approved, the customer's system answering as told."""
        shown = await self.world.ask(action, **fields)
        self.world.desk.script(shown["parameters"]["thing"], *statuses)
        await self.world.say("dana", shown)
        return shown

    async def handle(self, shown: View, n: int = 1) -> str:
        """What the customer's worker was given, as whoever may read Temporal's histories finds it."""
        run = self.client.get_workflow_handle(workflow_id(shown["id"], n))
        first = (await run.fetch_history()).events[0].workflow_execution_started_event_attributes
        found: str = json.loads(first.input.payloads[0].data)["handed"]["handle"]
        return found

    async def fetch(self, handle: str, who: str = "desk") -> httpx.Response:
        """Fetch a grant as a client of a target, or as a bot."""
        form = {"grant_type": "client_credentials"}
        token = (await self.api.post("/oauth/token", data=form, auth=self.credentials[who])).json()["access_token"]
        return await self.api.post(
            "/v1/grants/fetch", json={"handle": handle}, headers={"Authorization": f"Bearer {token}"}
        )

    def calls(self, shown: View) -> list[Any]:
        """What came to the customer's system for this request."""
        return self.world.desk.seen[shown["parameters"]["thing"]]


@pytest.fixture(scope="module")
async def handed(world: World, rings: KeyRings) -> AsyncIterator[Handed]:
    """All of it at work."""
    async with httpx.AsyncClient() as outside:
        authenticator = Authenticator(
            base_url=world.services.base_url, tokens=rings.tokens, issuers=(), http=outside, dev=rings.dev_issuer
        )
        app = create_app(world.services, authenticator, ready=partial(readiness, world.services))
        holders = {"desk": "target", "yard": "target", "bot": "bot"}
        made = {name: await create_credential(world.ctx, kind, name, "ada") for name, kind in holders.items()}
        client = plain(world.services.temporal)
        async with (
            serving(app) as url,
            httpx.AsyncClient(base_url=url, timeout=60) as api,
            at_work(client, QUEUE, url, made["desk"], world.desk.url) as hands,
        ):
            yield Handed(world, api, client, made, hands)
