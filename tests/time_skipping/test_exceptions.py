"""What is out of turn ends when it should: reviews, permissions, delegations and cool-downs, at their real lengths."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.db import governance
from app.domain.clocks import moment, rfc3339
from app.domain.errors import Forbidden
from app.governance.built_in import PERMIT
from app.use_cases.governance import install
from app.use_cases.upkeep import sweep
from app.use_cases.views import View
from tests.steps.breaking import broken
from tests.steps.delegating import away, everybody_back
from tests.steps.standing import wanted
from tests.time_skipping.skipping import Ahead

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
async def as_ever(ahead: Ahead, long_rules: Path) -> AsyncIterator[None]:
    """Afterwards everybody is back, nothing is suspended, and the first rules are in force."""
    yield
    await everybody_back(ahead.world)
    await install(ahead.world.ctx, long_rules, replace=True, by="ada")


async def suspended_at(ahead: Ahead) -> datetime | None:
    """When the bot was suspended, if it is."""
    async with ahead.world.ctx.database.transaction() as session:
        bot = await governance.bot(session, "bot")
    assert bot is not None
    return bot.suspended_at


async def refused(ahead: Ahead, who: str, shown: View) -> list[str]:
    """The invariants that this person's approval breaks."""
    with pytest.raises(Forbidden) as error:
        await ahead.world.say(who, shown)
    return [one.invariant for one in error.value.violations]


def edited(place: Path, old: str, new: str) -> dict[str, str]:
    """The rules' files by name, with one edit."""
    files = {path.name: path.read_text() for path in sorted(place.glob("*.yaml"))}
    assert sum(text.count(old) for text in files.values()) == 1
    return {name: text.replace(old, new) for name, text in files.items()}


async def test_a_bot_is_suspended_when_a_break_glass_was_not_reviewed_within_a_day(ahead: Ahead) -> None:
    world = ahead.world
    shown = await world.ask("do.three-days")
    seen = await broken(world, shown)
    await world.until(shown, "succeeded")
    due = moment(seen["break_glass"]["review"]["due_at"])
    assert due == moment(seen["break_glass"]["at"]) + DAY
    await ahead.until(due - MINUTE)
    await sweep(world.services, MINUTE)
    assert await suspended_at(ahead) is None

    await ahead.until(due + MINUTE)
    await sweep(world.services, MINUTE)
    stopped = await suspended_at(ahead)
    assert stopped is not None
    assert stopped >= due
    denied = await world.ask("do.three-days")
    assert denied["verdict"]["reason"] == "This bot is suspended."


async def test_a_standing_permission_of_30_days_ends_after_30_days(ahead: Ahead) -> None:
    world = ahead.world
    ends = await ahead.server.get_current_time() + 30 * DAY - MINUTE
    asked = await world.change("petra", PERMIT, wanted(action="do.three-days", expires_at=rfc3339(ends)))
    for who in ("eve", "sam"):
        await world.say(who, asked)
    await world.until(asked, "succeeded")
    await ahead.until(ends - MINUTE)
    allowed = await world.ask("do.three-days")
    assert allowed["verdict"]["code"] == "standing-permission"
    await ahead.until(ends + MINUTE)
    held = await world.ask("do.three-days")
    assert (held["status"], held["verdict"]["outcome"]) == ("held", "hold")


async def test_a_delegation_of_30_days_lends_a_right_for_30_days(ahead: Ahead) -> None:
    world = ahead.world
    given = await away(world, "dana", "felix", 30 * DAY)
    until = moment(given["until"])
    await ahead.until(until - HOUR)
    shown, late = await world.ask("do.three-days"), await world.ask("do.three-days")
    seen = await world.say("felix", shown)
    assert [made["stands_for"] for made in seen["decisions"]] == [["dana"]]
    await ahead.until(until + MINUTE)
    assert await refused(ahead, "felix", late) == ["not-eligible"]


async def test_who_joined_a_group_by_publishing_decides_in_it_after_seven_days(ahead: Ahead, long_rules: Path) -> None:
    world = ahead.world
    published = await world.publish(edited(long_rules, "{name: leads, members: [", "{name: leads, members: [ada, "))
    since = moment(published["updated_at"])
    await ahead.until(since + 7 * DAY - HOUR)
    early = await world.ask("do.three-days")
    assert await refused(ahead, "ada", early) == ["policy-author"]
    await ahead.until(since + 7 * DAY + MINUTE)
    assert await refused(ahead, "ada", early) == ["policy-author"]
    late = await world.ask("do.three-days")
    await world.say("ada", late)
    await world.until(late, "succeeded")
