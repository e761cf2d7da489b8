"""Real writes, 180 in all, asked for by the bot and decided in Slack, while Slack fails now and then."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from app.devstack.dev import DEV_BOT_TOKEN
from tests.fakes.slack.failing import Failing
from tests.fakes.slack.server import SlackFake
from tests.journeys.retail.callers import Bot, Said, converse
from tests.journeys.retail.conversations import Conversation, conversations, sharing_a_gift_card
from tests.journeys.retail.place import MIA_SHOPS_AS, Client, Place, place
from tests.journeys.slack.agreement import Row, by_outcome, lateness, rows, settled
from tests.journeys.slack.reviewers import CHANNELS, Reviewers, Told, slack_user
from tests.processes.stack import Stack

POLICY = Path(__file__).parent / "rules" / "policy.yaml"
TEAM = "T0SHOP"
ACCOUNTS = ("dana", "marco", "priya", "olivia", "mia", "fiona", "felix", "anya")
SEED = 20
CALL_TIMEOUT = 1.0
CALLERS = 8


@dataclass(frozen=True, slots=True)
class Journey:
    """What ran and what came of it. ``settled``: seconds from the last outcome until Slack showed it all."""

    where: Place
    fake: SlackFake
    talks: list[Conversation]
    said: Said
    told: Told
    rows: list[Row]
    seconds: float
    settled: float


@asynccontextmanager
async def slack(rate: float) -> AsyncIterator[SlackFake]:
    """The shop's workspace."""
    async with SlackFake.serving(signing_secret="-", team=TEAM, token=DEV_BOT_TOKEN, rate=rate) as fake:
        for person in ACCOUNTS:
            fake.workspace.add_user(slack_user(person), person, f"{person}@shop.example")
        for channel in CHANNELS.values():
            fake.workspace.add_channel(channel)
        yield fake


def introduce(fake: SlackFake, running: Stack) -> None:
    """Tell Slack where the app is, and its secret."""
    fake.events_url, fake.delivery.signing_secret = running.slack["events_url"], running.slack["signing_secret"]


def writing(every: int = 1) -> list[Conversation]:
    """Every so many'th conversation, and all that are Mia's, with the calls of it that write something."""
    talks = [replace(talk, calls=tuple(call for call in talk.calls if call.tool.writes)) for talk in conversations()]
    mias = [talk for talk in talks if any(call.customer == MIA_SHOPS_AS for call in talk.calls)]
    return [talk for n, talk in enumerate(talks) if n % every == 0 or talk in mias]


@asynccontextmanager
async def journey(
    talks: list[Conversation], *, rate: float, share: float, within: float, patience: float
) -> AsyncIterator[Journey]:
    """Everything of these conversations decided, run and shown; all parts are still up.

    ``rate``: how many times Slack's own, on both sides; ``share``: of Slack's calls that fail; ``within``: seconds for
    all of it; ``patience``: seconds that a card may take to come.
    """
    options: dict[str, Any] = {"SLACK__RATE": str(rate), "SLACK__CALL_TIMEOUT": str(CALL_TIMEOUT)}
    async with slack(rate) as fake, place(POLICY, slack_api_url=fake.api_url, **options) as where:
        introduce(fake, where.running)
        fake.failing = Failing(share, seed=SEED)
        before = time.monotonic()
        said, told = await _talked(where, fake, talks, within, patience)
        over = time.monotonic()
        await settled(where.running.database, within)
        done = time.monotonic()
        fake.failing = None
        yield Journey(where, fake, talks, said, told, await rows(where.running.database), done - before, done - over)


async def _talked(
    where: Place, fake: SlackFake, talks: list[Conversation], within: float, patience: float
) -> tuple[Said, Told]:
    async with (
        httpx.AsyncClient(base_url=where.shop.url, trust_env=False, timeout=60) as shop,
        asyncio.timeout(within),
        asyncio.TaskGroup() as everybody,
    ):
        reviewers = Reviewers(fake, everybody, patience)
        bot = Bot(Client(where.running.http), where.bot_token, shop, reviewers, sharing_a_gift_card(talks))
        await everybody.create_task(converse(bot, talks, CALLERS))
    return bot.said, reviewers.told


def figures(found: Journey) -> list[str]:
    """What was measured."""
    calls, failed, limited = by_outcome(found.fake)
    late = sum(1 for sent in found.fake.sent if sent.status is None)
    clicks = [sent.seconds for sent in found.fake.sent]
    return [
        f"{len(found.said.last)} requests decided in Slack: {found.seconds:.1f} s; {counts(found.told.counted)}",
        f"last change of a request to the last of its cards: {percentiles(lateness(found.fake, found.rows))}",
        f"{len(clicks)} clicks and forms, until Slack had its answer: {percentiles(clicks)}; {late} not in time",
        f"{calls.total()} calls to Slack, {failed} failed on purpose: {counts(calls)}",
        f"{limited.total()} came too fast and were answered 429: {counts(limited) or 'none'}",
        f"{len(found.told.refused)} were refused; all cards agreed {found.settled:.1f} s after the last outcome",
    ]


def percentiles(seconds: Sequence[float]) -> str:
    """Median, 99th percentile and longest."""
    cuts = statistics.quantiles(seconds, n=100)
    return f"p50 {cuts[49]:.3f} s, p99 {cuts[98]:.3f} s, longest {max(seconds):.3f} s"


def counts(found: object) -> str:
    """What was counted, in words."""
    assert isinstance(found, dict)
    return ", ".join(f"{name} {count}" for name, count in sorted(found.items()))
