"""The door for Slack over real HTTP, in front of the world of tests/conftest.py; Slack is the fake."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.applications import Starlette
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.slack.app import Door
from app.slack.card import card
from app.slack.web import Slack
from app.use_cases import cards
from app.use_cases.views import View
from tests.fakes.retail.serving import serving
from tests.fakes.slack.delivery import Sent
from tests.fakes.slack.server import SlackFake
from tests.fakes.slack.state import View as Modal
from tests.slack.office import LEADS, SECRET, TEAM, fake_slack
from tests.world import World

API = "https://interlock.test"


@dataclass(frozen=True, slots=True)
class Reception:
    """The world, its Slack, and the door between them."""

    world: World
    fake: SlackFake
    slack: Slack
    door: Door
    before: list[int] = field(default_factory=lambda: [0])
    """How many people's own messages there were before this test."""

    async def card(self, shown: View, channel: str = LEADS, *, hashed: bool = True) -> str:
        """Post the request's card as it is now; its timestamp."""
        request_id = uuid.UUID(shown["id"])
        made = card(await cards.facts(self.world.services, request_id), live=True, api_url=API)
        kept = await cards.show(self.world.services, request_id, made.content())
        message = made.message(kept if hashed else "hmac-sha256:" + "0" * 64)
        answer = await self.slack.call("chat.postMessage", channel=channel, **message)
        return str(answer["ts"])

    async def click(self, who: str, shown: View, action: str = "approve", **more: Any) -> Sent:
        """Post a card of the request, and click on it."""
        return await self.press(who, await self.card(shown), action, **more)

    async def press(self, who: str, ts: str, action: str = "approve", **more: Any) -> Sent:
        """Click on a card that was posted."""
        return await self.fake.people.click(user(who), LEADS, ts, action, **more)

    async def modal(self, who: str) -> Modal:
        """The topmost modal that this person has open, once there is one."""
        async with asyncio.timeout(30):
            while not (found := self.fake.workspace.open_views(user(who))):
                await self.fake.api.next_call()
        return found[-1]

    async def told(self, who: str, part: str) -> str:
        """What this person alone saw in this test that holds ``part``, once they have."""
        async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(30), reraise=True):
            with attempt:
                new = self.fake.workspace.ephemerals[self.before[0] :]
                seen = [one.text for one in new if one.user == user(who)]
                found = [text for text in seen if part in text]
                assert found, seen
        return found[-1]

    async def says(self, who: str, part: str) -> str:
        """What a person's modal says once ``part`` is in it."""
        async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(30), reraise=True):
            with attempt:
                found = [str(view.given) for view in self.fake.workspace.open_views(user(who))]
                assert any(part in text for text in found), found
        return next(text for text in found if part in text)

    async def decisions(self, shown: View) -> list[tuple[str, str]]:
        """Who said what, as it stands."""
        return [(one["person"], one["decision"]) for one in (await self.world.look(shown))["decisions"]]


def user(who: str) -> str:
    """A person's Slack id."""
    return f"U0{who.upper()}"


@asynccontextmanager
async def reception_of(world: World, **options: Any) -> AsyncIterator[Reception]:
    """A door and a Slack of its own for a world. ``options``: of the door."""
    async with fake_slack() as fake:
        slack = Slack(fake.token, api_url=fake.api_url, timeout=5)
        given = {"signing_secret": SECRET, "team": lambda: TEAM, "email_domains": frozenset[str](), **options}
        door = Door(world.services, slack, api_url=API, slack_url=fake.api_url, **given)
        async with serving(Starlette(routes=door.routes())) as url:
            fake.events_url = f"{url}/slack/events"
            yield Reception(world, fake, slack, door)
            await door.close()
        await slack.close()


@pytest.fixture(scope="module")
async def door_of_module(world: World) -> AsyncIterator[Reception]:
    """One for the module."""
    async with reception_of(world) as made:
        yield made


@pytest.fixture
async def reception(door_of_module: Reception) -> AsyncIterator[Reception]:
    """The door, nothing of earlier tests under way or before anybody's eyes."""
    space = door_of_module.fake.workspace
    door_of_module.before[0] = len(space.ephemerals)
    yield door_of_module
    await door_of_module.door.keeping.drain(20)
    for view in space.views.values():
        view.open = False
    assert door_of_module.fake.complaints == []
