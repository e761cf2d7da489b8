"""/interlock stop, over HTTP, on bots that are at work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.db import governance
from tests.fakes.slack.block_kit import readable
from tests.slack.conftest import Reception, user
from tests.slack.responding import forged, form, refused, said, submit, unsent
from tests.slack.seen import fine_view
from tests.world import World


@pytest.fixture(autouse=True)
async def _let_go_on(reception: Reception) -> AsyncIterator[None]:
    yield
    for bot in ("bot", "other-bot", None):
        if (await stands(reception.world, bot))[1]:
            await let_go_on(reception.world, bot)


async def stands(world: World, bot: str | None = "bot") -> tuple[int, bool]:
    """How often it was stopped, and whether it is now."""
    async with world.ctx.database.transaction() as session:
        row = await (governance.installation(session) if bot is None else governance.bot(session, bot))
        assert row is not None
        return row.stop_epoch, row.suspended_at is not None


async def let_go_on(world: World, bot: str | None = "bot") -> None:
    """The signed way back."""
    request = await world.resume("ivan", bot)
    await world.say("ada", request)
    await world.until(request, "succeeded")


async def test_the_form_says_what_stopping_does_and_stops(reception: Reception) -> None:
    held = [await reception.world.ask("do.moderate") for _ in range(2)]
    modal = await form(reception, "ivan", "stop bot")
    fine_view(modal.given)
    text = readable(modal.given["blocks"])
    assert "Stop A bot (bot)" in text
    assert "Open requests: 2: 2 held or approved, to be revoked; 0 started" in text
    for part in ("never runs", "cannot be called back", "Rollbacks", "sign-off"):
        assert part in text
    assert (await stands(reception.world))[1] is False
    sent, told = await submit(reception, "ivan", modal, "  It runs amok ")
    assert "A bot (bot) is stopped since 20" in told
    assert "Nothing was under way." in told
    assert sent.json["view"]["callback_id"] == "notice"
    for shown in held:
        seen = await reception.world.look(shown)
        assert (seen["status"], seen["ended_reason"]) == ("revoked", "It runs amok")
        story = await told_of(reception, shown["id"])
        assert "Why it was stopped, in a person's words: It runs amok" in story
        assert "[Approve]" not in story
    assert (await reception.world.ask("do.moderate"))["status"] == "denied"
    assert (await reception.world.ask("do.moderate", bot="other-bot"))["status"] == "held"


async def told_of(reception: Reception, request_id: str) -> str:
    """What /interlock show says of a request."""
    await refused(reception, "ivan", f"show {request_id}")
    return readable(reception.fake.workspace.ephemerals[-1].blocks)


async def test_what_is_under_way_is_named(reception: Reception) -> None:
    flying = await reception.world.occupied("under-way", "do.slowly")
    modal = await form(reception, "ivan", "stop bot")
    assert "0 held or approved, to be revoked; 1 started" in readable(modal.given["blocks"])
    _, told = await submit(reception, "ivan", modal)
    assert "1 attempt had started and may still act:" in told
    assert f"do.slowly, request {flying['id']}, attempt 1, started 20" in told
    reception.world.desk.release("under-way")
    await reception.world.until(flying, "succeeded")


async def test_all_of_them(reception: Reception) -> None:
    mine = await reception.world.ask("do.moderate")
    other = await reception.world.ask("do.moderate", bot="other-bot")
    modal = await form(reception, "ivan", "stop ALL")
    assert "Stop all bots" in readable(modal.given["blocks"])
    _, told = await submit(reception, "ivan", modal)
    assert "All bots are stopped since" in told
    assert {(await reception.world.look(one))["status"] for one in (mine, other)} == {"revoked"}


async def test_a_form_sent_twice_stops_once(reception: Reception) -> None:
    epoch, _ = await stands(reception.world)
    sent, told = await submit(reception, "ivan", await form(reception, "ivan", "stop bot"))
    assert said(await reception.fake.people.resend(sent)) == told
    assert await stands(reception.world) == (epoch + 1, True)


async def test_a_replay_after_it_may_go_on_does_not_stop_it_again(reception: Reception) -> None:
    sent, _ = await submit(reception, "ivan", await form(reception, "ivan", "stop bot"))
    await let_go_on(reception.world)
    assert "nothing was done" in said(await reception.fake.people.resend(sent))
    assert (await stands(reception.world))[1] is False
    assert (await reception.world.ask("do.moderate"))["status"] == "held"


async def test_a_replay_does_not_void_what_was_asked_for_since(reception: Reception) -> None:
    sent, _ = await submit(reception, "ivan", await form(reception, "ivan", "stop bot"))
    request = await reception.world.resume("ivan")
    await reception.fake.people.resend(sent)
    await reception.world.say("ada", request)
    await reception.world.until(request, "succeeded")


async def test_a_form_kept_open_while_somebody_else_stopped_it_does_not_stop_it_again(reception: Reception) -> None:
    modal = await form(reception, "ivan", "stop bot")
    answer = await reception.world.suspend("nora", reason="First")
    before = await stands(reception.world)
    _, told = await submit(reception, "ivan", modal)
    assert f"is stopped since {answer['suspended_at'][:10]}" in told
    assert await stands(reception.world) == before


async def test_two_people_at_once_both_hear_that_it_is_stopped(reception: Reception) -> None:
    payload = await unsent(reception, "ivan", await form(reception, "ivan", "stop bot"))
    answers = await asyncio.gather(*(forged(reception, payload, "ivan", f"Because {n}") for n in range(4)))
    assert {("is stopped since" in said(one)) for one in answers} == {True}
    assert (await stands(reception.world))[1] is True


async def test_a_stopped_bot_can_be_stopped_again(reception: Reception) -> None:
    """That makes void what was asked for to let it go on."""
    await reception.world.suspend(reason="First")
    request = await reception.world.resume("nora")
    modal = await form(reception, "ivan", "stop bot")
    text = readable(modal.given["blocks"])
    assert "Stopped already since: 20" in text
    assert "Why it was stopped, in a person's words: First" in text
    assert "is stopped since" in (await submit(reception, "ivan", modal))[1]
    await reception.world.say("ada", request)
    assert (await reception.world.until(request, "revoked"))["ended_why"] == "stopped-again"


@pytest.mark.parametrize("who", ["dana", "olivia", "stranger"])
async def test_who_may_not_gets_no_form_and_cannot_send_one(reception: Reception, who: str) -> None:
    if user(who) not in reception.fake.workspace.users:
        reception.fake.workspace.add_user(user(who), who)
    for bot, what in (("bot", "bot"), ("all", "the installation")):
        why = "unlinked-identity" if who == "stranger" else f"To stop {what} one must be a responder"
        assert why in await refused(reception, who, f"stop {bot}")
        payload = await unsent(reception, "ivan", await form(reception, "ivan", f"stop {bot}"))
        assert why in said(await forged(reception, payload, who))
    assert await stands(reception.world) == ((await stands(reception.world))[0], False)
    assert (await stands(reception.world, None))[1] is False


@pytest.mark.parametrize("named", ["nobody", "", "bot; drop table", "<!channel>", "0" * 300])
async def test_an_unknown_bot_names_those_that_one_may_stop(reception: Reception, named: str) -> None:
    told = await refused(reception, "ivan", f"stop {named}")
    assert "You may stop bot, other-bot, or all of them." in told
    told = await refused(reception, "dana", f"stop {named}")
    assert "other-bot" not in told
    assert "To stop a bot one must be a responder or hold its security seat." in told


async def test_a_bot_that_is_gone_by_then_is_not_there(reception: Reception) -> None:
    payload = await unsent(reception, "ivan", await form(reception, "ivan", "stop bot"))
    payload["view"]["private_metadata"] = payload["view"]["private_metadata"].replace('"bot":"bot"', '"bot":"gone"')
    assert "There is no bot gone." in said(await forged(reception, payload, "ivan"))


async def test_a_form_that_is_none_of_ours_says_so(reception: Reception) -> None:
    payload = await unsent(reception, "ivan", await form(reception, "ivan", "stop bot"))
    good = payload["view"]["private_metadata"]
    for bad in (
        "{}",
        good.replace('"epoch":', '"epoch":"x","e":'),
        good.replace('"bot":"bot"', '"bot":7'),
        "x" * 4_000,
    ):
        payload["view"]["private_metadata"] = bad
        assert "This is not a" in said(await forged(reception, payload, "ivan"))
    assert (await stands(reception.world))[1] is False
