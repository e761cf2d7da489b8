"""The other clocks of a request at real lengths: stages, conflict keys, windows, fences, the sweeper behind them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from joserfc import jwt

from app.domain.errors import Closed, NotOpenToThis, TooEarly
from app.use_cases import act, submit
from app.use_cases.upkeep import sweep
from app.use_cases.views import View
from tests.time_skipping.skipping import Ahead, within

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def id_of(shown: View) -> uuid.UUID:
    """The request's id."""
    return uuid.UUID(shown["id"])


async def test_a_stage_of_48_hours_escalates_and_the_request_expires_after_72(ahead: Ahead) -> None:
    world = ahead.world
    shown = await world.ask("do.escalating-late")
    asked = (await world.row(shown)).created_at
    await ahead.until(asked + 48 * HOUR - MINUTE)
    assert await world.kinds(shown) == ["admitted"]
    await ahead.until(asked + 48 * HOUR + MINUTE)
    escalated = await ahead.entry(shown, "escalated")
    assert within(escalated["at"], asked + 48 * HOUR)
    seen = await world.look(shown)
    assert (seen["status"], seen["plan"]["stages"][0]["groups"]) == ("held", ["leads", "managers"])

    await ahead.until(asked + 72 * HOUR - MINUTE)
    assert (await world.look(shown))["status"] == "held"
    await ahead.until(asked + 72 * HOUR + MINUTE)
    await world.until(shown, "expired")
    assert within((await ahead.entry(shown, "expired"))["at"], asked + 72 * HOUR)


async def test_a_manager_decides_after_the_escalation(ahead: Ahead) -> None:
    world = ahead.world
    shown = await world.ask("do.escalating-late")
    await ahead.until((await world.row(shown)).created_at + 71 * HOUR)
    await world.say("greta", shown)
    await world.until(shown, "succeeded")
    grant = world.desk.seen[shown["parameters"]["thing"]][0].headers["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(grant, world.rings.grants.current_key, algorithms=["Ed25519"]).claims
    started = (await ahead.entry(shown, "started"))["at"]
    assert within(started, datetime.fromtimestamp(claims["iat"], UTC), timedelta(seconds=1))


async def test_a_request_behind_an_unknown_outcome_lapses_when_it_expires(
    ahead: Ahead, record_property: Callable[[str, object], None]
) -> None:
    world, thing, since = ahead.world, uuid.uuid4().hex, time.monotonic()
    front, behind = await world.ask("do.key", thing=thing), await world.ask("do.key", thing=thing)
    world.desk.script(thing, 503)
    await world.say("dana", front)
    await world.until(front, "unknown")
    await world.say("dana", behind)
    await world.blocked(behind)
    row = await world.row(behind)
    await ahead.until(row.expires_at - MINUTE)
    assert (await world.look(behind))["status"] == "approved"

    await ahead.until(row.expires_at + MINUTE)
    await world.until(behind, "lapsed")
    assert within((await ahead.entry(behind, "lapsed"))["at"], row.expires_at)
    assert [call.key for call in world.desk.seen[thing]] == [front["id"]]
    await ahead.completed(behind)
    polls = await ahead.started(behind, "execute")
    gaps = [later - earlier for earlier, later in pairwise(polls)]
    assert gaps[0] < MINUTE <= gaps[1] <= 2 * MINUTE
    assert 10 * MINUTE <= max(gaps) <= 16 * MINUTE
    events = await ahead.events(behind)
    words = f"{len(polls)} polls, {events} history events, {time.monotonic() - since:.1f} s"
    record_property("figure", f"blocked for 72 h behind an unknown outcome: {words}")


async def test_a_settlement_frees_the_key_hours_later(ahead: Ahead) -> None:
    world, thing = ahead.world, uuid.uuid4().hex
    front, behind = await world.ask("do.key", thing=thing), await world.ask("do.key", thing=thing)
    world.desk.script(thing, 503)
    await world.say("dana", front)
    await world.until(front, "unknown")
    await world.say("dana", behind)
    await world.blocked(behind)
    await ahead.until((await world.row(behind)).created_at + 6 * HOUR)
    await act.settle(world.services, world.person("ivan"), id_of(front), status="failed", reason="no trace")
    await world.until(behind, "succeeded")
    assert [call.key for call in world.desk.seen[thing]] == [front["id"], behind["id"]]


async def test_an_unknown_outcome_is_not_settled_before_timeout_and_30_s(ahead: Ahead) -> None:
    world = ahead.world
    shown = await world.ask("do.key")
    world.desk.script(shown["parameters"]["thing"], 503)
    await world.say("dana", shown)
    seen = await world.until(shown, "unknown")
    with pytest.raises(TooEarly) as early:
        await act.settle(world.services, world.person("ivan"), id_of(shown), status="failed", reason="no trace")
    started = datetime.fromisoformat(seen["execution"]["attempts"][0]["started_at"])
    assert (started + timedelta(seconds=35)).strftime("%H:%M:%S") in str(early.value)
    await ahead.until(started + timedelta(seconds=35))
    _, done = await act.settle(world.services, world.person("ivan"), id_of(shown), status="failed", reason="no trace")
    assert done


async def test_what_the_bot_never_starts_lapses_when_it_expires(ahead: Ahead) -> None:
    world = ahead.world
    shown = await world.ask("look.slowly", parameters={"mode": "hold-long"})
    expires = (await world.row(shown)).expires_at
    await ahead.until(expires - 48 * HOUR)
    await world.say("dana", shown)
    await ahead.until(expires - MINUTE)
    assert (await world.look(shown))["status"] == "approved"
    await ahead.until(expires + MINUTE)
    assert (await world.until(shown, "lapsed"))["ended_why"] == "not-started"
    assert within((await ahead.entry(shown, "lapsed"))["at"], expires)
    with pytest.raises(NotOpenToThis):
        await act.grant(world.services, world.bot(), id_of(shown))


async def test_what_the_bot_starts_and_never_reports_lapses_after_its_window(ahead: Ahead) -> None:
    """The window of 72 h runs from the start; that the request's own time is over by then changes nothing."""
    world = ahead.world
    shown = await world.ask("look.slowly", parameters={"mode": "hold-long"})
    row = await world.row(shown)
    await world.say("dana", shown)
    await ahead.until(row.expires_at - HOUR)
    await act.grant(world.services, world.bot(), id_of(shown))
    started = datetime.fromisoformat((await ahead.entry(shown, "started"))["at"])
    await ahead.until(started + 72 * HOUR - MINUTE)
    assert (await world.look(shown))["status"] == "executing"
    await ahead.until(started + 72 * HOUR + MINUTE)
    assert (await world.until(shown, "lapsed"))["ended_why"] == "not-reported"
    assert within((await ahead.entry(shown, "lapsed"))["at"], started + 72 * HOUR)


async def test_the_sweeper_keeps_the_time_of_what_has_no_workflow(ahead: Ahead) -> None:
    """A read on the fast path, and a held request whose workflow Temporal has lost: both by the port's clock."""
    world = ahead.world
    body = {"action": "look.slowly", "parameters": {"thing": uuid.uuid4().hex}, "context": {}}
    fast = (await submit.submit(world.services, world.bot(), uuid.uuid4().hex, body)).view
    lost = await world.ask("do.three-days")
    await ahead.workflow(lost).terminate("lost")
    due = (await world.row(lost)).expires_at
    await ahead.until(due - MINUTE)
    await sweep(world.services, MINUTE)
    assert [(await world.look(shown))["status"] for shown in (fast, lost)] == ["executing", "held"]

    await ahead.until(due + 2 * MINUTE)
    await sweep(world.services, MINUTE)
    assert [(await world.look(shown))["status"] for shown in (fast, lost)] == ["lapsed", "expired"]
    with pytest.raises(Closed):
        await world.say("dana", lost)


async def test_a_rolling_figure_forgets_after_its_24_hours(ahead: Ahead) -> None:
    world, whose = ahead.world, f"customer:{uuid.uuid4().hex}"

    async def plan_of(amount: int) -> str:
        shown = await world.ask("do.moderate", on_behalf_of=whose, parameters={"amount": amount, "mode": "hold"})
        await world.say("dana", shown)
        return str((await world.look(shown))["plan"]["name"])

    first = await plan_of(900)
    await ahead.server.sleep(24 * HOUR - MINUTE)
    within_a_day = await plan_of(200)
    await ahead.server.sleep(2 * MINUTE)
    assert (first, await plan_of(700)) == ("one", "one")
    assert "two" in within_a_day
