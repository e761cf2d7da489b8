"""The clocks of undoing at real lengths: how long a rollback may be asked for, when it starts, how long a yes waits."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest

from app.domain.errors import Closed, WindowOver
from app.use_cases import act
from app.use_cases.views import View
from tests.time_skipping.skipping import Ahead, within

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
QUIET = timedelta(seconds=35)
"""Timeout of the test's actions and 30 s."""


def last(shown: View, what: str) -> datetime:
    """When its last attempt started or finished."""
    return datetime.fromisoformat(shown["execution"]["attempts"][-1][what])


async def done(ahead: Ahead, action: str = "do.high", answer: int | None = None) -> View:
    """A request with an outcome."""
    shown = await ahead.world.ask(action)
    if answer is not None:
        ahead.world.desk.script(shown["parameters"]["thing"], answer)
    await ahead.world.say("dana", shown)
    return await ahead.world.until(shown, "succeeded", "failed", "unknown")


async def test_a_rollback_is_taken_within_72_hours_of_the_outcome_and_not_after(ahead: Ahead) -> None:
    world = ahead.world
    shown = await done(ahead)
    until = last(shown, "finished_at") + 72 * HOUR
    assert datetime.fromisoformat(shown["rollback"]["until"]) == until
    await ahead.until(until - MINUTE)
    in_time = await world.roll_back("ivan", shown)
    assert in_time["status"] == "held"
    await world.say("rita", in_time, "deny")

    await ahead.until(until + MINUTE)
    with pytest.raises(WindowOver, match=shown["rollback"]["until"][:16]):
        await world.roll_back("ivan", shown)
    assert (await world.look(shown))["reversed_by"] == []


async def test_what_was_asked_for_in_time_is_signed_and_runs_after_it(ahead: Ahead) -> None:
    """The window is for the ask; the sign-off has the time of its own plan, four hours."""
    world = ahead.world
    shown = await done(ahead)
    await ahead.until(last(shown, "finished_at") + 72 * HOUR - MINUTE)
    undoing = await world.roll_back("ivan", shown)
    await ahead.until(last(shown, "finished_at") + 72 * HOUR + MINUTE)
    await world.say("rita", undoing)
    await world.until(undoing, "succeeded")
    assert (await world.look(shown))["reversed_by"] == [undoing["id"]]


async def test_a_settlement_days_later_does_not_begin_the_72_hours_anew(ahead: Ahead) -> None:
    """They run from when the call ended, however long nobody knew how."""
    world = ahead.world
    shown = await done(ahead, "do.once", 503)
    assert shown["status"] == "unknown"
    await ahead.until(last(shown, "finished_at") + 72 * HOUR - MINUTE)
    await act.settle(world.services, world.person("nora"), uuid.UUID(shown["id"]), status="succeeded", reason="seen")
    await ahead.until(last(shown, "finished_at") + 72 * HOUR + MINUTE)
    with pytest.raises(WindowOver):
        await world.roll_back("ivan", shown)


async def test_the_key_of_an_unknown_outcome_is_taken_over_after_timeout_and_30_s(ahead: Ahead) -> None:
    world = ahead.world
    shown = await done(ahead, "do.once", 503)
    free = last(shown, "started_at") + QUIET
    undoing = await world.roll_back("ivan", shown)
    await world.say("marco", undoing)
    await world.blocked(undoing)
    thing = f"{shown['parameters']['thing']}-undone"
    await ahead.until(free - timedelta(seconds=2))
    assert (await world.look(undoing))["status"] == "approved"
    assert world.desk.seen[thing] == []

    await ahead.until(free + timedelta(seconds=2))
    await world.until(undoing, "succeeded")
    assert within((await ahead.entry(undoing, "started"))["at"], free)
    assert [call.key for call in world.desk.seen[thing]] == [undoing["id"]]
    assert (await world.look(shown))["status"] == "unknown"


async def test_a_resumption_that_nobody_signs_expires_after_a_day_and_the_bot_stays_stopped(ahead: Ahead) -> None:
    world = ahead.world
    await world.suspend()
    request = await world.resume("ivan")
    due = (await world.row(request)).expires_at
    assert due - (await world.row(request)).created_at == 24 * HOUR
    await ahead.until(due - MINUTE)
    assert (await world.look(request))["status"] == "held"

    await ahead.until(due + MINUTE)
    await world.until(request, "expired")
    assert within((await ahead.entry(request, "expired"))["at"], due)
    with pytest.raises(Closed):
        await world.say("ada", request)
    assert (await world.ask("do.moderate"))["verdict"]["code"] == "bot-suspended"
    again = await world.resume("ivan")
    await world.say("ada", again)
    await world.until(again, "succeeded")
    assert (await world.ask("do.moderate"))["status"] == "held"
