"""Expiry at the lengths that people use: not a moment early, hardly late, and cheap however long it takes."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest

from app.domain.errors import Closed
from app.steps.tick import tick
from tests.time_skipping.skipping import Ahead, within

MINUTE = timedelta(minutes=1)
CHEAP = 40
"""Events in the history of a request that waited, however long."""


@pytest.mark.parametrize(
    ("action", "span"), [("do.three-days", timedelta(hours=72)), ("do.thirty-days", timedelta(days=30))]
)
async def test_silence_ends_in_expiry_when_it_is_due(
    ahead: Ahead, record_property: Callable[[str, object], None], action: str, span: timedelta
) -> None:
    world, since = ahead.world, time.monotonic()
    shown = await world.ask(action)
    row = await world.row(shown)
    assert row.expires_at - row.created_at == span
    await ahead.until(row.expires_at - MINUTE)
    assert (await tick(world.ctx, uuid.UUID(shown["id"]))).status == "held"
    assert await world.kinds(shown) == ["admitted"]

    await ahead.until(row.expires_at + MINUTE)
    seen = await world.until(shown, "expired")
    assert (seen["ended_why"], seen["plan"]["stages"][0]["status"]) == ("expires-at-passed", "closed")
    assert within((await ahead.entry(shown, "expired"))["at"], row.expires_at)
    assert within(await ahead.completed(shown), row.expires_at)
    with pytest.raises(Closed):
        await world.say("dana", shown)
    assert world.desk.seen[shown["parameters"]["thing"]] == []
    events = await ahead.events(shown)
    assert events <= CHEAP
    record_property("figure", f"expiry after {span}: {events} history events, {time.monotonic() - since:.1f} s")


async def test_a_yes_in_the_last_hour_of_thirty_days_still_executes(
    ahead: Ahead, record_property: Callable[[str, object], None]
) -> None:
    world, since = ahead.world, time.monotonic()
    shown = await world.ask("do.thirty-days")
    row = await world.row(shown)
    await ahead.until(row.created_at + timedelta(days=29, hours=23))
    await world.say("dana", shown)
    seen = await world.until(shown, "succeeded")
    assert within((await ahead.entry(shown, "succeeded"))["at"], row.created_at + timedelta(days=29, hours=23))
    assert len(world.desk.seen[shown["parameters"]["thing"]]) == 1
    assert seen["expires_at"] == shown["expires_at"]
    await ahead.completed(shown)
    events = await ahead.events(shown)
    assert events <= CHEAP
    record_property("figure", f"approved at 29 d 23 h: {events} history events, {time.monotonic() - since:.1f} s")
