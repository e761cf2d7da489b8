"""More attacks on the gate: races, windows, supersession, locks."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import outbox, requests
from app.db.session import DatabaseRefused
from app.domain.ask import Ask
from app.domain.errors import Closed, Forbidden, InterlockError, NotOpenToThis
from app.domain.outcome import Answer, Sent
from app.steps import act as steps_act
from app.steps.admit import admit
from app.steps.finish import finish
from app.steps.scene import scene
from app.steps.start import start
from app.steps.tick import tick
from app.use_cases import act, attempts, temporal, upkeep
from app.use_cases.views import View
from tests.steps.words import change, id_of, lost, sql, vote
from tests.world import World


async def test_nothing_personal_is_in_the_text_of_a_database_error(world: World) -> None:
    """The SDK logs a failed step with its causes; SQLAlchemy writes the values of a statement into its errors."""
    secret = f"customer:{uuid.uuid4().hex}"
    wrong = {
        "select 1 / 0, cast(:who as text)": "22012",
        "select cast(cast(:who as text) as uuid)": "22P02",
        "select cast(:who as uuid)": "22000",
        "insert into bot (id, stop_epoch) values (:who, null)": "23502",
    }
    for statement, state in wrong.items():
        with pytest.raises(DatabaseRefused, match=state) as caught:
            await sql(world, statement, who=secret)
        assert secret not in "".join(traceback.format_exception(caught.value))


async def test_fetching_the_same_grant_again_costs_no_update(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workflow takes 2,000 updates: a bot that polls for its grant would leave none for its outcome."""
    shown = await world.ask("look.up", parameters={"mode": "hold"})
    await world.say("dana", shown)
    sent, original = [], temporal.act

    async def counted(*args: Any) -> Any:
        sent.append(args)
        return await original(*args)

    monkeypatch.setattr(temporal, "act", counted)
    for _ in range(3):
        await act.grant(world.services, world.bot(), id_of(shown))
    assert len(sent) == 1


async def test_what_is_superseded_does_not_count_in_the_windows_of_what_replaces_it(world: World) -> None:
    who, amount = f"customer:{uuid.uuid4().hex}", {"amount": 600}
    old = await world.ask("do.moderate", on_behalf_of=who, parameters=amount)
    new = await world.ask("do.moderate", on_behalf_of=who, parameters=amount, supersedes=old["id"])
    assert (await world.look(old))["status"] == "cancelled"
    assert new["plan"]["name"] == "one"


async def test_an_admission_that_came_too_late_cancels_nothing(world: World) -> None:
    old = await world.ask("do.moderate")
    ask = Ask(
        "action",
        "bot",
        "bot",
        "bot-client",
        "do.moderate",
        {"thing": "late"},
        on_behalf_of="customer:carl",
        supersedes=old["id"],
    )
    assert (await admit(world.ctx, uuid.uuid4(), ask, waited=timedelta(seconds=61))).state.status == "expired"
    assert (await world.look(old))["status"] == "held"


async def test_an_ask_that_is_denied_cancels_nothing(world: World) -> None:
    old = await world.ask("do.moderate")
    new = await world.ask("do.moderate", parameters={"mode": "deny"}, supersedes=old["id"])
    assert new["status"] == "denied"
    assert (await world.look(old))["status"] == "held"


async def test_a_window_per_action_counts_that_action(world: World, rules: Path) -> None:
    await change(
        world, rules, "windows:\n", "windows:\n  - {name: each, action: do.*, per: [action, on_behalf_of], over: 24h}\n"
    )
    await change(world, rules, "rules:\n", "rules:\n  - {name: often, when: 'windows.each >= 1', hold: two}\n")
    who = f"customer:{uuid.uuid4().hex}"
    await world.ask("do.high", on_behalf_of=who)
    assert (await world.ask("do.moderate", on_behalf_of=who))["plan"]["name"] == "one"


async def test_two_that_supersede_under_one_conflict_key_do_not_deadlock(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    thing = uuid.uuid4().hex
    front, one, other = [await lost(world, "do.once", thing=thing) for _ in range(3)]
    for shown in (front, one, other):
        await vote(world, "dana", shown)
    await start(world.ctx, id_of(front), "one")
    both, original = asyncio.Barrier(2), outbox.write_marks

    async def together(session: AsyncSession) -> None:
        if len(session.info.get("marks", {})) > 1:
            await asyncio.wait_for(both.wait(), 20)
        await original(session)

    monkeypatch.setattr(outbox, "write_marks", together)

    async def again(old: View) -> None:
        ask = Ask(
            "action",
            "bot",
            "bot",
            "bot-client",
            "do.once",
            {"thing": thing},
            on_behalf_of="customer:carl",
            supersedes=old["id"],
        )
        await admit(world.ctx, uuid.uuid4(), ask, waited=timedelta(0))

    await asyncio.gather(again(one), again(other))


async def test_a_race_of_everybody_executes_at_most_once_and_never_after_a_no(world: World) -> None:
    """Holds: approve, deny, withdraw, cancel at once, many times over."""

    async def race(n: int) -> None:
        shown = await world.ask("do.moderate")
        deeds = [
            world.say("dana", shown, key="a"),
            world.say("dana", shown, key="a"),
            world.say("marco", shown, "deny"),
            world.say("dana", shown, "deny"),
            act.cancel(world.services, world.bot(), id_of(shown), None),
        ]
        await asyncio.gather(*(deeds[n % 5 :] + deeds[: n % 5]), return_exceptions=True)
        done = await world.until(shown, "succeeded", "denied", "cancelled")
        calls = world.desk.seen[shown["parameters"]["thing"]]
        noes = [made for made in done["decisions"] if made["decision"] == "deny" and made["standing"]]
        assert len(calls) == (1 if done["status"] == "succeeded" else 0)
        assert not (calls and noes)
        await world.entries(shown)

    for batch in range(4):
        await asyncio.gather(*(race(batch * 8 + n) for n in range(8)))
    stuck = await sql(
        world, "select id, status from request where status in ('held', 'approved', 'executing') and due_at is null"
    )
    assert stuck == []


async def test_who_signed_the_second_stage_is_not_the_first_after_a_void(world: World) -> None:
    """Holds: marco signs stage one, dana (of both groups) stage two, marco leaves; dana alone is not enough."""
    shown = await lost(world, "do.stages")
    await vote(world, "marco", shown)
    await vote(world, "dana", shown)
    await sql(world, "update person set active = false where id = 'marco'")
    try:
        await start(world.ctx, id_of(shown), "one")
        await vote(world, "dana", shown)
        assert (await world.look(shown))["status"] == "held"
        assert (await start(world.ctx, id_of(shown), "one")).go is None
    finally:
        await sql(world, "update person set active = true where id = 'marco'")


async def test_two_owners_of_a_run_never_both_send(world: World) -> None:
    """Holds: a zombie and its successor."""
    shown = await lost(world, "do.moderate", "allow")
    first, second = await asyncio.gather(start(world.ctx, id_of(shown), "a"), start(world.ctx, id_of(shown), "b"))
    assert [first.go is None, second.go is None].count(True) == 1
    owner = "a" if first.go else "b"
    await sql(
        world,
        "update execution_attempt set started_at = started_at - interval '1 minute' where request_id = :id",
        id=id_of(shown),
    )
    again = await asyncio.gather(*(start(world.ctx, id_of(shown), f"c{n}") for n in range(4)))
    assert [one.go is not None for one in again].count(True) == 1
    late = await finish(world.ctx, id_of(shown), 1, owner, Answer(Sent.SUCCEEDED, 200, {}, None))
    assert late.state.status == "executing"


async def test_expiry_beats_a_late_yes_and_a_late_start(world: World) -> None:
    """Holds."""
    shown = await lost(world, "do.moderate")
    await sql(world, "update request set expires_at = clock_timestamp() where id = :id", id=id_of(shown))
    with pytest.raises(Closed):
        await world.say("dana", shown)
    assert (await world.look(shown))["status"] == "expired"
    other = await lost(world, "do.moderate")
    await vote(world, "dana", other)
    await sql(world, "update request set expires_at = clock_timestamp() where id = :id", id=id_of(other))
    assert (await start(world.ctx, id_of(other), "one")).go is None
    assert (await world.look(other))["ended_why"] in ("digest-differs", "expires-at-passed")


async def test_nothing_is_sent_under_a_stop(world: World) -> None:
    """Holds: in each state, by each step."""
    held, approved = await lost(world, "do.moderate"), await lost(world, "do.moderate", "allow")
    await sql(world, "update bot set stop_epoch = stop_epoch + 1 where id = 'bot'")
    assert (await start(world.ctx, id_of(approved), "one")).go is None
    await tick(world.ctx, id_of(held))
    assert {(await world.look(one))["status"] for one in (held, approved)} == {"revoked"}
    with pytest.raises((Closed, NotOpenToThis)):
        await world.say("dana", held)


async def test_a_retry_of_finish_whose_first_answer_was_lost_goes_on(world: World) -> None:
    """Holds."""
    shown = await lost(world, "do.moderate", "allow")
    await start(world.ctx, id_of(shown), "one")
    for _ in range(2):
        step = await finish(world.ctx, id_of(shown), 1, "one", Answer(Sent.NOT_SENT, None, None, {"status": None}))
    assert step.state.status == "executing"
    assert (await start(world.ctx, id_of(shown), "two")).go is not None


async def test_a_settlement_that_differs_says_where_the_request_stands(world: World) -> None:
    shown = await lost(world, "do.grave")
    await vote(world, "dana", shown)
    await start(world.ctx, id_of(shown), "one")
    await finish(world.ctx, id_of(shown), 1, "one", Answer(Sent.UNCERTAIN, 503, None, {"status": 503, "body": None}))
    await sql(
        world,
        "update execution_attempt set started_at = started_at - interval '2 minutes' where request_id = :id",
        id=id_of(shown),
    )
    await act.settle(world.services, world.person("ivan"), id_of(shown), status="failed", reason="x")
    with pytest.raises(InterlockError) as caught:
        await act.settle(world.services, world.person("nora"), id_of(shown), status="succeeded", reason="x")
    assert getattr(caught.value, "status", None) == "unknown"


async def test_who_comes_after_a_stage_ran_out_is_judged_by_the_escalated_stage(world: World) -> None:
    """Its clock was not looked at: nobody has ticked it yet, and the manager is refused, on the ledger, for nothing."""
    shown = await lost(world, "do.escalating")
    await sql(
        world,
        """update request set plan = jsonb_set(plan, '{stages,0,closes_at}',
              to_jsonb('2020-01-01T00:00:00.000000Z'::text)) where id = :id""",
        id=id_of(shown),
    )
    assert (await world.say("greta", shown))["plan"]["stages"][0]["approvals"] == 1


async def test_a_cancel_is_judged_again_where_it_is_recorded(world: World, rules: Path) -> None:
    shown = await lost(world, "do.moderate")
    async with scene(world.ctx, id_of(shown)) as found:
        attempt = attempts.build(found, world.person("olivia"), "cancel", None, {"reason": None})
        await requests.store_attempt(found.session, attempt)
    await change(world, rules, "owners: &owners {business: olivia", "owners: &owners {business: zoe")
    await steps_act.cancel(world.ctx, id_of(shown), attempt.id)
    assert (await world.look(shown))["status"] == "held"


async def test_who_may_no_longer_cancel_is_told_so(world: World, rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The role goes between the judging and the recording: it said 200, and the request was still held."""
    shown, original = await world.ask("do.moderate"), attempts.send

    async def after_the_change(*args: Any, **kwargs: Any) -> None:
        await change(world, rules, "owners: &owners {business: olivia", "owners: &owners {business: zoe")
        await original(*args, **kwargs)

    monkeypatch.setattr(attempts, "send", after_the_change)
    with pytest.raises(Forbidden):
        await act.cancel(world.services, world.person("olivia"), id_of(shown), "no longer needed")
    assert (await world.look(shown))["status"] == "held"


async def test_a_row_that_nothing_can_be_done_for_does_not_starve_the_sweeper(
    world: World, rules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot_runs = "    parameters: *thing\n    run: {bot: {target: desk, start_within: 10m}}"
    await change(world, rules, bot_runs, bot_runs.replace("    run", "    conflict_key: parameters.thing\n    run"))
    thing = uuid.uuid4().hex
    await world.ask("look.up", thing=thing)
    blocked = await world.ask("look.up", thing=thing)
    assert (blocked["status"], (await world.row(blocked)).has_workflow) == ("approved", False)
    overdue = await lost(world, "do.brief")
    for shown, year in ((blocked, "2000"), (overdue, "2001")):
        await sql(
            world,
            "update request set due_at = cast(:at as timestamptz) where id = :id",
            at=datetime(int(year), 1, 1, tzinfo=UTC),
            id=id_of(shown),
        )
    await sql(world, "update request set expires_at = '2001-01-01' where id = :id", id=id_of(overdue))
    monkeypatch.setattr(upkeep, "SWEEP_AT_ONCE", 1)
    for _ in range(3):
        await upkeep.sweep(world.services, timedelta(seconds=60))
    assert (await world.look(overdue))["status"] == "expired"


async def test_a_slow_temporal_does_not_hold_up_the_expiry_of_other_rows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await lost(world, "do.brief"), await lost(world, "do.brief")
    for shown, year in ((one, 1990), (other, 1991)):
        await sql(
            world,
            "update request set due_at = :at, expires_at = '2001-01-01' where id = :id",
            at=datetime(year, 1, 1, tzinfo=UTC),
            id=id_of(shown),
        )

    async def nudge(_services: Any, _request_id: uuid.UUID) -> None:
        await world.until(other, "expired", seconds=2)

    monkeypatch.setattr(temporal, "nudge", nudge)
    with contextlib.suppress(TimeoutError):
        await upkeep.sweep(world.services, timedelta(seconds=60))
    assert (await world.look(other))["status"] == "expired"


@pytest.mark.parametrize("status", ["succeeded", "denied", "cancelled", "unknown", "held"])
async def test_a_takeover_of_any_state_ends_or_waits(world: World, status: str) -> None:
    """Holds."""
    shown = await lost(world, "do.two")
    await sql(world, "update request set status = :status where id = :id", status=status, id=id_of(shown))
    await temporal.take_over(world.services, id_of(shown))
    assert (await world.look(shown))["status"] == status
    assert world.desk.seen[shown["parameters"]["thing"]] == []


async def test_the_api_does_not_break_on_a_late_cancel(world: World) -> None:
    """Holds: a cancel against a running call is `closed`."""
    thing = uuid.uuid4().hex
    world.desk.script(thing, 0)
    shown = await world.ask("do.moderate", thing=thing)
    await world.say("dana", shown)
    await world.desk.called(thing)
    with pytest.raises(Closed):
        await act.cancel(world.services, world.bot(), id_of(shown), None)
    world.desk.release(thing)
    await world.until(shown, "succeeded")
    assert len(world.desk.seen[thing]) == 1
