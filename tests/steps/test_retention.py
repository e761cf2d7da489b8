"""What has been kept for long enough goes, class by class; what is open, held, or of the rules stays."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import cast

import pytest
from temporalio.client import Client

from app.governance.built_in import HOLD
from app.keys import KeyRings
from app.steps import shown as cards
from app.steps.scene import scene
from app.use_cases.retention import retain
from app.use_cases.services import Services, Waiters
from app.use_cases.views import View
from tests.fakes.desk import Desk
from tests.properties.quiet import ended
from tests.steps.erasing import ordered, somebody
from tests.steps.words import id_of, lost, sql
from tests.world import World, build_context

DAYS = timedelta(days=30)


@pytest.fixture(name="world", scope="module")
async def _world(database_url: str, rings: KeyRings, a_desk: Desk) -> AsyncIterator[World]:
    ctx = await build_context(database_url, rings, a_desk.url)
    services = Services(ctx, cast("Client", None), "nowhere", Waiters(), rings.tokens, ctx.issuer)
    yield World(ctx, services, rings, a_desk)
    await ctx.database.close()


async def aged(world: World, shown: View, days: int = 31) -> View:
    """As if nothing had changed for so long."""
    statement = "update request set updated_at = updated_at - make_interval(days => :days) where id = :id"
    await sql(world, statement, days=days, id=id_of(shown))
    return shown


async def gone(world: World, shown: View) -> bool:
    """Whether its content is."""
    return (await world.look(shown))["erased_at"] is not None


async def test_only_what_is_over_for_long_enough_goes(world: World) -> None:
    old, young = await aged(world, await ended(world)), await ended(world)
    still_held = await aged(world, await lost(world, "do.high"))
    rules = await aged(world, await ordered(world, somebody(), HOLD, ("sam",)))
    assert (await retain(world.services, {"requests": DAYS}))["requests"] == 1
    assert [await gone(world, one) for one in (old, young, still_held, rules)] == [True, False, False, False]
    last = (await world.entries(old))[-1]
    assert (last["kind"], last["facts"]["by"], last["facts"]["subject"]) == ("erased", "retention", None)
    assert (await retain(world.services, {"requests": DAYS}))["requests"] == 0


async def test_without_a_setting_all_is_kept(world: World) -> None:
    old = await aged(world, await ended(world))
    assert await retain(world.services, {}) == {}
    assert not await gone(world, old)


@pytest.mark.parametrize("of", ["on_behalf_of", "triggered_by", "beneficiaries"])
async def test_what_a_legal_hold_stands_on_stays(world: World, of: str) -> None:
    subject = somebody()
    old = await aged(world, await ended(world))
    value = "jsonb_build_array(cast(:subject as text))" if of == "beneficiaries" else ":subject"
    await sql(world, f"update request set {of} = {value} where id = :id", subject=subject, id=id_of(old))  # noqa: S608  names of ours
    await ordered(world, subject, HOLD, ("sam",))
    await retain(world.services, {"requests": DAYS, "attempts": DAYS, "cards": DAYS})
    assert not await gone(world, old)
    assert "pruned" not in await world.kinds(old)


async def test_what_was_said_and_shown_goes_before_the_rest(world: World) -> None:
    old = await ended(world)
    async with scene(world.ctx, id_of(old)) as found:
        await cards.keep(found.session, found.secret, found.row, [{"a": "card"}], [])
    await aged(world, old)
    for what in ("attempts", "cards"):
        assert (await retain(world.services, {what: DAYS}))[what] >= 1
        assert (await retain(world.services, {what: DAYS}))[what] == 0
    assert await sql(world, "select body from attempt where request_id = :id and body <> '{}'", id=id_of(old)) == []
    assert await sql(world, "select 1 from card_shown where request_id = :id", id=id_of(old)) == []
    assert (await world.kinds(old))[-2:] == ["pruned", "pruned"]
    assert not await gone(world, old)
    assert (await world.look(old))["parameters"] == old["parameters"]


async def test_marks_that_were_told_and_codes_that_have_expired(world: World) -> None:
    old = await aged(world, await ended(world))
    waits = await aged(world, await ended(world))
    for shown, told in ((old, "version"), (waits, "version - 1")):
        values = f"told_version = {told}, due_at = now() - interval '31 days'"
        await sql(world, f"update outbox set {values} where sink = 'slack' and request_id = :id", id=id_of(shown))  # noqa: S608  names of ours
    for hours in (-48, 1):
        code = {"hash": uuid.uuid4().hex, "hours": hours}
        values = "(:hash, 'T0', 'U0', now() + make_interval(hours => :hours), null)"
        await sql(world, f"insert into link_code values {values}", **code)  # noqa: S608  names of ours
    counted = await retain(world.services, {"outbox": DAYS, "codes": timedelta(days=1)})
    assert counted == {"outbox": 1, "codes": 1}
    assert await sql(world, "select 1 from outbox where sink = 'slack' and request_id = :id", id=id_of(waits)) == [(1,)]
