"""The same door over a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.slack.socket import SocketDoor
from tests.slack.conftest import Reception, reception_of, user
from tests.slack.office import LEADS
from tests.world import World


@pytest.fixture
async def connected(world: World) -> AsyncIterator[Reception]:
    """A door that only a socket leads to."""
    async with reception_of(world, signing_secret=None) as reception:
        reception.fake.events_url = None
        socket = SocketDoor(reception.door, reception.fake.app_token, slack_url=reception.fake.api_url)
        running = asyncio.create_task(socket.run())
        await asyncio.wait_for(reception.fake.sockets.connected(), 30)
        yield reception
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_without_a_secret_there_is_no_way_over_http(connected: Reception) -> None:
    assert connected.door.routes() == []


async def test_clicks_forms_commands_and_events_come_over_the_socket(connected: Reception) -> None:
    shown = await connected.world.ask("do.two")
    assert (await connected.click("dana", shown)).ok
    await connected.told("dana", "1 of 2")
    await connected.click("marco", shown, "deny")
    form = await connected.modal("marco")
    sent = await connected.fake.people.submit(user("marco"), form.id, {"reason": "No"})
    assert sent.json == {"response_action": "clear"}
    assert await connected.decisions(shown) == [("dana", "approve"), ("marco", "deny")]
    said = await connected.fake.people.command(user("dana"), LEADS, "/interlock", "help")
    assert said.ok
    assert "pending" in said.json["text"]
    await connected.fake.people.app_home_opened(user("dana"))
    await connected.fake.api.called("views.publish")


async def test_what_cannot_be_read_is_answered(connected: Reception) -> None:
    people = connected.fake.people
    for event in ({"type": "reaction_added", "user": "U0DANA"}, {"type": "app_home_opened", "user": ["x"]}):
        [sent] = await people.event(event, retried=False)
        assert sent.ok
