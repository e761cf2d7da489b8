"""Slack is switched on later: what is open by then is shown, and what has ended today; nothing waited for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import update

from app.db.tables import Request
from app.devstack import TemporalServer
from app.keys import KeyRings
from app.outbox.reconciler import Reconciler
from tests.fakes.desk import Desk
from tests.slack.office import Office, buttons, fake_slack, sending_to, working_courier
from tests.world import World, build_context, connect, running


@pytest.fixture(scope="module")
async def without(database_url: str, temporal: TemporalServer, rings: KeyRings, a_desk: Desk) -> AsyncIterator[World]:
    ctx = await build_context(database_url, rings, a_desk.url)
    async with running(ctx, await connect(temporal.address, rings), rings, a_desk) as made:
        yield made
    await ctx.database.close()


async def test_slack_comes_later(without: World) -> None:
    held, ended, old = [await without.ask("do.high") for _ in range(3)]
    for shown in (ended, old):
        await without.say("dana", shown, "deny")
    async with without.ctx.database.transaction() as session:
        two_days_ago = (await without.row(old)).updated_at - timedelta(days=2)
        await session.execute(update(Request).where(Request.id == old["id"]).values(updated_at=two_days_ago))
    async with fake_slack() as fake, sending_to(fake, without.ctx) as sending, working_courier(sending):
        at = Office(without, fake, sending)
        telling = asyncio.create_task(Reconciler(without.ctx.database, {"slack": sending.spread}).run())
        await at.settled()
        telling.cancel()
        assert [len(at.cards(shown)) for shown in (held, ended, old)] == [1, 1, 0]
        assert buttons(at.cards(held)[0]) == ["approve", "deny", "details"]
        assert buttons(at.cards(ended)[0]) == ["details"]
