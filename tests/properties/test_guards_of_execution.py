"""Each guard from the yes to the outcome once, on the database alone."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.db import requests
from app.domain.errors import Forbidden
from app.domain.outcome import Answer, Sent
from app.domain.states import Status
from app.steps import act as steps_act
from app.steps.finish import finish
from app.steps.scene import IllegalMove, scene
from app.steps.start import start
from app.steps.tick import tick
from app.use_cases import act, attempts
from tests.properties.quiet import Later, approved, cancel, decided, later, leave, starts, status, tried
from tests.steps.words import NOT_SENT, SAID_503, change, id_of, lost, sql, vote
from tests.world import World

pytestmark = pytest.mark.usefixtures("as_before")

SUCCEEDED = Answer(Sent.SUCCEEDED, 200, {}, None)
RULE = "  - {name: allowed,"
BUT_ONE = (
    "do.high, do.once, do.grave, do.fleeting, do.slowly, do.two, do.stages, do.brief, do.escalating, do.pair, "
    "do.dead-end, 'look.*'"
)
"""What the bot is entitled to, but for do.moderate."""


async def test_no_start_past_the_expiry(world: World) -> None:
    shown = await approved(world)
    later = replace(world.ctx, clock=Later(timedelta(hours=5)))
    assert (await start(later, id_of(shown), "one")).go is None
    assert await status(world, shown) == "lapsed"


async def test_a_hold_ends_at_its_expiry(world: World) -> None:
    shown = await lost(world, "do.pair")
    await tick(replace(world.ctx, clock=Later(timedelta(hours=5))), id_of(shown))
    assert await status(world, shown) == "expired"


async def test_what_runs_is_what_was_signed(world: World) -> None:
    shown = await approved(world)
    await sql(world, "update request set nonce = 'forged' where id = :id", id=id_of(shown))
    assert not await starts(world, shown)
    assert await status(world, shown) == "revoked"


@pytest.mark.parametrize(
    ("why", "old", "new"),
    [
        ("action-changed", "title: Something moderate", "title: Something else"),
        ("not-entitled", 'entitlements: ["do.*", "look.*"]', f"entitlements: [{BUT_ONE}]"),
        ("policy-stricter", RULE, "  - {name: no, when: 'action.name == \"do.moderate\"', deny: No more}\n" + RULE),
    ],
)
async def test_the_ground_has_gone(world: World, rules_copy: Path, why: str, old: str, new: str) -> None:
    shown = await approved(world)
    await change(world, rules_copy, old, new)
    assert not await starts(world, shown)
    ended = await world.look(shown)
    assert (ended["status"], ended["ended_why"]) == ("revoked", why)


async def test_newer_rules_want_more_people(world: World, rules_copy: Path) -> None:
    shown = await approved(world)
    await change(
        world, rules_copy, RULE, "  - {name: more, when: 'action.name == \"do.moderate\"', hold: two}\n" + RULE
    )
    assert not await starts(world, shown)
    assert await status(world, shown) == "held"


async def test_newer_rules_that_add_a_stage_let_nobody_in_elsewhere(world: World, rules_copy: Path) -> None:
    shown = await approved(world)
    await change(world, rules_copy, "members: [dana, marco,", "members: [fiona, dana, marco,", "people.yaml")
    await change(
        world, rules_copy, RULE, "  - {name: more, when: 'action.name == \"do.moderate\"', hold: two}\n" + RULE
    )
    await starts(world, shown)
    assert await decided(world, "fiona", shown) == "refused"


async def test_newer_rules_that_let_people_repeat_lift_nothing_that_was_asked_before(
    world: World, rules_copy: Path
) -> None:
    """At admission two distinct persons were to sign; newer rules add a stage, and would let one sign them all."""
    shown = await approved(world, "do.stages", ("marco", "dana"))
    stages = "{group: leads}, {group: finance}, {group: managers}"
    plan = f"plans:\n  laxer: {{stages: [{stages}], expires: 4h, allow_repeat: true}}\n"
    await change(world, rules_copy, "plans:\n", plan)
    newer = "  - {name: newer, when: 'action.name == \"do.stages\"', hold: laxer}\n"
    await change(world, rules_copy, RULE, newer + RULE)
    assert not await starts(world, shown)
    await decided(world, "greta", shown)
    assert await status(world, shown) == "approved"
    await leave(world, "marco")
    assert not await starts(world, shown)
    await decided(world, "dana", shown)
    assert not await starts(world, shown), "dana alone has signed what two had to sign"


async def test_a_vote_of_who_left_is_void_at_the_start(world: World) -> None:
    shown = await approved(world)
    await leave(world, "dana")
    assert not await starts(world, shown)
    assert await status(world, shown) == "held"
    standing = "select count(*) from decision where request_id = :id and standing"
    assert (await sql(world, standing, id=id_of(shown)))[0][0] == 0


async def test_a_void_vote_does_not_come_back(world: World) -> None:
    """Dana's vote was void; she is back, and it takes a new yes of hers."""
    shown = await approved(world)
    await leave(world, "dana")
    assert not await starts(world, shown)
    await sql(world, "update person set active = true")
    await tick(world.ctx, id_of(shown))
    assert await status(world, shown) == "held"
    assert await decided(world, "dana", shown) == "record"
    assert await starts(world, shown)


async def test_who_became_the_payee_does_not_count_at_the_start(world: World, rules_copy: Path) -> None:
    shown = await approved(world, payee="customer:late")
    await change(
        world,
        rules_copy,
        "{id: dana, name: Dana,",
        '{id: dana, name: Dana, subjects: ["customer:late"],',
        "people.yaml",
    )
    assert not await starts(world, shown)


async def test_nothing_starts_from_a_hold(world: World) -> None:
    shown = await lost(world, "do.moderate")
    assert not await starts(world, shown)
    assert await status(world, shown) == "held"


async def test_one_person_does_not_sign_both_stages_after_a_void(world: World) -> None:
    """Marco signs the first stage, dana, who is of both groups, the second; marco leaves, and dana signs the first."""
    shown = await approved(world, "do.stages", ("marco", "dana"))
    await leave(world, "marco")
    assert not await starts(world, shown)
    await vote(world, "dana", shown)
    assert await status(world, shown) == "held"
    assert not await starts(world, shown)


@pytest.mark.parametrize("how", ["epoch", "suspended"])
async def test_nothing_starts_after_a_stop(world: World, how: str) -> None:
    shown = await approved(world)
    stop = {"epoch": "stop_epoch = stop_epoch + 1", "suspended": "suspended_at = clock_timestamp()"}[how]
    await sql(world, f"update bot set {stop} where id = 'bot'")  # noqa: S608  constants of this test
    assert not await starts(world, shown)
    assert await status(world, shown) == "revoked"


async def test_one_at_a_time_under_a_conflict_key(world: World) -> None:
    thing = uuid.uuid4().hex
    front, shown = [await approved(world, "do.once", thing=thing) for _ in range(2)]
    assert await starts(world, front)
    turn = await start(world.ctx, id_of(shown), "one")
    assert (turn.go, turn.state.blocked) == (None, True)


async def test_who_was_approved_as_the_key_was_freed_does_not_wait_for_a_minute(world: World) -> None:
    """Whoever freed it may not have seen them: they look once more after seconds, and then as rarely as others."""
    thing = uuid.uuid4().hex
    assert await starts(world, await approved(world, "do.once", thing=thing))
    shown = await approved(world, "do.once", thing=thing)
    looks = [await start(later(world, timedelta(seconds=s)), id_of(shown), "one") for s in (0, 10, 600)]
    assert [round(turn.state.due_in or 0, -1) for turn in looks[1:]] == [60, 300]
    assert 5 <= (looks[0].state.due_in or 0) <= 6


async def test_what_the_bot_runs_is_checked_again_as_well(world: World) -> None:
    shown = await approved(world, "look.up", mode="hold")
    await leave(world, "dana")
    async with scene(world.ctx, id_of(shown)) as found:
        attempt = await requests.store_attempt(found.session, attempts.build(found, world.bot(), "begin", None, {}))
    await steps_act.begin(world.ctx, id_of(shown), attempt.id)
    assert await status(world, shown) == "held"


async def test_a_move_that_the_table_does_not_have_is_none(world: World) -> None:
    shown = await lost(world, "do.moderate")
    with pytest.raises(IllegalMove):
        async with scene(world.ctx, id_of(shown)) as found:
            found.become(Status.EXECUTING)


async def test_an_outcome_is_taken_from_the_owner_of_the_attempt_once(world: World) -> None:
    shown = await tried(world, None)
    await finish(world.ctx, id_of(shown), 1, "somebody else", SUCCEEDED)
    assert await status(world, shown) == "executing"
    await finish(world.ctx, id_of(shown), 1, "one", SUCCEEDED)
    await finish(world.ctx, id_of(shown), 1, "one", Answer(Sent.FAILED, 409, None, {"status": 409, "body": None}))
    assert await status(world, shown) == "succeeded"


async def test_nothing_is_sent_again_while_it_may_be_on_its_way(world: World) -> None:
    turn = await start(world.ctx, id_of(await tried(world, None)), "two")
    assert turn.go is None
    assert turn.wait is not None


async def test_what_must_not_be_repeated_is_not(world: World) -> None:
    shown = await tried(world, SAID_503, "do.once")
    assert await status(world, shown) == "unknown"
    other = await tried(world, None, "do.once")
    later = replace(world.ctx, clock=Later(timedelta(minutes=1)))
    assert (await start(later, id_of(other), "two")).go is None
    assert await status(world, other) == "unknown"


@pytest.mark.parametrize("how", ["stop", "expiry", "forged"])
async def test_a_further_try_is_checked_as_well(world: World, how: str) -> None:
    shown, ctx = await tried(world, NOT_SENT), world.ctx
    if how == "stop":
        await sql(world, "update bot set stop_epoch = stop_epoch + 1 where id = 'bot'")
    elif how == "forged":
        await sql(world, "update request set nonce = 'forged' where id = :id", id=id_of(shown))
    else:
        ctx = replace(ctx, clock=Later(timedelta(hours=5)))
    assert (await start(ctx, id_of(shown), "two")).go is None
    assert await status(world, shown) == "failed"


async def test_what_has_started_is_not_cancelled(world: World) -> None:
    shown = await tried(world, None)
    await cancel(world, world.bot(), shown)
    assert await status(world, shown) == "executing"


async def test_a_cancel_is_of_who_may(world: World) -> None:
    shown = await lost(world, "do.moderate")
    await cancel(world, world.person("fiona"), shown)
    assert await status(world, shown) == "held"


async def test_an_unknown_outcome_of_high_risk_is_settled_by_two(world: World) -> None:
    shown = await tried(world, SAID_503, "do.grave")
    ago = "update execution_attempt set started_at = started_at - interval '2 minutes' where request_id = :id"
    await sql(world, ago, id=id_of(shown))
    words = {"status": "failed", "reason": "looked"}
    assert not (await act.settle(world.services, world.person("ivan"), id_of(shown), **words))[1]
    assert not (await act.settle(world.services, world.person("ivan"), id_of(shown), **words))[1]
    assert (await act.settle(world.services, world.person("nora"), id_of(shown), **words))[1]


async def test_whoever_approved_does_not_settle(world: World, rules_copy: Path) -> None:
    await change(world, rules_copy, "members: [ivan, nora]", "members: [ivan, nora, dana]", "people.yaml")
    shown = await tried(world, SAID_503, "do.grave")
    with pytest.raises(Forbidden):
        await act.settle(world.services, world.person("dana"), id_of(shown), status="failed", reason="looked")
