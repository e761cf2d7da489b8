"""Slack down, and workers that die or sleep among many cards: everything goes on, then all cards agree, each once.

An outage of an hour cannot be waited for. Here Slack is down for some seconds, twice, with many requests under
way; and a message is then made to look as if it had been tried for days, to see when it is tried next.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from sqlalchemy import func, select, update

from app.db.slack_tables import SlackMessage
from app.devstack.dev import DEV_BOT_TOKEN
from app.slack.sending import lease_span
from app.slack.team import ASK_AGAIN
from app.use_cases.messages import LONGEST_WAIT
from tests.conftest import FIGURE
from tests.fakes.slack.server import SlackFake
from tests.journeys.slack.agreement import disagreements, rows, settled, went_back
from tests.journeys.slack.board import kind
from tests.journeys.slack.journey import introduce
from tests.kills.callers import Callers, View
from tests.kills.place import Place, place, until
from tests.slack.office import fake_slack

AT_ONCE = 8
CARDS = 40
A_WHILE = 8.0
FIRST_TELLING = 30.0
"""Seconds until what nobody could be asked about, for Slack had not said who we are, is seen to again."""
LEASE = lease_span(1).total_seconds()
SOME = 30.0
"""Seconds that the sending itself may take."""

Record = Callable[[str, object], None]


@dataclass(frozen=True, slots=True)
class Scene:
    """The stack and its Slack, which is down when the stack starts."""

    here: Place
    fake: SlackFake

    @property
    def cards(self) -> int:
        """How many cards stand."""
        return sum(1 for one in self.fake.workspace.posted() if kind(one) == "interlock_request")

    @contextmanager
    def slack_down(self) -> Iterator[None]:
        """Slack answers nobody until the block ends."""
        self.fake.down = True
        try:
            yield
        finally:
            self.fake.down = False

    async def agrees(self, within: float) -> float:
        """Wait until all is shown and check that it is right; the seconds that it took."""
        since = time.monotonic()
        await settled(self.here.running.database, within)
        took = time.monotonic() - since
        assert disagreements(self.fake, await rows(self.here.running.database)) == []
        assert went_back(self.fake) == []
        assert self.fake.complaints == []
        return took


@pytest.fixture(name="scene", scope="module")
async def _scene() -> AsyncIterator[Scene]:
    async with fake_slack(token=DEV_BOT_TOKEN) as fake:
        fake.down = True
        async with place(
            slack_api_url=fake.api_url, SLACK__RATE="20", SLACK__CALL_TIMEOUT="1", SLACK__DIGEST_ABOVE="1000"
        ) as here:
            introduce(fake, here.running)
            yield Scene(here, fake)


@pytest.fixture(name="up")
async def _up(scene: Scene) -> Scene:
    """The scene, Slack there and all shown."""
    scene.fake.down = False
    await scene.agrees(within=ASK_AGAIN + FIRST_TELLING + SOME)
    return scene


async def some_at_once(calls: Sequence[Awaitable[View]]) -> list[View]:
    """All of these, a few at a time."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def in_turn(call: Awaitable[View]) -> View:
        async with turn:
            return await call

    return await asyncio.gather(*(in_turn(call) for call in calls))


async def ask(callers: Callers, action: str, number: int) -> list[View]:
    """This many requests."""
    return await some_at_once([callers.ask(action) for _ in range(number)])


async def decide_all(scene: Scene, callers: Callers, shown: Sequence[View]) -> None:
    """Approve one half, deny the other, over the API; wait for the outcomes."""

    async def decide(number: int, one: View) -> View:
        answer = await callers.decide("dana", one, "approve" if number % 2 else "deny")
        assert answer.status_code == 200, answer.text
        seen: View = answer.json()
        return seen

    await some_at_once([decide(number, one) for number, one in enumerate(shown)])
    await scene.here.closed([one["id"] for one in shown])


async def test_all_parts_start_and_work_while_slack_is_down(scene: Scene, record_property: Record) -> None:
    """Holds, decisions, two stages, expiry; people who are asked one by one, though nobody knows yet where."""
    callers = scene.here.callers()
    with scene.slack_down():
        began = time.monotonic()
        decided, brief = await ask(callers, "do.moderate", 20), await ask(callers, "do.brief", 5)
        staged, pair = await ask(callers, "do.stages", 5), await ask(callers, "do.pair", 2)
        await some_at_once([callers.approve(one, "marco") for one in staged])
        await decide_all(scene, callers, decided)
        await scene.here.closed([one["id"] for one in brief])
        assert {await scene.here.status(one["id"]) for one in brief} == {"expired"}
        assert {await scene.here.status(one["id"]) for one in (*staged, *pair)} == {"held"}
        await scene.here.passed(max(0.0, A_WHILE - (time.monotonic() - began)))
        assert scene.cards == 0
        assert {call.outcome for call in scene.fake.calls} == {"down"}
    took = await scene.agrees(within=ASK_AGAIN + FIRST_TELLING + SOME)
    assert scene.cards == 20 + 5 + 2 * 5 + 2 * 2
    record_property(FIGURE, f"started while Slack was down, 32 requests: all cards agreed {took:.1f} s after it was up")


async def test_an_outage_costs_lateness_only(up: Scene, record_property: Record) -> None:
    """What stands is decided on elsewhere, what is new expires; then one call each tells how they stand at last."""
    callers = up.here.callers()
    standing = await ask(callers, "do.moderate", 40)
    await up.agrees(within=SOME)
    with up.slack_down():
        began = time.monotonic()
        new, brief = await ask(callers, "do.moderate", 20), await ask(callers, "do.brief", 10)
        await decide_all(up, callers, [*standing, *new])
        await up.here.closed([one["id"] for one in brief])
        await up.here.passed(max(0.0, A_WHILE - (time.monotonic() - began)))
        since = len(up.fake.calls)
    took = await up.agrees(within=LONGEST_WAIT + SOME)
    done = [call for call in up.fake.calls[since:] if call.committed]
    updates = [call.arguments for call in done if call.method == "chat.update"]
    told = {(one["ts"], one["metadata"]["event_payload"]["version"]) for one in updates}
    assert len(told) == 40  # only the latest state; the same once more where an answer was too slow
    replies = 40 + 20 + 10
    assert sum(1 for call in done if call.method == "chat.postMessage") == 30 + replies
    record_property(FIGURE, f"Slack down for {A_WHILE:.0f} s, 70 requests: all cards agreed {took:.1f} s later")


async def test_after_days_of_outage_the_next_try_is_as_near(up: Scene) -> None:
    """A message that was tried ten thousand times is tried again within `LONGEST_WAIT` seconds, and nothing breaks."""
    callers = up.here.callers()
    (shown,) = await ask(callers, "do.moderate", 1)
    await up.agrees(within=SOME)
    with up.slack_down():
        await decide_all(up, callers, [shown])
        assert await next_try(up, after=0) <= LONGEST_WAIT
        await due_now(up, tries=10_000)
        assert await next_try(up, after=10_000) <= LONGEST_WAIT
    await due_now(up, tries=10_001)
    await up.agrees(within=SOME)
    assert b"cannot be brought up to date" not in up.here.running.logs()["worker.log"]


async def due_now(scene: Scene, *, tries: int) -> None:
    """Let the time be over until the next try of what is behind, after that many."""
    tried = update(SlackMessage).where(SlackMessage.wanted > SlackMessage.shown)
    async with scene.here.running.database.transaction() as session:
        await session.execute(tried.values(tries=tries, due_at=func.clock_timestamp()))


async def next_try(scene: Scene, *, after: int) -> float:
    """Seconds until the only message that is behind is tried again, once it has failed more than ``after`` times."""
    query = select(SlackMessage.tries, SlackMessage.due_at, func.clock_timestamp())
    found: list[float] = []

    async def look() -> None:
        async with scene.here.running.database.transaction() as session:
            row = (await session.execute(query.where(SlackMessage.wanted > SlackMessage.shown))).one_or_none()
        assert row is not None, "nothing is behind yet"
        tries, due_at, now = row
        assert tries > after, f"tried {tries} times"
        found.append((due_at - now).total_seconds())

    await until(look)
    return found[-1]


async def test_a_worker_is_killed_amid_many_cards(up: Scene, record_property: Record) -> None:
    """It has posted something and waits for the answer; who comes next finds it, and posts the others once."""
    callers, before = up.here.callers(), up.cards
    asking = asyncio.create_task(ask(callers, "do.moderate", CARDS))
    await up.fake.until(lambda: up.cards - before >= CARDS // 3, 60)
    await _amid_a_call(up, "chat.postMessage")
    worker = up.here.running.signal("worker", signal.SIGKILL)
    died = time.monotonic()
    deciding = asyncio.create_task(decide_all(up, callers, await asking))
    await up.here.running.replaced("worker", worker)
    await deciding
    await up.agrees(within=LEASE + SOME + CARDS / 5)
    assert up.cards - before == CARDS
    took = time.monotonic() - died
    record_property(FIGURE, f"worker killed amid {CARDS} cards: all cards agreed {took:.1f} s later, each once")


async def test_a_worker_sleeps_amid_many_cards_and_wakes(up: Scene, record_property: Record) -> None:
    """Another leads meanwhile; what the sleeper had on its way may not stand over what is newer."""
    callers, before = up.here.callers(), up.cards
    asked = await ask(callers, "do.moderate", CARDS)
    deciding = asyncio.create_task(decide_all(up, callers, asked))
    await up.fake.until(lambda: up.cards - before >= CARDS // 3, 60)
    await _amid_a_call(up, "chat.update")
    up.here.running.signal("worker", signal.SIGSTOP)
    slept = time.monotonic()
    try:
        async with up.here.second_worker():
            await deciding
            await up.agrees(within=LEASE + SOME + CARDS / 5)
            took = time.monotonic() - slept
            since = len(up.fake.calls)
            up.here.running.signal("worker", signal.SIGCONT)
            await up.fake.until(lambda: _written_anew(up, since), 60)
            await up.agrees(within=SOME)
    finally:
        up.here.running.signal("worker", signal.SIGCONT)
    assert up.cards - before == CARDS
    record_property(FIGURE, f"worker asleep amid {CARDS} cards: all cards agreed {took:.1f} s later, each once")


async def _amid_a_call(scene: Scene, method: str) -> None:
    """Wait until a call is under way that Slack has carried out and does not answer."""
    since = len(scene.fake.calls)
    scene.fake.fail_next(method, "timeout after commit")

    def hangs() -> bool:
        return any(call.outcome == "timeout after commit" for call in scene.fake.calls[since:])

    await scene.fake.until(hangs, 60)


def _written_anew(scene: Scene, since: int) -> bool:
    """Whether what the sleeper had on its way was put right, for nobody knows which came last."""
    return any(call.method == "chat.update" and call.committed for call in scene.fake.calls[since:])
