"""Each guard of the stop switch once, on the database alone: what a stop ends, who throws it, and the way back."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.ask import Ask
from app.domain.errors import Forbidden, NotFound, NotOpenToThis, UnknownAction
from app.governance.built_in import RESUME_BOT, RESUME_INSTALLATION
from app.steps.start import start
from app.steps.tick import tick
from app.use_cases import changes, read, stop, submit
from app.use_cases.governance import install
from app.use_cases.read import Filters
from app.use_cases.upkeep import record_stops
from app.use_cases.views import View
from tests.properties.quiet import approved, decided, refused, signed, starts, status
from tests.steps.words import admitted, change, id_of, lost, resumption, sql
from tests.world import RULES, World

pytestmark = pytest.mark.usefixtures("as_before")

EITHER = pytest.mark.parametrize("bot", ["bot", None], ids=["a bot", "all"])
RULE = "  - {name: allowed,"


async def thrown(world: World, bot: str | None = "bot", who: str = "ivan") -> View:
    """The switch, thrown by somebody who may."""
    return await stop.suspend(world.services, world.person(who), bot, "It runs amok")


async def suspended(world: World, bot: str | None = "bot") -> bool:
    """Whether it is."""
    table = "installation" if bot is None else "bot"
    where = "" if bot is None else f"where id = '{bot}'"
    return (await sql(world, f"select suspended_at from {table} {where}"))[0][0] is not None  # noqa: S608  of this test


async def why(world: World, shown: View) -> tuple[str, str | None]:
    """How it ended, as its row says."""
    row = await world.row(shown)
    return row.status, row.ended_why


async def gone_on(world: World, bot: str | None = "bot") -> View:
    """The signed way back."""
    request = await resumption(world, "ivan", bot)
    await signed(world, "ada", request)
    assert not await starts(world, request), "there is nothing to call"
    assert await status(world, request) == "succeeded"
    return request


# What a stop ends.


@EITHER
async def test_what_was_open_is_revoked_and_stays_so(world: World, bot: str | None) -> None:
    """Held or approved: a resumption brings back nothing that was asked for before it."""
    held, ready = await lost(world, "do.moderate"), await approved(world)
    await thrown(world, bot)
    assert (await lost(world, "do.moderate"))["verdict"]["code"] == "bot-suspended"
    await gone_on(world, bot)
    assert not await starts(world, ready)
    await tick(world.ctx, id_of(held))
    assert [await why(world, one) for one in (held, ready)] == [("revoked", "stopped")] * 2
    assert await starts(world, await approved(world))


async def test_it_reads_revoked_before_that_is_recorded(world: World) -> None:
    held = await lost(world, "do.moderate")
    await thrown(world)
    assert await status(world, held) == "held"
    shown = await world.look(held)
    ended = {"status": "revoked", "ended_why": "stopped", "ended_reason": "It runs amok", "may_decide": []}
    assert {what: shown[what] for what in ended} == ended
    listed = {"revoked": True, "held": False}
    for word, there in listed.items():
        page = await read.listing(world.services, world.person("anya"), Filters((word,)), cursor=None, limit=100)
        assert (held["id"] in {item["id"] for item in page["items"]}) is there


async def test_what_a_stop_has_ended_is_recorded_without_anybody_looking(world: World) -> None:
    held = await lost(world, "do.moderate")
    await thrown(world)
    assert await record_stops(world.services) >= 1
    assert await why(world, held) == ("revoked", "stopped")
    assert await record_stops(world.services) == 0
    assert (await world.entries(held))[-1]["kind"] == "revoked"


async def test_what_a_stop_has_revoked_is_not_superseded(world: World) -> None:
    """Though the bot goes on, and nobody has recorded it yet."""
    held = await lost(world, "do.moderate")
    await thrown(world)
    await gone_on(world)
    instead = Ask("action", "bot", "bot", "bot-client", "do.moderate", {"thing": "t"}, supersedes=held["id"])
    assert (await admitted(world, instead))["status"] == "held"
    assert await why(world, held) == ("revoked", "stopped")


async def test_a_stop_of_one_bot_is_none_of_another(world: World) -> None:
    ready = await approved(world)
    await thrown(world, "other-bot")
    assert await starts(world, ready)


async def test_nobody_decides_on_what_was_stopped(world: World) -> None:
    held = await lost(world, "do.moderate")
    await thrown(world)
    assert await decided(world, "dana", held) in ("closed", "refused")
    assert await why(world, held) == ("revoked", "stopped")


async def test_what_has_started_is_listed_and_goes_on(world: World) -> None:
    flying = await approved(world)
    assert await starts(world, flying)
    answer = await thrown(world)
    assert flying["id"] in {one["request_id"] for one in answer["in_flight"]}
    assert await status(world, flying) == "executing"


# Who throws it.


@EITHER
async def test_responders_and_security_seats_throw_it_and_nobody_else(world: World, bot: str | None) -> None:
    for who in ("dana", "olivia", "tom", "ada", "anya", "zoe", "rita"):
        with pytest.raises(Forbidden):
            await thrown(world, bot, who)
    assert not await suspended(world, bot)
    for who in ("ivan", "nora", "sam"):
        await thrown(world, bot, who)
    assert await suspended(world, bot)


async def test_no_bot_throws_it_and_there_must_be_such_a_bot(world: World) -> None:
    with pytest.raises(Forbidden):
        await stop.suspend(world.services, world.bot(), "bot", "It runs amok")
    with pytest.raises(NotFound):
        await thrown(world, "nobody")
    with pytest.raises(NotFound):
        await stop.suspend_in_emergency(world.ctx.database, "nobody", "It runs amok", "os:root@host")


# The way back.


@EITHER
@pytest.mark.parametrize("who", ["olivia", "tom", "sam"])
async def test_who_asked_owned_or_deployed_does_not_let_it_go_on(world: World, who: str, bot: str | None) -> None:
    await thrown(world, bot)
    request = await resumption(world, "sam", bot)
    assert "governance-change" in await refused(world, who, request)
    assert await decided(world, "ben", request) == "record"
    assert await suspended(world, bot)
    await starts(world, request)
    assert not await suspended(world, bot)


async def test_who_owned_the_bot_when_it_was_asked_does_not_let_it_go_on(world: World, rules_copy: Path) -> None:
    await thrown(world)
    await change(world, rules_copy, "owners: &owners {business: olivia", "owners: &owners {business: ada")
    request = await resumption(world, "sam")
    await install(world.ctx, RULES, replace=True, by="ada")
    assert "governance-change" in await refused(world, "ada", request)


async def test_who_owns_the_bot_since_does_not_let_it_go_on(world: World, rules_copy: Path) -> None:
    await thrown(world)
    request = await resumption(world, "sam")
    await change(world, rules_copy, "owners: &owners {business: olivia", "owners: &owners {business: ada")
    assert "governance-change" in await refused(world, "ada", request)


async def test_only_security_seats_and_administrators_let_it_go_on(world: World) -> None:
    await thrown(world)
    request = await resumption(world, "nora")
    assert request["may_decide"] == ["ada", "ben", "sam"]
    for who in ("ivan", "dana", "rita"):
        assert await refused(world, who, request) == {"not-eligible"}


@EITHER
async def test_it_goes_on_only_once_signed(world: World, bot: str | None) -> None:
    await thrown(world, bot)
    request = await resumption(world, "ivan", bot)
    assert not await starts(world, request)
    assert (await status(world, request), await suspended(world, bot)) == ("held", True)


@EITHER
async def test_a_stop_thrown_again_voids_what_would_undo_it(world: World, bot: str | None) -> None:
    await thrown(world, bot)
    request = await resumption(world, "ivan", bot)
    await signed(world, "ada", request)
    await thrown(world, bot, "nora")
    await starts(world, request)
    assert (await why(world, request), await suspended(world, bot)) == (("revoked", "stopped-again"), True)


async def test_a_stop_of_all_voids_no_resumption_of_one_nor_is_ended_by_it(world: World) -> None:
    await thrown(world)
    request = await resumption(world, "ivan")
    await thrown(world, None)
    await signed(world, "ada", request)
    await starts(world, request)
    assert await status(world, request) == "succeeded"
    assert (await suspended(world), await suspended(world, None)) == (False, True)
    assert (await lost(world, "do.moderate"))["verdict"]["code"] == "bot-suspended"


@EITHER
async def test_what_is_not_suspended_is_not_resumed(world: World, bot: str | None) -> None:
    asked = await resumption(world, "ivan", bot)
    assert (asked["status"], asked["verdict"]["code"]) == ("denied", "not-suspended")
    with pytest.raises(NotOpenToThis):
        await changes.resume(world.services, world.person("ivan"), bot, None, "It is mended")


async def test_what_somebody_else_has_resumed_is_not_resumed_twice(world: World) -> None:
    await thrown(world)
    request = await resumption(world, "nora")
    await signed(world, "ben", request)
    await gone_on(world)
    await starts(world, request)
    shown = await world.look(request)
    assert (shown["status"], shown["execution"]["error"]["body"]) == ("failed", "It is not suspended any more.")


async def test_newer_rules_that_deny_it_do_so_before_it_takes_effect(world: World, rules_copy: Path) -> None:
    await thrown(world)
    request = await resumption(world, "ivan")
    await signed(world, "ada", request)
    no = f"  - {{name: no, when: 'action.name == \"{RESUME_BOT}\"', deny: Not yet}}\n"
    await change(world, rules_copy, RULE, no + RULE)
    await starts(world, request)
    assert await why(world, request) == ("revoked", "policy-stricter")
    assert (await resumption(world, "ivan"))["verdict"]["reason"] == "Not yet"


async def test_no_bot_asks_for_a_change(world: World) -> None:
    """Neither at its own door nor as one of its actions, whatever it is entitled to."""
    await thrown(world)
    for bot, action, parameters in (("bot", RESUME_BOT, {"bot": "bot"}), (None, RESUME_INSTALLATION, {})):
        with pytest.raises(Forbidden):
            await changes.resume(world.services, world.bot(), bot, None, "Let me")
        body = {"action": action, "parameters": parameters, "context": {}}
        with pytest.raises(UnknownAction):
            await submit.submit(world.services, world.bot(), f"key-{action}", body)


async def test_a_resumption_has_no_grant_and_no_call(world: World) -> None:
    await thrown(world)
    request = await gone_on(world)
    attempts = "select grant_jti, grant_hash, grant_expires_at, outcome from execution_attempt where request_id = :id"
    assert [tuple(row) for row in await sql(world, attempts, id=id_of(request))] == [(None, None, None, "succeeded")]
    assert (await start(world.ctx, id_of(request), "two")).go is None
    kinds = await world.kinds(request)
    assert kinds[-3:] == ["started", "attempt-finished", "succeeded"]
