"""Short words for owner reviews: opened and ticked by the steps, made through the use case."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.db import ledger
from app.domain.ledger import verify_stream
from app.domain.request import Level
from app.steps import owner_review
from app.steps.reviewing import Finding
from app.use_cases import reviews
from app.use_cases.views import View
from tests.properties.quiet import later
from tests.steps.words import sql
from tests.world import World
from workflows.contracts import OpenReview

DAY = timedelta(days=1)
DUE, LAPSING = 14 * DAY, 22 * DAY
"""When others are brought in, and when what is of high risk lapses, at the latest: of what is opened now."""


async def opened(world: World, bot: str = "bot", workflow: str | None = None) -> uuid.UUID:
    """A bot's review is opened now, as its schedule would have it; or taken over."""
    given = OpenReview(bot, workflow or f"test-{uuid.uuid4()}")
    return uuid.UUID((await owner_review.open_review(world.ctx, given)).review_id)


async def opened_by(world: World, workflow: str) -> uuid.UUID:
    """The review that this workflow has opened, or taken over, once it has."""
    async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(30), reraise=True):
        with attempt:
            [[review]] = await sql(world, "select id from owner_review where workflow = :of", of=workflow)
    return uuid.UUID(str(review))


async def ticked(world: World, review: uuid.UUID, by: timedelta) -> str:
    """Where it stands once somebody has looked, some time ahead."""
    return (await owner_review.tick(later(world, by), review)).status


async def escalated(world: World, bot: str = "bot") -> uuid.UUID:
    """A review that its owners have not made in time."""
    review = await opened(world, bot)
    assert await ticked(world, review, DUE + timedelta(minutes=1)) == "escalated"
    return review


async def lapsed(world: World, bot: str = "bot") -> uuid.UUID:
    """A review that nobody has made."""
    review = await escalated(world, bot)
    assert await ticked(world, review, LAPSING) == "lapsed"
    return review


async def made(
    world: World, review: uuid.UUID, who: str = "olivia", word: str = "attested", *, level: Level = Level.LOGIN
) -> View:
    """Somebody says what they found."""
    return await reviews.attest(world.services, world.person(who, level), review, Finding(word, "I looked at it all"))


async def shown(world: World, review: uuid.UUID, who: str = "anya") -> View:
    """A review as somebody sees it."""
    items = (await reviews.listing(world.services, world.person(who), open_only=False))["items"]
    [found] = [one for one in items if one["id"] == str(review)]
    return dict(found)


async def entries(world: World, review: uuid.UUID, bot: str = "bot") -> list[dict[str, Any]]:
    """What the bot's stream, which is whole, says of a review."""
    async with world.ctx.database.transaction() as session:
        stored = await ledger.read(session, f"bot:{bot}")
    assert verify_stream(f"bot:{bot}", stored) == []
    bodies = [json.loads(entry.body) for entry in stored]
    return [body for body in bodies if body["facts"].get("review") == str(review)]


async def kinds(world: World, review: uuid.UUID, bot: str = "bot") -> list[str]:
    """Their kinds, in order."""
    return [entry["kind"] for entry in await entries(world, review, bot)]
