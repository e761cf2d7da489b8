"""Reminders and business time at real lengths: on the minute, over a weekend, a holiday and changes of the clocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.domain.ask import Ask
from app.domain.clocks import moment
from app.steps.tick import tick
from app.use_cases.governance import install
from app.use_cases.views import View
from tests.steps.words import admitted, id_of
from tests.time_skipping.skipping import Ahead, StandingClock, within

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
TICK = timedelta(microseconds=1)
VIENNA = ZoneInfo("Europe/Vienna")


async def reminded(ahead: Ahead, shown: View) -> list[dict[str, Any]]:
    """The entries of the reminders of a request, in order."""
    return [entry for entry in await ahead.world.entries(shown) if entry["kind"] == "reminded"]


async def test_reminders_after_ten_and_twenty_minutes_then_the_escalation_then_reminders_again(ahead: Ahead) -> None:
    world = ahead.world
    shown = await world.ask("do.reminding")
    asked = (await world.row(shown)).created_at
    pids = await ahead.pids()
    await ahead.until(asked + 9 * MINUTE)
    await world.say("dana", shown)
    assert await reminded(ahead, shown) == []

    await ahead.until(asked + 11 * MINUTE)
    (first,) = await reminded(ahead, shown)
    assert within(first["at"], asked + 10 * MINUTE)
    facts = first["facts"]
    assert (facts["stage"], facts["n"], facts["until"][:16]) == ("lead", 1, (asked + 30 * MINUTE).isoformat()[:16])
    assert {pids[pid] for pid in facts["persons"]} == {"marco", "priya", "olivia", "mia", "tom"}

    await ahead.until(asked + 29 * MINUTE)
    _, second = await reminded(ahead, shown)
    assert within(second["at"], asked + 20 * MINUTE)
    await ahead.until(asked + 31 * MINUTE)
    escalated = await ahead.entry(shown, "escalated")
    assert within(escalated["at"], asked + 30 * MINUTE)
    await ahead.until(moment(escalated["at"]) + 11 * MINUTE)
    third = (await reminded(ahead, shown))[2]
    assert within(third["at"], moment(escalated["at"]) + 10 * MINUTE)
    facts = third["facts"]
    assert facts["n"] == 3
    assert {pids[pid] for pid in facts["persons"]} == {"marco", "priya", "olivia", "mia", "tom", "greta"}

    await ahead.until(moment(escalated["at"]) + 31 * MINUTE)
    seen = await world.until(shown, "expired")
    assert seen["ended_why"] == "stage-time-over"
    kinds = ["admitted", "decided", "reminded", "reminded", "escalated", "reminded", "reminded", "expired"]
    assert await world.kinds(shown) == kinds


def wall(at: datetime, days: int = 0, hours: int = 0) -> datetime:
    """So many days and hours later by the clock on the wall in Vienna."""
    there = at.astimezone(VIENNA).replace(tzinfo=None) + timedelta(days=days, hours=hours)
    return there.replace(tzinfo=VIENNA).astimezone(UTC)


def next_friday(now: datetime, change: timedelta) -> datetime:
    """The next Friday at 15:00 in Vienna after which the weekend is so much longer than others."""
    friday = now.astimezone(VIENNA).replace(hour=15, minute=0, second=0, microsecond=0, fold=0) + timedelta(days=1)
    while friday.weekday() != 4 or wall(friday, days=3) - friday.astimezone(UTC) != timedelta(days=3) + change:
        friday += timedelta(days=1)
    return friday.astimezone(UTC)


async def passes(ahead: Ahead, rules: Path, action: str, begins: datetime, days: int) -> None:
    """Asked at 15:00: reminded as soon as it opens again after so many days, escalated two hours later.

    By then it may be over a year since the bot's use case was approved.
    """
    world = ahead.world
    await ahead.until(begins)
    await install(world.ctx, rules, replace=True, by="ada")
    shown = await world.ask(action)
    asked = (await world.row(shown)).created_at
    assert within(asked, begins)
    reminds, closes = wall(asked, days, -6), wall(asked, days, -4)
    (stage,) = (await world.look(shown))["plan"]["stages"]
    assert (moment(stage["closes_at"]), list(map(moment, stage["remind_at"]))) == (closes, [reminds])
    await ahead.until(reminds - MINUTE)
    assert await world.kinds(shown) == ["admitted"]
    await ahead.until(reminds + MINUTE)
    assert within((await reminded(ahead, shown))[0]["at"], reminds)
    await ahead.until(closes - MINUTE)
    assert await world.kinds(shown) == ["admitted", "reminded"]
    await ahead.until(closes + MINUTE)
    assert within((await ahead.entry(shown, "escalated"))["at"], closes)
    assert (await world.look(shown))["plan"]["stages"][0]["groups"][1:] == ["managers"]
    await world.say("greta", shown)
    await world.until(shown, "succeeded")


@pytest.mark.parametrize("change", [timedelta(0), -HOUR, HOUR], ids=["weekend", "clocks forward", "clocks back"])
async def test_a_stage_over_a_weekend_waits_for_monday(ahead: Ahead, long_rules: Path, change: timedelta) -> None:
    begins = next_friday(await ahead.server.get_current_time(), change)
    await passes(ahead, long_rules, "do.plain-business", begins, 3)


async def test_a_stage_over_a_holiday_waits_for_the_day_after(ahead: Ahead, long_rules: Path) -> None:
    """8 December, between two working days."""
    now = await ahead.server.get_current_time()
    eves = (datetime(year, 12, 7, 15, tzinfo=VIENNA) for year in range(now.year, now.year + 20))
    eve = next(eve for eve in eves if eve > now + HOUR and eve.weekday() < 3)
    await passes(ahead, long_rules, "do.business", eve.astimezone(UTC), 2)


@pytest.mark.parametrize(
    ("action", "asked", "closes"),
    [
        ("do.business", "2026-12-23 15:00", "2026-12-28 11:00"),  # a day off, two holidays and a Sunday
        ("do.business-days", "2026-12-23 15:00", "2026-12-29 15:00"),
        ("do.business", "2027-03-26 15:00", "2027-03-30 11:00"),  # clocks forward on Easter Sunday, Monday is off
        ("do.business", "2027-10-29 15:00", "2027-11-02 11:00"),  # clocks back on 31 October, All Saints is off
        ("do.business-days", "2026-10-23 16:00", "2026-10-28 16:00"),  # clocks back on the 25th, the 26th is off
    ],
)
async def test_to_the_microsecond(ahead: Ahead, action: str, asked: str, closes: str) -> None:
    """The step itself, a moment before the stage is over and when it is."""
    at, due = (datetime.fromisoformat(text).replace(tzinfo=VIENNA).astimezone(UTC) for text in (asked, closes))
    before, then = (replace(ahead.world.ctx, clock=StandingClock(one)) for one in (due - TICK, due))
    ask = Ask("action", "bot", "bot", "bot-client", action, {"thing": "x"}, on_behalf_of="customer:carl")
    shown = await admitted(ahead.world, ask, replace(ahead.world.ctx, clock=StandingClock(at)))
    (stage,) = shown["plan"]["stages"]
    assert (moment(stage["opened_at"]), moment(stage["closes_at"])) == (at, due)
    assert (await tick(before, id_of(shown))).status == "held"
    assert "escalated" not in await ahead.world.kinds(shown)
    await tick(then, id_of(shown))
    kind = "expired" if action == "do.business-days" else "escalated"
    assert moment((await ahead.entry(shown, kind))["at"]) == due
