"""Attacks by way of reminders: nobody is named who must not decide, and a reminder moves nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance
from app.domain.clocks import moment
from app.steps.tick import tick
from app.use_cases.governance import install
from app.use_cases.views import View
from tests.steps.words import change, id_of, lost, vote
from tests.world import RULES, World

MINUTE = timedelta(minutes=1)
TWO = "two: {stages: [{name: leads, group: leads, quorum: 2, within: 1h}]"
REMINDING = "two: {stages: [{name: leads, group: leads, quorum: 2, within: 1h, remind: [10m, 20m]}]"


@dataclass(frozen=True, slots=True)
class At:
    """The port of time, at one moment."""

    moment: datetime

    async def now(self, session: AsyncSession) -> datetime:  # noqa: ARG002  the port's signature
        return self.moment


@pytest.fixture(name="rules")
async def _rules(world: World, rules_copy: Path) -> AsyncIterator[Path]:
    """Rules by which two are reminded; the usual ones are in force again afterwards."""
    await change(world, rules_copy, TWO, REMINDING)
    yield rules_copy
    await install(world.ctx, RULES, replace=True, by="ada")


async def look_at(world: World, shown: View, minutes: float) -> None:
    """A tick so long after the request was made, and two more at that moment, as of a worker that lost its answer."""
    at = (await world.row(shown)).created_at + minutes * MINUTE
    for _ in range(3):
        await tick(replace(world.ctx, clock=At(at)), id_of(shown))


async def reminded(world: World, shown: View) -> list[tuple[dict[str, Any], set[str]]]:
    """The facts of each reminder, and the persons that it names."""
    async with world.ctx.database.transaction() as session:
        names = {pid: person for person, pid in (await governance.pids(session)).items()}
    entries = [entry["facts"] for entry in await world.entries(shown) if entry["kind"] == "reminded"]
    return [(facts, {names[pid] for pid in facts["persons"]}) for facts in entries]


@pytest.mark.usefixtures("rules")
async def test_only_who_may_decide_and_has_not_is_named(world: World) -> None:
    """Mia is the customer, Olivia and Tom own and deployed the bot, Marco has decided, Dana may decide."""
    shown = await lost(world, "do.two", behalf="customer:mia")
    await vote(world, "marco", shown)
    await look_at(world, shown, 10)
    ((facts, named),) = await reminded(world, shown)
    assert named == {"dana", "priya"}
    assert all("dana" not in str(value) and "priya" not in str(value) for value in facts.values())
    assert (facts["stage"], facts["groups"], facts["n"], facts["status"]) == ("leads", ["leads"], 1, "held")
    assert moment(facts["until"]) == (await world.row(shown)).created_at + 60 * MINUTE


async def test_who_has_left_the_group_is_not_named(world: World, rules: Path) -> None:
    shown = await lost(world, "do.two")
    await change(world, rules, "members: [dana, marco, priya", "members: [dana, priya", file="people.yaml")
    await look_at(world, shown, 10)
    ((_, named),) = await reminded(world, shown)
    assert named == {"dana", "priya", "mia"}


async def test_who_came_into_the_group_later_is_not_named(world: World, rules: Path) -> None:
    shown = await lost(world, "do.two")
    await change(world, rules, "members: [dana, marco", "members: [zoe, dana, marco", file="people.yaml")
    await look_at(world, shown, 10)
    ((_, named),) = await reminded(world, shown)
    assert named == {"dana", "marco", "priya", "mia"}


@pytest.mark.usefixtures("rules")
async def test_a_reminder_moves_neither_clock_nor_quorum_nor_status(world: World) -> None:
    shown = await lost(world, "do.two")
    before = await world.look(shown)
    for minutes in (10, 20, 25):
        await look_at(world, shown, minutes)
    after = await world.look(shown)
    assert [facts["n"] for facts, _ in await reminded(world, shown)] == [1, 2]
    own = ("remind_at", "reminded", "reminded_at")
    (then,), (now,) = before["plan"]["stages"], after["plan"]["stages"]
    assert {key: now[key] for key in now if key not in own} == {key: then[key] for key in then if key not in own}
    assert [after[key] for key in ("status", "expires_at", "may_decide")] == [
        before[key] for key in ("status", "expires_at", "may_decide")
    ]
    await look_at(world, shown, 60)
    assert (await world.look(shown))["status"] == "expired"


@pytest.mark.usefixtures("rules")
async def test_of_a_stopped_bot_nobody_is_reminded(world: World) -> None:
    shown = await lost(world, "do.two")
    await world.suspend()
    try:
        await look_at(world, shown, 10)
        assert await reminded(world, shown) == []
        assert (await world.look(shown))["status"] == "revoked"
    finally:
        again = await world.resume("ivan")
        await world.say("ada", again)
        await world.until(again, "succeeded")


@pytest.mark.usefixtures("rules")
async def test_a_request_without_an_answer_is_reminded_once_by_a_late_look(world: World) -> None:
    shown = await lost(world, "do.two")
    await look_at(world, shown, 30)
    assert [facts["n"] for facts, _ in await reminded(world, shown)] == [1]
