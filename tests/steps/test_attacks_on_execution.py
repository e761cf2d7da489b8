"""Attacks on execution, takeover and the fast path: each test states what must hold."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import Conflict, InterlockError, NotOpenToThis
from app.domain.outcome import Answer, Sent
from app.steps.finish import finish
from app.steps.start import start
from app.steps.tick import tick
from app.use_cases import act, submit, temporal
from tests.steps.words import NOT_SENT, SAID_503, change, id_of, lost, sql, vote
from tests.world import World


async def test_what_may_have_happened_is_not_failed_because_later_tries_were_not_sent(world: World) -> None:
    shown = await lost(world, "do.moderate", "allow")
    await start(world.ctx, id_of(shown), "one")
    await finish(world.ctx, id_of(shown), 1, "one", SAID_503)
    await sql(world, "update execution_attempt set started_at = started_at - interval '1 minute'")
    for n in (2, 3):
        assert (await start(world.ctx, id_of(shown), "one")).go is not None
        await finish(world.ctx, id_of(shown), n, "one", NOT_SENT)
    assert (await world.look(shown))["status"] == "unknown"


async def test_a_refusal_of_the_second_try_says_nothing_of_the_first(world: World) -> None:
    """401: say, the grant of the second try was not taken. The first try may have acted all the same."""
    shown = await lost(world, "do.moderate", "allow")
    await start(world.ctx, id_of(shown), "one")
    await finish(world.ctx, id_of(shown), 1, "one", SAID_503)
    await sql(world, "update execution_attempt set started_at = started_at - interval '1 minute'")
    await start(world.ctx, id_of(shown), "one")
    await finish(world.ctx, id_of(shown), 2, "one", Answer(Sent.FAILED, 401, None, {"status": 401, "body": None}))
    assert (await world.look(shown))["status"] == "unknown"


async def test_nothing_is_sent_for_the_first_time_after_expires_at(world: World) -> None:
    shown = await lost(world, "do.moderate", "allow")
    await start(world.ctx, id_of(shown), "one")
    await finish(world.ctx, id_of(shown), 1, "one", NOT_SENT)
    await sql(world, "update request set expires_at = clock_timestamp() where id = :id", id=id_of(shown))
    assert (await start(world.ctx, id_of(shown), "one")).go is None


async def test_what_is_sent_again_is_still_what_was_approved(world: World) -> None:
    shown = await lost(world, "do.moderate", "allow")
    await start(world.ctx, id_of(shown), "one")
    await finish(world.ctx, id_of(shown), 1, "one", NOT_SENT)
    await sql(
        world, "update request set parameters = replace(parameters, 'allow', 'other') where id = :id", id=id_of(shown)
    )
    assert (await start(world.ctx, id_of(shown), "one")).go is None


async def test_a_stop_between_two_tries_ends_it(world: World) -> None:
    shown = await lost(world, "do.moderate", "allow")
    await start(world.ctx, id_of(shown), "one")
    await finish(world.ctx, id_of(shown), 1, "one", NOT_SENT)
    await sql(world, "update bot set stop_epoch = stop_epoch + 1 where id = 'bot'")
    assert (await start(world.ctx, id_of(shown), "one")).go is None
    assert (await world.look(shown))["status"] == "failed"


@pytest.fixture
def slow_takeover(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """The new workflow is quicker than whoever started it."""
    original = temporal.take_over

    async def take_over(services: Any, request_id: uuid.UUID) -> None:
        await original(services, request_id)
        await world.until({"id": str(request_id)}, "succeeded", "failed", "cancelled", "denied")

    monkeypatch.setattr(temporal, "take_over", take_over)


@pytest.mark.usefixtures("slow_takeover")
async def test_cancelling_an_approved_row_that_lost_its_workflow_does_not_execute_it(world: World) -> None:
    shown = await lost(world, "do.moderate", "allow")
    with suppress(Exception):
        await act.cancel(world.services, world.bot(), id_of(shown), "changed their mind")
    assert world.desk.seen[shown["parameters"]["thing"]] == []
    assert (await world.look(shown))["status"] == "cancelled"


async def test_cancelling_an_approved_row_that_lost_its_workflow_wins_the_race_it_starts(world: World) -> None:
    for _ in range(5):
        shown = await lost(world, "do.moderate", "allow")
        with suppress(InterlockError):
            await act.cancel(world.services, world.bot(), id_of(shown), "changed their mind")
        assert (await world.look(shown))["status"] == "cancelled"


@pytest.mark.usefixtures("slow_takeover")
async def test_a_cancel_of_what_nobody_looks_after_counts_at_once(world: World) -> None:
    shown = await lost(world, "do.moderate", "allow")
    assert (await act.cancel(world.services, world.bot(), id_of(shown), None))["status"] == "cancelled"
    assert world.desk.seen[shown["parameters"]["thing"]] == []


@pytest.mark.usefixtures("slow_takeover")
async def test_a_withdrawal_on_a_lost_workflow_does_not_execute(world: World) -> None:
    shown = await lost(world, "do.moderate")
    await vote(world, "dana", shown)
    assert (await world.look(shown))["status"] == "approved"
    with suppress(Exception):
        await world.say("dana", shown, "deny")
    assert world.desk.seen[shown["parameters"]["thing"]] == []
    assert (await world.look(shown))["status"] == "denied"


async def test_the_same_fast_ask_at_once_is_one_request(world: World) -> None:
    key, thing = uuid.uuid4().hex, uuid.uuid4().hex
    body = {"action": "look.up", "parameters": {"thing": thing}, "context": {}}
    answers = await asyncio.gather(
        *(submit.submit(world.services, world.bot(), key, body) for _ in range(6)), return_exceptions=True
    )
    assert [answer for answer in answers if isinstance(answer, BaseException)] == []


async def test_a_stopped_bot_is_handed_no_grant_again(world: World) -> None:
    shown = await world.ask("look.up")
    await sql(world, "update bot set stop_epoch = stop_epoch + 1, suspended_at = clock_timestamp() where id = 'bot'")
    try:
        with pytest.raises(InterlockError):
            await act.grant(world.services, world.bot(), id_of(shown))
    finally:
        await sql(world, "update bot set suspended_at = null where id = 'bot'")


async def test_another_outcome_of_the_same_status_is_another_outcome(world: World) -> None:
    shown = await world.ask("look.up")
    report: dict[str, Any] = {"status": "succeeded", "detail": None}
    await act.report(world.services, world.bot(), id_of(shown), **report, result={"found": 1})
    with pytest.raises(Conflict):
        await act.report(world.services, world.bot(), id_of(shown), **report, result={"found": 2})


WINDOW_OVER = 'update request set execution = execution || \'{"window_ends": "2001-01-01T00:00:00Z"}\' where id = :id'


async def test_an_outcome_that_comes_after_the_lapse_leaves_an_entry(world: World) -> None:
    shown = await world.ask("look.briefly", on_behalf_of=None)
    await sql(world, WINDOW_OVER, id=id_of(shown))
    await tick(world.ctx, id_of(shown))
    assert (await world.look(shown))["status"] == "lapsed"
    before = await world.kinds(shown)
    with pytest.raises(NotOpenToThis):
        await act.report(world.services, world.bot(), id_of(shown), status="succeeded", detail=None, result={"n": 1})
    assert len(await world.kinds(shown)) > len(before)


async def test_the_execution_of_a_lapsed_read_is_not_shown_as_going_on(world: World) -> None:
    shown = await world.ask("look.briefly", on_behalf_of=None)
    await sql(world, WINDOW_OVER, id=id_of(shown))
    await tick(world.ctx, id_of(shown))
    assert (await world.look(shown))["execution"]["status"] != "executing"


async def test_a_blocked_start_of_the_bot_is_not_looked_at_every_second(world: World, rules: Path) -> None:
    """Its conflict key is taken: once a minute has gone by, the workflow ticks once a second until expiry."""
    await change(
        world,
        rules,
        "    parameters: *thing\n    run: {bot: {target: desk, start_within: 10m}}",
        "    parameters: *thing\n    conflict_key: parameters.thing\n    run: {bot: {target: desk, start_within: 10m}}",
    )
    thing = uuid.uuid4().hex
    front = await world.ask("look.up", thing=thing)
    assert front["status"] == "executing"
    shown = await world.ask("look.up", thing=thing, parameters={"mode": "hold"})
    await world.say("dana", shown)
    with pytest.raises(NotOpenToThis):
        await act.grant(world.services, world.bot(), id_of(shown))
    await sql(
        world, "update request set due_at = clock_timestamp() - interval '1 second' where id = :id", id=id_of(shown)
    )
    state = await tick(world.ctx, id_of(shown))
    assert (state.status, state.blocked) == ("approved", True)
    assert state.due_in is not None
    assert state.due_in > 1
