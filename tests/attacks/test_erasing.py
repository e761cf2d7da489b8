"""Erasing what concerns a subject, under attack: by who may not, alone, too early, or against a legal hold."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, cast

import pytest
from temporalio.client import Client

from app.db import ledger
from app.domain.ask import Ask
from app.domain.digest import request_id
from app.domain.errors import Closed, Forbidden, NotOpenToThis, OffSchema
from app.domain.ledger import verify_stream
from app.domain.outcome import Answer, Sent
from app.governance.built_in import ERASE, HOLD, RELEASE
from app.keys import KeyRings
from app.slack.card import card
from app.steps.admit import admit
from app.steps.start import start
from app.use_cases import cards, read, submit
from app.use_cases import erasures as use_cases
from app.use_cases.read import Filters
from app.use_cases.services import Services, Waiters
from app.use_cases.views import View
from tests.fakes.desk import Desk
from tests.fakes.slack.block_kit import readable
from tests.properties.quiet import ended, refused
from tests.steps.erasing import asked, carried_out, erased, everything, ordered, quoting, somebody
from tests.steps.incidents import opened
from tests.steps.standing import granted
from tests.steps.words import admitted, id_of, lost, sql, undo, vote
from tests.world import World, build_context

SAID = Answer(Sent.SUCCEEDED, 200, {"done": "the-answer-of-the-target"}, None)


@pytest.fixture(name="world", scope="module")
async def _world(database_url: str, rings: KeyRings, a_desk: Desk) -> AsyncIterator[World]:
    """Without Temporal or a worker: each step is taken by the test."""
    ctx = await build_context(database_url, rings, a_desk.url)
    services = Services(ctx, cast("Client", None), "nowhere", Waiters(), rings.tokens, ctx.issuer)
    yield World(ctx, services, rings, a_desk)
    await ctx.database.close()


async def check(world: World, who: str, subject: str, action: str = ERASE) -> None:
    """What the API looks at before anything is stored."""
    await use_cases.check_erasing(world.ctx, Ask("governance", "person", who, None, action, {"subject": subject}))


async def installation(world: World) -> list[dict[str, Any]]:
    """The entries about subjects, after checking that their stream is whole."""
    async with world.ctx.database.transaction() as session:
        stored = await ledger.read(session, "installation")
    assert verify_stream("installation", stored) == []
    bodies = [json.loads(one.body) for one in stored]
    return [one for one in bodies if one["kind"].startswith("subject-")]


async def of(world: World, subject: str, count: int = 2) -> list[View]:
    """Requests for somebody that have succeeded; dana approved them."""
    return [await ended(world, "do.high", SAID, behalf=subject, note=f"for {subject}") for _ in range(count)]


# Who may.


@pytest.mark.parametrize("who", ["dana", "sam", "ivan", "anya"])
@pytest.mark.parametrize("action", [ERASE, HOLD, RELEASE])
async def test_who_does_not_administer_asks(world: World, who: str, action: str) -> None:
    subject = somebody()
    with pytest.raises(Forbidden):
        await check(world, who, subject, action)
    assert (await asked(world, subject, action, who))["status"] == "denied"


async def test_who_asks_signs_alone_or_twice(world: World) -> None:
    shown = await asked(world, somebody())
    assert "governance-change" in await refused(world, "ada", shown)
    await vote(world, "ben", shown)
    assert "governance-change" in await refused(world, "ada", shown)
    assert "stage-repeat" in await refused(world, "ben", shown)
    assert "not-eligible" in await refused(world, "dana", shown)
    assert (await world.look(shown))["status"] == "held"


async def test_whom_it_is_about_neither_asks_nor_signs(world: World) -> None:
    """An administrator who shops here would have what they did erased."""
    try:
        await sql(world, "insert into person_subject (subject, person_id) values ('customer:ben-shops', 'ben')")
        with pytest.raises(Forbidden):
            await check(world, "ben", "customer:ben-shops")
        assert "beneficiary" in await refused(world, "ben", await asked(world, "customer:ben-shops"))
    finally:
        await sql(world, "delete from person_subject where subject = 'customer:ben-shops'")


@pytest.mark.parametrize("subject", ["nobody", "Customer:carl", "customer:car\u200bl", "customer:"])
async def test_what_is_no_subject_or_spelt_otherwise(world: World, subject: str) -> None:
    with pytest.raises(OffSchema):
        await check(world, "ada", subject)


# Too early.


async def test_while_a_request_is_open_nothing_is_erased(world: World) -> None:
    subject = somebody()
    held = await lost(world, "do.high", behalf=subject)
    with pytest.raises(NotOpenToThis, match=held["id"]):
        await check(world, "ada", subject)
    assert (await asked(world, subject))["verdict"]["code"] == "not-in-order"


async def test_a_request_that_opens_after_the_signature_stops_it(world: World) -> None:
    subject = somebody()
    await of(world, subject, 1)
    shown = await asked(world, subject)
    await lost(world, "do.high", behalf=subject)
    for who in ("ben", "sam"):
        await vote(world, who, shown)
    await start(world.ctx, id_of(shown), "one")
    seen = await world.look(shown)
    assert (seen["status"], seen["ended_why"]) == ("revoked", "not-in-order")


async def test_what_came_in_between_is_left_until_it_is_over(world: World) -> None:
    """As when it was being admitted while the order was recorded."""
    subject = somebody()
    [done] = await of(world, subject, 1)
    order = await ordered(world, subject)
    late = await lost(world, "do.high", behalf=subject)
    await sql(world, "update request set created_at = created_at - interval '1 minute' where id = :id", id=id_of(late))
    await carried_out(world)
    assert (await world.look(done))["erased_at"] is not None
    assert (await world.look(late))["erased_at"] is None
    assert (await world.look(order))["erased_at"] is None
    await sql(world, "update request set status = 'cancelled' where id = :id", id=id_of(late))
    await carried_out(world)
    assert {(await world.look(one))["erased_at"] is not None for one in (late, order)} == {True}


async def test_a_rollback_that_is_signed_keeps_what_it_undoes(world: World) -> None:
    subject = somebody()
    [done] = await of(world, subject, 1)
    rollback = await undo(world, "ivan", done)
    assert rollback["status"] == "held"
    with pytest.raises(NotOpenToThis, match=rollback["id"]):
        await check(world, "ada", subject)


async def test_what_one_person_released_alone_is_reviewed_first(world: World) -> None:
    subject = somebody()
    [done] = await of(world, subject, 1)
    review = "insert into review (id, kind, request_id, bot, opened_at, due_at, reviewers) "
    review += "values (:id, 'break-glass', :id, 'bot', now(), now() + interval '1 day', '[]')"
    await sql(world, review, id=id_of(done))
    with pytest.raises(NotOpenToThis, match=done["id"]):
        await check(world, "ada", subject)
    await sql(world, "update review set done_at = now(), done_by = 'ben' where id = :id", id=id_of(done))
    await erased(world, subject)
    assert (await world.look(done))["erased_at"] is not None


async def test_a_standing_permission_that_names_them(world: World) -> None:
    subject = somebody()
    permission = await granted(world, when=f'on_behalf_of == "{subject}"')
    with pytest.raises(NotOpenToThis, match=permission):
        await check(world, "ada", subject)
    await sql(
        world, "update standing_permission set revoked_at = clock_timestamp() where id = :id", id=uuid.UUID(permission)
    )
    await erased(world, subject)
    assert quoting(await everything(world.ctx.database), subject) == set()


# Legal holds.


async def test_a_legal_hold_stands_in_the_way_until_it_is_released(world: World) -> None:
    subject = somebody()
    [done] = await of(world, subject, 1)
    waiting = await asked(world, subject)
    await ordered(world, subject, HOLD, ("sam",))
    with pytest.raises(NotOpenToThis, match="legal hold"):
        await check(world, "ada", subject)
    for who in ("ben", "sam"):
        await vote(world, who, waiting)
    await start(world.ctx, id_of(waiting), "one")
    assert (await world.look(waiting))["ended_why"] == "not-in-order"
    await carried_out(world)
    assert (await world.look(done))["erased_at"] is None
    with pytest.raises(NotOpenToThis, match="already"):
        await check(world, "ada", subject, HOLD)
    assert (await asked(world, subject, RELEASE))["status"] == "held"
    with pytest.raises(NotOpenToThis, match="No legal hold"):
        await check(world, "ada", somebody(), RELEASE)


async def test_released_it_is_erased_with_what_held_it(world: World) -> None:
    subject = somebody()
    [done] = await of(world, subject, 1)
    await ordered(world, subject, HOLD, ("sam",))
    await ordered(world, subject, RELEASE)
    await erased(world, subject)
    assert (await world.look(done))["erased_at"] is not None
    assert quoting(await everything(world.ctx.database), subject, subject.partition(":")[2]) == set()


async def test_a_hold_comes_too_late_while_it_is_erased(world: World) -> None:
    subject = somebody()
    await ordered(world, subject)
    with pytest.raises(NotOpenToThis, match="being erased"):
        await check(world, "ada", subject, HOLD)
    await carried_out(world)


# What is left.


async def test_nothing_of_theirs_is_left_and_others_keep_theirs(world: World) -> None:
    subject, other = somebody(), somebody()
    mine, theirs = await of(world, subject, 3), await of(world, other, 1)
    before = await everything(world.ctx.database)
    assert quoting(before, subject), "not looked for"
    order = await erased(world, subject)
    words = (subject, subject.partition(":")[2], *(str(one["parameters"]["thing"]) for one in mine))
    assert quoting(await everything(world.ctx.database), *words) == set()
    for shown in mine:
        seen = await world.look(shown)
        assert (seen["parameters"], seen["reason"], seen["on_behalf_of"]) == (None, None, None)
        assert (seen["context"], seen["execution"]["result"], seen["status"]) == ({}, None, "succeeded")
        assert [one["reason"] for one in seen["decisions"]] == [None]
        assert (await world.kinds(shown))[-1] == "erased"
        assert await sql(world, "select 1 from data_key where kid = :kid", kid=f"request:{shown['id']}") == []
    for shown in theirs:
        assert {**await world.look(shown)} == shown
    told = (await installation(world))[-1]
    assert (told["kind"], told["facts"]["count"]) == ("subject-erased", 3)
    assert set(told["facts"]["requests"]) == {one["id"] for one in mine}
    assert told["facts"]["request"] == order["id"]
    assert len(told["facts"]["signed_by"]) == 2


async def test_lists_reports_and_rollbacks_take_what_is_erased(world: World) -> None:
    subject = somebody()
    [done] = await of(world, subject, 1)
    await erased(world, subject)
    page = await read.listing(world.services, world.person("anya"), Filters(), cursor=None, limit=200)
    assert done["id"] in {one["id"] for one in page["items"]}
    rollback = await undo(world, "ivan", done)
    assert (rollback["status"], rollback["verdict"]["code"]) == ("denied", "not-reversible")
    assert "erased" in rollback["verdict"]["reason"]
    with pytest.raises(Closed, match="erased"):
        await world.say("dana", done)


async def test_the_same_ask_once_more_is_not_taken_for_another(world: World) -> None:
    """Nobody knows any more whether it is the same."""
    subject, key = somebody(), uuid.uuid4().hex
    body = {"action": "read.open", "parameters": {"thing": "a"}, "on_behalf_of": subject, "context": {}}
    ask = Ask("action", "bot", "bot", "bot-client", "read.open", {"thing": "a"}, on_behalf_of=subject)
    id_ = request_id("action", "bot", "bot", key)
    await admit(world.ctx, id_, ask, waited=timedelta(0))
    await sql(world, "update request set status = 'cancelled' where id = :id", id=id_)
    await erased(world, subject)
    with pytest.raises(Closed, match="erased"):
        await submit.submit(world.services, world.bot(), key, body)


async def test_an_order_that_is_carried_out_twice_at_once_counts_once(world: World) -> None:
    subject = somebody()
    await of(world, subject, 2)
    await ordered(world, subject)
    await asyncio.gather(*(carried_out(world) for _ in range(4)))
    told = [one for one in await installation(world) if one["kind"] == "subject-erased"]
    assert told[-1]["facts"]["count"] == 2
    assert len({one["facts"]["request"] for one in told}) == len(told)


async def test_a_hold_on_somebody_else_whom_it_is_for_keeps_it(world: World) -> None:
    """A request is for both: what is held of the one is not erased for the other."""
    subject, other = somebody(), somebody()
    both, mine = await of(world, subject, 2)
    await sql(world, "update request set triggered_by = :other where id = :id", other=other, id=id_of(both))
    await ordered(world, other, HOLD, ("sam",))
    order = await erased(world, subject)
    seen = [(await world.look(one))["erased_at"] is not None for one in (mine, both, order)]
    assert seen == [True, False, False]
    await ordered(world, other, RELEASE)
    await carried_out(world)
    assert (await world.look(both))["erased_at"] is not None


async def test_an_incident_that_undid_something_of_theirs(world: World) -> None:
    """What was signed to be undone quotes it; the others that were undone with it keep theirs."""
    subject = somebody()
    [mine], [theirs] = await of(world, subject, 1), await of(world, somebody(), 1)
    incident = await opened(world)
    about = {"id": str(incident.id), "requests": [mine["id"], theirs["id"]]}
    ask = Ask(
        "incident_rollback", "person", "ivan", None, "interlock.incidents.roll_back", {}, reason="x", incident=about
    )
    rollback = await admitted(world, ask)
    assert rollback["status"] == "held", rollback["verdict"]
    with pytest.raises(NotOpenToThis, match=rollback["id"]):
        await check(world, "ada", subject)
    await sql(world, "update request set status = 'cancelled' where id = :id", id=id_of(rollback))
    await erased(world, subject)
    assert (await world.look(rollback))["erased_at"] is not None
    assert (await world.look(theirs))["erased_at"] is None
    assert quoting(await everything(world.ctx.database), str(mine["parameters"]["thing"])) == set()
    shown = await cards.facts(world.services, id_of(rollback))
    assert shown.incident is not None
    assert [one.parameters for one in shown.incident.items] == [{}, {}]
    facts = await cards.facts(world.services, id_of(mine))
    assert (facts.erased_at is not None, facts.parameters, facts.on_behalf_of) == (True, {}, None)
    for one in (shown, facts):
        assert "erased" in readable(card(one, live=False, api_url="").content())
