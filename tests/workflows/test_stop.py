"""The stop switch: at once, for everything of the bot that has not started; and the way back is a signed request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.db import ledger
from app.domain.errors import Forbidden, NotFound, NotOpenToThis
from app.domain.ledger import verify_stream
from app.use_cases.upkeep import record_stops
from tests.world import World


async def stream(world: World, name: str) -> list[dict[str, Any]]:
    """The bodies of a stream's entries, after checking that it is whole."""
    async with world.ctx.database.transaction() as session:
        stored = await ledger.read(session, name)
    assert verify_stream(name, stored) == []
    return [json.loads(entry.body) for entry in stored]


async def let_go_on(world: World, bot: str | None = "bot") -> None:
    """The signed way back."""
    request = await world.resume("ivan", bot)
    assert (request["kind"], request["status"], request["execution"]) == ("governance", "held", None)
    await world.say("ada", request)
    await world.until(request, "succeeded")


async def test_what_is_open_reads_revoked_at_once_and_is_recorded_so(world: World) -> None:
    held = await world.ask("do.moderate")
    answer = await world.suspend(reason="It runs amok")
    assert answer["in_flight"] == []
    shown = await world.look(held)
    assert (shown["status"], shown["ended_why"], shown["ended_reason"]) == ("revoked", "stopped", "It runs amok")
    assert (await world.row(held)).status == "held"
    assert await record_stops(world.services) == 1
    recorded = await world.look(held)
    assert recorded == {**shown, "updated_at": recorded["updated_at"]}
    assert (await world.entries(held))[-1]["kind"] == "revoked"
    denied = await world.ask("do.moderate")
    assert (denied["status"], denied["verdict"]["code"]) == ("denied", "bot-suspended")
    other = await world.ask("do.moderate", bot="other-bot")
    assert other["status"] == "held"
    await let_go_on(world)
    assert (await world.look(held))["status"] == "revoked"
    assert (await world.ask("do.moderate"))["status"] == "held"


async def test_what_is_in_flight_is_listed_and_its_outcome_is_recorded(world: World) -> None:
    flying = await world.occupied("flying", "do.slowly")
    answer = await world.suspend("sam")
    assert [(one["request_id"], one["attempt"], one["action"]) for one in answer["in_flight"]] == [
        (flying["id"], 1, "do.slowly")
    ]
    world.desk.release("flying")
    await world.until(flying, "succeeded")
    again = await world.suspend("nora")
    assert again == {"suspended_at": answer["suspended_at"], "in_flight": []}
    await let_go_on(world)


async def test_a_rollback_runs_although_the_bot_is_suspended(world: World) -> None:
    shown = await world.ask("do.high")
    await world.say("dana", shown)
    original = await world.until(shown, "succeeded")
    await world.suspend()
    rollback = await world.roll_back("ivan", original)
    await world.say("rita", rollback)
    await world.until(rollback, "succeeded")
    await let_go_on(world)


@pytest.mark.parametrize("who", ["tom", "olivia", "ada", "sam"])
async def test_who_deployed_owns_or_asked_does_not_let_it_go_on(world: World, who: str) -> None:
    await world.suspend()
    asker = "sam" if who == "sam" else "ada"
    request = await world.resume(asker)
    with pytest.raises(Forbidden) as error:
        await world.say(who, request)
    assert "governance-change" in {violation.invariant for violation in error.value.violations}
    await world.say("ben", request)
    ended = await world.until(request, "succeeded")
    assert ended["execution"]["result"] == {"resumed": "bot"}
    kinds = [entry["kind"] for entry in await stream(world, "bot:bot")]
    assert kinds[-2:] == ["suspended", "resumed"]


async def test_a_stop_pressed_again_voids_what_would_undo_it(world: World) -> None:
    await world.suspend()
    request = await world.resume("ivan")
    await world.suspend("nora")
    await world.say("ada", request)
    ended = await world.until(request, "revoked")
    assert ended["ended_why"] == "stopped-again"
    await let_go_on(world)


@pytest.mark.aisvs("9.1.3")
async def test_the_whole_installation(world: World) -> None:
    mine, other = await world.ask("do.moderate"), await world.ask("do.moderate", bot="other-bot")
    await world.suspend(bot=None)
    assert {(await world.look(one))["status"] for one in (mine, other)} == {"revoked"}
    await let_go_on(world, None)
    assert (await world.ask("do.moderate"))["status"] == "held"


async def test_who_may_not(world: World) -> None:
    for who in ("dana", "olivia", "tom", "ada"):
        with pytest.raises(Forbidden):
            await world.suspend(who)
    with pytest.raises(NotFound):
        await world.suspend(bot="nobody")
    with pytest.raises(NotOpenToThis):
        await world.resume("ivan")
