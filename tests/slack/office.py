"""A world whose cards stand in a fake of Slack: real PostgreSQL, Temporal and worker, Slack's Web API over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select, text, update
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.db.slack import closed_places
from app.db.slack_tables import SlackMessage, SlackPlace
from app.keys import KeyRings
from app.slack.sending import Sending, build_sending
from app.slack.team import Team
from app.slack.web import Slack
from app.steps.context import Context
from app.use_cases.views import View
from tests.fakes.desk import Desk
from tests.fakes.slack.server import SlackFake
from tests.fakes.slack.state import Message
from tests.world import World, connect, running

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TEAM = "T0"
PEOPLE = ("dana", "marco", "priya", "olivia", "mia", "fiona", "felix", "greta", "ivan")
LEADS, FINANCE = "C0LEADS", "C0FINANCE"
CALL_TIMEOUT = 1.0
RATE = 20.0
FIRST_WAIT = 0.1


@dataclass(frozen=True, slots=True)
class Office:
    """The world, its Slack, and what sends to it."""

    world: World
    fake: SlackFake
    sending: Sending

    def cards(self, shown: View, channel: str | None = None) -> list[Message]:
        """The messages that were posted for a request, deleted ones too, replies not."""
        return [m for m in self._of(shown, "interlock_request") if channel in (None, m.channel)]

    def replies(self, shown: View) -> list[Message]:
        """What was said in the threads of a request's cards."""
        return self._of(shown, "interlock_reply")

    def _of(self, shown: View, event: str) -> list[Message]:
        said = [m for m in self.fake.workspace.messages if (m.metadata or {}).get("event_type") == event]
        return [m for m in said if (m.metadata or {})["event_payload"]["request_id"] == shown["id"]]

    async def settled(self, seconds: float = 30) -> None:
        """Wait until everything that was marked is shown."""
        async for attempt in AsyncRetrying(wait=wait_fixed(0.05), stop=stop_after_delay(seconds), reraise=True):
            with attempt:
                assert await self.behind() == []

    async def reopen(self, place: str) -> None:
        """Let the time be over for which a place that refused us is left alone, once it is known that it did."""
        now = func.clock_timestamp()
        async for attempt in AsyncRetrying(wait=wait_fixed(0.05), stop=stop_after_delay(30), reraise=True):
            with attempt:
                async with self.world.ctx.database.transaction() as session:
                    assert await closed_places(session, [place]) == {place}
                    await session.execute(update(SlackPlace).values(closed_until=now))
                    await session.execute(update(SlackMessage).where(SlackMessage.place == place).values(due_at=now))

    async def behind(self) -> list[Any]:
        """What is not shown yet: marked requests, and places of messages."""
        async with self.world.ctx.database.transaction() as session:
            marks = await session.execute(
                text("select request_id from outbox where sink = 'slack' and version > told_version")
            )
            late = await session.execute(select(SlackMessage.place).where(SlackMessage.wanted > SlackMessage.shown))
            return [*marks.scalars(), *late.scalars()]

    async def until(self, true: Callable[[], Any], seconds: float = 30) -> Any:
        """Wait until this is true; what it gave."""
        async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(seconds), reraise=True):
            with attempt:
                found = true()
                assert found
        return found


def buttons(message: Message) -> list[str]:
    """The action ids of a message's buttons as it stands."""
    rows = [block for block in message.blocks or [] if block["type"] == "actions"]
    aside = [block["accessory"] for block in message.blocks or [] if "accessory" in block]
    return [element["action_id"] for row in rows for element in row["elements"]] + [one["action_id"] for one in aside]


@asynccontextmanager
async def fake_slack(**options: Any) -> AsyncIterator[SlackFake]:
    """The workspace of tests/rules."""
    async with SlackFake.serving(signing_secret=SECRET, team=TEAM, rate=RATE, **options) as fake:
        for name in PEOPLE:
            fake.workspace.add_user(f"U0{name.upper()}", name, f"{name}@shop.example")
        for channel in (LEADS, FINANCE):
            fake.workspace.add_channel(channel)
        yield fake


@asynccontextmanager
async def sending_to(fake: SlackFake, ctx: Context, *, digest_above: int = 1000) -> AsyncIterator[Sending]:
    """What a worker does for Slack, not begun."""
    slack = Slack(fake.token, api_url=fake.api_url, timeout=CALL_TIMEOUT)
    team = Team(slack)
    assert await team.ask()
    made = build_sending(ctx, slack, team=team, rate=RATE, digest_above=digest_above, call_timeout=CALL_TIMEOUT)
    made.courier.messages = replace(made.courier.messages, first_wait=FIRST_WAIT)
    yield made
    await slack.close()


@asynccontextmanager
async def office(
    ctx: Context, address: str, rings: KeyRings, desk: Desk, *, digest_above: int = 1000
) -> AsyncIterator[Office]:
    """Everything at work."""
    async with (
        fake_slack() as fake,
        sending_to(fake, ctx, digest_above=digest_above) as sending,
        running(ctx, await connect(address, rings), rings, desk, {"slack": sending.spread}) as world,
        working_courier(sending),
    ):
        yield Office(world, fake, sending)


@asynccontextmanager
async def working_courier(sending: Sending) -> AsyncIterator[None]:
    """The courier at work, as in a worker process."""
    task = asyncio.create_task(sending.run())
    try:
        yield
    finally:
        if task.done():
            task.result()  # why it has ended, which it never should
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
