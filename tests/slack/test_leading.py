"""One courier leads; who takes over begins with what is recorded, and who was replaced leaves nothing old standing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import func, select, update

from app.db.slack_tables import Lease
from app.devstack import TemporalServer
from app.keys import KeyRings
from tests.fakes.desk import Desk
from tests.slack.office import LEADS, Office, buttons, office, sending_to, working_courier
from tests.world import build_context


@pytest.fixture(scope="module")
async def at(database_url: str, temporal: TemporalServer, rings: KeyRings, a_desk: Desk) -> AsyncIterator[Office]:
    ctx = await build_context(database_url, rings, a_desk.url)
    async with office(ctx, temporal.address, rings, a_desk, digest_above=2) as made:
        yield made
    await ctx.database.close()


async def test_low_risk_above_the_rate_goes_into_a_digest(at: Office) -> None:
    """Two cards, then one message for all others, kept as true as a card; what is not of low risk has its card."""
    low = [await at.world.ask("look.up", parameters={"mode": "hold"}) for _ in range(6)]
    high = await at.world.ask("do.high")
    await at.settled()
    assert [len(at.cards(shown)) for shown in low] == [1, 1, 0, 0, 0, 0]
    assert len(at.cards(high)) == 1
    (digest,) = [m for m in at.fake.workspace.posted(LEADS) if (m.metadata or {})["event_type"] == "interlock_digest"]
    assert buttons(digest) == ["details"] * 4
    await at.world.say("dana", low[2], "deny")
    await at.settled()
    assert buttons(digest) == ["details"] * 3
    assert "Denied" in str(digest.blocks)


async def test_who_takes_over_posts_nothing_twice(at: Office) -> None:
    """The leader's post has gone out and it hears nothing; meanwhile another leads, and finds what stands."""
    async with AsyncExitStack() as all_of:
        second = await all_of.enter_async_context(sending_to(at.fake, at.world.ctx))
        at.fake.fail_next("chat.postMessage", "timeout after commit")
        asked = await at.world.ask("do.moderate")
        await at.until(lambda: at.cards(asked))
        first = at.sending.courier.lead.epoch
        await lose_lease(at)
        await all_of.enter_async_context(working_courier(second))
        await at.until(lambda: second.courier.lead.epoch)
        assert first is not None
        assert second.courier.lead.epoch == first + 1
        await at.settled()
        await at.world.say("dana", asked)
        await at.world.until(asked, "succeeded")
        await at.settled()
        assert buttons(at.cards(asked)[0]) == ["details"]
        assert (len(at.cards(asked)), len(at.replies(asked))) == (1, 1)
    await at.until(lambda: at.sending.courier.lead.epoch == first + 2)  # it was given back: no need to wait for its end


async def test_what_a_replaced_leader_wrote_is_written_anew(at: Office) -> None:
    """It comes back from its call and learns that another leads: what it put there may be old."""
    asked = await at.world.ask("do.two")
    await at.settled()
    at.fake.fail_next("chat.update", "timeout after commit")
    since = len(at.fake.calls)
    await at.world.say("dana", asked)
    await at.until(lambda: [call for call in at.fake.calls[since:] if call.method == "chat.update"])
    lead = at.sending.courier.lead
    async with at.world.ctx.database.transaction() as session:
        await session.execute(update(Lease).values(owner=func.gen_random_uuid(), epoch=Lease.epoch + 1))
    await at.until(lambda: lead.epoch is None)
    await lose_lease(at)
    await at.settled()
    updates = [call for call in at.fake.calls[since:] if call.method == "chat.update" and call.committed]
    assert len(updates) == 2
    assert "approve" in buttons(at.cards(asked)[0])


async def lose_lease(at: Office) -> None:
    """Let the time of whoever leads be over."""
    async with at.world.ctx.database.transaction() as session:
        await session.execute(update(Lease).values(until=func.clock_timestamp()))
        assert (await session.execute(select(func.count()).select_from(Lease))).scalar_one() == 1
