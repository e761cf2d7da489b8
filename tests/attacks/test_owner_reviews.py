"""Owner reviews under attack: made by others, lightly, twice, for another bot; and what is to be had once lapsed."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.domain.errors import Forbidden, Malformed, NotFound, NotOpenToThis
from app.domain.request import Level
from app.steps import lapsing, owner_review
from app.steps.reviewing import Finding
from app.steps.scene import scene
from app.use_cases import owner_reviews, reviews
from tests.clear_text import in_clear, ledger_and_outbox, needles
from tests.properties.quiet import approved, decided, ended, later, leave, signed, starts, status
from tests.steps.breaking import broken, still
from tests.steps.owner_reviewing import (
    DAY,
    DUE,
    LAPSING,
    entries,
    escalated,
    kinds,
    lapsed,
    made,
    opened,
    shown,
    ticked,
)
from tests.steps.words import change, id_of, sql, undo
from tests.world import World


@pytest.fixture(autouse=True)
async def as_before(world: World) -> AsyncIterator[None]:
    """Nothing is under review, and all are active."""
    yield
    await sql(world, "delete from owner_review")
    await sql(world, "delete from review")
    await sql(world, "update person set active = true")


# What it is for.


async def test_its_owner_attests_and_nothing_lapses(world: World) -> None:
    review = await opened(world)
    seen = await made(world, review)
    assert (seen["status"], seen["finding"], seen["done_by"]) == ("done", "attested", "olivia")
    assert await ticked(world, review, LAPSING) == "done"
    assert await kinds(world, review) == ["review-opened", "reviewed"]
    assert (await world.ask("do.high"))["status"] == "held"


async def test_in_nobodys_time_others_are_brought_in_and_then_it_lapses(world: World) -> None:
    review = await opened(world)
    assert await ticked(world, review, DUE - DAY) == "open"
    assert await ticked(world, review, DUE + DAY) == "escalated"
    assert (await shown(world, review))["reviewers"] == ["eve", "olivia", "sam"]
    assert await ticked(world, review, DUE + 7 * DAY) == "escalated"  # others have seven days from when they were told
    assert await ticked(world, review, DUE + 9 * DAY) == "lapsed"
    assert await ticked(world, review, 1000 * DAY) == "lapsed"
    assert await kinds(world, review) == ["review-opened", "review-escalated", "entitlements-lapsed"]


async def test_each_happens_once_whoever_looks(world: World) -> None:
    review = await opened(world)
    assert {await ticked(world, review, by) for by in (DUE + DAY,) * 2} == {"escalated"}
    await asyncio.gather(*(ticked(world, review, LAPSING + DAY) for _ in range(4)))
    assert await kinds(world, review) == ["review-opened", "review-escalated", "entitlements-lapsed"]


async def test_it_is_opened_once(world: World) -> None:
    """Temporal repeats steps; and a bot whose last review nobody has made gets no other to hide it behind."""
    workflow = f"test-{uuid.uuid4()}"
    first, *others = await asyncio.gather(*(opened(world, workflow=workflow) for _ in range(4)))
    assert set(others) == {first}
    assert await opened(world) == first
    assert await kinds(world, first) == ["review-opened"]
    await made(world, first)
    assert await opened(world, workflow=workflow) == first
    assert await opened(world) != first


async def test_what_is_under_review(world: World) -> None:
    await made(world, await opened(world))
    released = await broken(world, await still(world, "do.high"))
    await world.ask("do.moderate", parameters={"mode": "deny"})
    scope = (await shown(world, await opened(world)))["scope"]
    assert scope["use_case"] == {"purpose": "Tests", "data": ["personal"], "review_by": "2030-01-01"}
    assert scope["entitlements"] == ["do.*", "look.*"]
    assert "do.high" in scope["high_risk"]
    assert "do.moderate" not in scope["high_risk"]
    [exception] = scope["exceptions"]
    assert (exception["request"], exception["finding"]) == (released["id"], None)
    assert (scope["figures"]["requests"], scope["figures"]["denied"]) == (2, 1)
    assert scope["since"] is not None


# Who.


async def test_a_stranger_does_not_even_see_it(world: World) -> None:
    review = await opened(world)
    for who in ("dana", "zoe", "tom"):
        with pytest.raises(NotFound):
            await made(world, review, who)
        assert (await reviews.listing(world.services, world.person(who), open_only=False))["items"] == []


async def test_nobody_but_the_business_owner_at_first(world: World) -> None:
    review = await opened(world)
    for who in ("sam", "eve", "petra", "ivan", "anya", "ada"):
        with pytest.raises(Forbidden):
            await made(world, review, who)


async def test_nor_anybody_but_whom_it_was_escalated_to_later(world: World) -> None:
    review = await lapsed(world)
    for who in ("petra", "lena", "ivan", "anya", "ada"):
        with pytest.raises(Forbidden):
            await made(world, review, who)
    assert (await made(world, review, "eve"))["done_by"] == "eve"


async def test_not_the_bot(world: World) -> None:
    review = await opened(world)
    with pytest.raises(Forbidden):
        await reviews.attest(world.services, world.bot(), review, Finding("attested", "I am fine"))


async def test_not_by_a_click(world: World) -> None:
    review = await opened(world)
    with pytest.raises(Forbidden) as error:
        await made(world, review, level=Level.CLICK)
    assert [one.invariant for one in error.value.violations] == ["weak-authentication"]


async def test_not_who_has_left(world: World) -> None:
    review = await opened(world)
    await leave(world, "olivia")
    with pytest.raises(Forbidden) as error:
        await made(world, review)
    assert [one.invariant for one in error.value.violations] == ["unlinked-identity"]


async def test_not_who_has_handed_the_seat_over(world: World, rules: Path) -> None:
    review = await opened(world)
    await change(world, rules, "business: olivia", "business: greta")
    with pytest.raises((Forbidden, NotFound)):
        await made(world, review)
    assert (await made(world, review, "greta"))["done_by"] == "greta"


async def test_not_the_owner_of_another_bot(world: World, rules: Path) -> None:
    seats = "business: greta, security: sam, legal: lena, model_quality: max, rollback: nora, permissions: petra"
    await change(world, rules, "*owners\nactions", f"{{{seats}, exceptions: eve, incident: rita}}\nactions")
    mine, other = await opened(world), await opened(world, "other-bot")
    with pytest.raises(NotFound):
        await made(world, mine, "greta")
    assert (await made(world, other, "greta"))["bot"] == "other-bot"
    assert (await shown(world, mine))["status"] == "open"


async def test_where_nobody_owns_it_others_are_told_at_once(world: World) -> None:
    for who in ("olivia", "sam", "eve"):
        await leave(world, who)
    review = await opened(world)
    seen = await shown(world, review)
    assert (seen["status"], seen["reviewers"]) == ("escalated", ["ada", "ben"])
    assert await ticked(world, review, DUE + 6 * DAY) == "escalated"
    assert await ticked(world, review, DUE + 8 * DAY) == "lapsed"


# How.


async def test_it_is_made_once(world: World) -> None:
    review = await opened(world)
    first = await made(world, review, word="changed")
    assert await made(world, review, word="changed") == first
    with pytest.raises(NotOpenToThis, match="changed"):
        await made(world, review)
    assert (await kinds(world, review)).count("reviewed") == 1


async def test_it_takes_the_words_of_its_kind(world: World) -> None:
    review = await opened(world)
    with pytest.raises(Malformed, match="attested or changed"):
        await made(world, review, word="justified")
    released = await broken(world, await still(world, "do.high"))
    with pytest.raises(Malformed, match="justified or unjustified"):
        await made(world, uuid.UUID(released["break_glass"]["review"]["id"]), "eve", "attested")


async def test_persons_are_on_the_ledger_as_nobody_and_words_nowhere(world: World) -> None:
    review = await escalated(world)
    await made(world, review, "sam")
    told = json.dumps(await entries(world, review))
    for who in ("olivia", "sam", "eve", "Olivia", "looked at it"):
        assert f'"{who}"' not in told
    stored = await ledger_and_outbox(world.ctx.database)
    assert in_clear(needles(["I looked at it all"], vocabulary=[]), stored) == []
    [pid] = (await sql(world, "select pid::text from person where id = 'sam'"))[0]
    [reviewed] = [entry["facts"] for entry in await entries(world, review) if entry["kind"] == "reviewed"]
    assert (reviewed["person"], reviewed["revived"]) == (pid, False)


# What lapses.


@pytest.mark.parametrize("action", ["do.high", "do.grave", "do.two"])
async def test_nothing_of_high_risk_is_to_be_had(world: World, action: str) -> None:
    await lapsed(world)
    asked = await world.ask(action)
    assert (asked["status"], asked["verdict"]["code"]) == ("denied", "entitlements-lapsed")
    assert "interlock reviews attest" in asked["verdict"]["reason"]


async def test_nor_at_the_end_of_a_chain_that_is_of_high_risk(world: World) -> None:
    high = await ended(world)
    await lapsed(world)
    asked = await world.ask("do.moderate", parent=high["id"])
    assert asked["verdict"]["code"] == "entitlements-lapsed"


async def test_nor_what_a_rule_would_allow(world: World) -> None:
    await lapsed(world)
    assert (await world.ask("do.high", parameters={"mode": "allow"}))["status"] == "denied"


async def test_all_else_goes_on(world: World) -> None:
    """What is of lower risk, other bots, and what undoes what was done."""
    done = await ended(world)
    await lapsed(world)
    assert (await world.ask("do.moderate"))["status"] == "held"
    assert (await world.ask("do.moderate", bot="other-bot"))["status"] == "held"
    undoing = await undo(world, "nora", done)
    assert undoing["status"] == "held"
    await decided(world, "rita", undoing)
    assert await starts(world, undoing)


async def test_what_lapses_is_of_that_bot_alone(world: World) -> None:
    await lapsed(world, "other-bot")
    assert (await world.ask("do.high"))["status"] == "held"


async def test_it_lapses_between_steps_of_the_bot(world: World) -> None:
    """Whatever has looked, and found that it may start, has started by then."""
    shown_, review = await approved(world, "do.high"), await escalated(world)
    waiting = text("select count(*) from pg_locks where locktype = 'advisory' and not granted")
    async with scene(world.ctx, id_of(shown_)) as found:
        lapse = asyncio.create_task(ticked(world, review, LAPSING))
        while not lapse.done() and (await found.session.execute(waiting)).scalar_one() == 0:
            pass  # on the step's own session, which must not be idle for long
        assert not lapse.done()
        assert await lapsing.ended(found) is None
    assert await lapse == "lapsed"
    assert not await starts(world, shown_)


async def test_an_overdue_one_that_has_not_lapsed_stops_nothing(world: World) -> None:
    await escalated(world)
    assert (await world.ask("do.high"))["status"] == "held"


async def test_what_people_approved_before_does_not_start(world: World) -> None:
    shown_ = await approved(world, "do.high")
    await lapsed(world)
    assert not await starts(world, shown_)
    assert ((await world.row(shown_)).status, (await world.row(shown_)).ended_why) == ("revoked", "entitlements-lapsed")


async def test_nor_what_was_held_before_and_approved_since(world: World) -> None:
    held = await still(world, "do.high")
    await lapsed(world)
    await signed(world, "dana", held)
    assert not await starts(world, held)
    assert await status(world, held) == "revoked"


async def test_nor_what_one_person_releases_alone(world: World) -> None:
    held = await still(world, "do.high")
    await lapsed(world)
    await broken(world, held)
    assert not await starts(world, held)


async def test_what_is_of_lower_risk_and_was_approved_starts(world: World) -> None:
    shown_ = await approved(world)
    await lapsed(world)
    assert await starts(world, shown_)


@pytest.mark.parametrize("word", ["attested", "changed"])
async def test_a_late_review_lets_it_live_again(world: World, word: str) -> None:
    review = await lapsed(world)
    held = await still(world, "do.moderate")
    assert (await world.ask("do.high"))["status"] == "denied"
    await made(world, review, word=word)
    assert (await world.ask("do.high"))["status"] == "held"
    assert await status(world, held) == "held"
    [reviewed] = [entry["facts"] for entry in await entries(world, review) if entry["kind"] == "reviewed"]
    assert reviewed["revived"] is True


async def test_the_next_one_does_not_hide_that_the_last_has_lapsed(world: World) -> None:
    review = await lapsed(world)
    assert await opened(world) == review
    assert (await world.ask("do.high"))["status"] == "denied"


async def test_a_bot_that_is_gone_is_not_reviewed_and_none_lapses(world: World, rules: Path) -> None:
    review = await opened(world, "other-bot")
    files = (rules / "desk.yaml").read_text()
    at, end = files.index("  - id: other-bot"), files.index("actions:\n")
    await change(world, rules, files[at:end], "")
    assert await ticked(world, review, LAPSING) == "gone"
    assert await kinds(world, review, "other-bot") == ["review-opened"]
    with pytest.raises(NotFound):
        await made(world, review)
    with pytest.raises(NotFound):
        await owner_review.tick(world.ctx, uuid.uuid4())


async def test_the_sweeper_keeps_the_time_of_one_that_temporal_has_lost(world: World) -> None:
    review = await opened(world)
    for ahead, stands in ((DUE - DAY, "open"), (DUE + DAY, "escalated"), (LAPSING + DAY, "lapsed")):
        ctx = later(world, ahead)
        async with ctx.database.transaction() as session:
            now = await ctx.clock.now(session)
        await owner_reviews.sweep(ctx, now)
        assert (await shown(world, review))["status"] == stands
