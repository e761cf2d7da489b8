"""An incident's rollback in Slack: its card and its thread are true from the ask to the end, and nothing floods."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest
from sqlalchemy import func, update

from app.db import slack
from app.db.slack_tables import SlackMessage
from app.devstack import TemporalServer
from app.domain.states import Status
from app.keys import KeyRings
from app.use_cases import act, cards, incidents
from app.use_cases.views import View
from tests.fakes.desk import Desk
from tests.fakes.slack.block_kit import readable
from tests.fakes.slack.state import Message
from tests.slack.office import LEADS, Office, buttons, office
from tests.steps.incidents import opened, undo_all
from tests.steps.words import sql
from tests.world import build_context

ORIGINALS = 40
"""More than a card shows in full. With 180 of them: 3 messages were posted, and 273 times one was changed."""


LONG_AGO = "update execution_attempt set started_at = started_at - interval '1 hour' where request_id = :id"


@pytest.fixture(scope="module")
async def at(database_url: str, temporal: TemporalServer, rings: KeyRings, a_desk: Desk) -> AsyncIterator[Office]:
    ctx = await build_context(database_url, rings, a_desk.url)
    async with office(ctx, temporal.address, rings, a_desk) as made:
        yield made
    await ctx.database.close()


async def done(at: Office, thing: str | None = None) -> View:
    """A request that Dana has approved and that has succeeded."""
    asked = await at.world.ask("do.once", thing=thing)
    await at.world.say("dana", asked)
    return await at.world.until(asked, "succeeded")


def only(at: Office, shown: View) -> Message:
    """The one card of a request."""
    [card] = at.cards(shown)
    return card


def says(at: Office, shown: View) -> str:
    """What the one card of a request says."""
    return readable(only(at, shown).blocks)


def thread(at: Office, shown: View) -> list[str]:
    """What each reply under it begins with."""
    return [
        readable(reply.blocks).partition("\n")[0].partition(":")[0].partition(" by ")[0] for reply in at.replies(shown)
    ]


async def test_from_the_ask_to_the_end_with_a_pause_a_failure_and_one_that_nobody_knows_of(at: Office) -> None:
    thing, doubtful, waits = (uuid.uuid4().hex for _ in range(3))
    older, newer = await done(at, thing), await done(at, thing)
    unsure, *others = await done(at, doubtful), *[await done(at) for _ in range(4)]
    slow = [await done(at, waits) for _ in range(2)]  # the older one waits for the newer
    at.world.desk.script(f"{waits}-undone", 0)
    at.world.desk.script(f"{thing}-undone", 400)
    at.world.desk.script(f"{doubtful}-undone", 500)
    incident = await opened(at.world)
    rollback = await undo_all(at.world, incident, chosen=[older, newer, unsure, *others, *slow])
    await at.settled()
    card = only(at, rollback)
    assert (card.channel, buttons(card)) == (LEADS, ["approve", "deny", "details"])
    for part in (
        "Rollback of many",
        "Incident, in a person's words: It ran amok",
        "It is about: A bot, all actions",
        "Undoes: 9 requests, the newest first",
        "9 of Something that must not be repeated (do.once) by A bot, each by undo.once",
        f'9. undo.once {{"thing": "{thing}-undone"}}',
        f"undoes do.once, request {older['id']}, after number 8",
    ):
        assert part in readable(card.blocks)
    await at.world.say("marco", rollback)
    await at.world.desk.called(f"{waits}-undone")
    await incidents.pause(at.world.services, at.world.person("nora"), incident.id)
    at.world.desk.release(f"{waits}-undone")
    await at.settled()
    assert "Executing, but paused" in says(at, rollback)
    assert thread(at, rollback) == ["Begun", "Paused"]
    assert "Paused by Nora, " in readable(at.replies(rollback)[1].blocks)
    await incidents.go_on(at.world.services, at.world.person("ivan"), incident.id)
    await at.world.until(rollback, "failed")
    await at.settled()
    assert "Progress: 6 of 9 undone, 1 failed, 1 unknown, 1 left alone" in says(at, rollback)
    assert buttons(only(at, rollback)) == ["details"]
    assert thread(at, rollback) == ["Begun", "Paused", "Goes on", "Failed (not all of it was undone)"]
    end = readable(at.replies(rollback)[-1].blocks)
    assert "6 of 9 undone, 1 failed, 1 unknown, 1 left alone." in end
    [settle] = (await at.world.look(unsure))["reversed_by"]
    assert settle in end
    assert f"9. Something that must not be repeated, request {older['id'][:8]}: something that had to be" in end
    assert at.cards({"id": settle}) == []
    assert f"Reversed by: {settle[:8]} (unknown, one of many in {rollback['id'][:8]})" in says(at, unsure)
    await sql(at.world, LONG_AGO, id=settle)
    services, responder = at.world.services, at.world.person("nora")
    await act.settle(services, responder, uuid.UUID(settle), status=Status.SUCCEEDED, reason="It is in its log")
    await at.settled()
    assert "Progress: 7 of 9 undone, 1 failed, 1 left alone" in says(at, rollback)


async def test_closed_while_it_was_paused(at: Office) -> None:
    thing = uuid.uuid4().hex
    older, newer = await done(at, thing), await done(at, thing)
    incident = await opened(at.world)
    rollback = await undo_all(at.world, incident, chosen=[older, newer])
    at.world.desk.script(f"{thing}-undone", 0)
    await at.world.say("marco", rollback)
    await at.world.desk.called(f"{thing}-undone")
    for _ in range(3):
        await incidents.pause(at.world.services, at.world.person("ivan"), incident.id)
        await incidents.go_on(at.world.services, at.world.person("nora"), incident.id)
    await incidents.pause(at.world.services, at.world.person("ivan"), incident.id)
    await incidents.close(at.world.services, at.world.person("nora"), incident.id, "Enough")
    at.world.desk.release(f"{thing}-undone")
    await at.world.until(rollback, "failed")
    await at.settled()
    assert says(at, rollback).count("the incident was closed") == 1
    assert thread(at, rollback)[-2:] == ["Paused", "Failed (not all of it was undone)"]
    assert "The incident was closed by Nora." in readable(at.replies(rollback)[-1].blocks)


async def test_what_was_denied_says_so_once(at: Office) -> None:
    rollback = await undo_all(at.world, await opened(at.world), chosen=[await done(at)])
    await at.world.say("marco", rollback, "deny", reason="Not this one")
    await at.settled()
    assert thread(at, rollback) == ["Denied"]
    assert "Progress" not in says(at, rollback)


async def test_no_flood(at: Office) -> None:
    """One card, which is changed no oftener than Slack takes it; a reply for each thing that people want to hear of."""
    originals = await many(at, ORIGINALS)
    await at.settled(120)
    before = len(at.fake.api.calls)
    rollback = await undo_all(at.world, await opened(at.world), chosen=originals)
    await at.settled(60)
    assert "do not fit on this card" in says(at, rollback)
    assert buttons(only(at, rollback)) == ["deny", "details"]
    await at.world.say("marco", rollback)
    await at.world.until(rollback, "succeeded", seconds=200)
    await at.settled(120)
    made = Counter(call.method for call in at.fake.api.calls[before:])
    assert thread(at, rollback) == ["Begun", "Succeeded"]
    assert made["chat.postMessage"] == 3  # the card and its two replies: none under what was undone
    assert made["chat.update"] <= 3 * len(originals)
    for original in originals:
        assert f"(succeeded, one of many in {rollback['id'][:8]})" in says(at, original)
        assert len(at.replies(original)) == 1


async def many(at: Office, count: int) -> Sequence[View]:
    """Requests that have succeeded, each with a card."""
    found: list[View] = []
    while len(found) < count:
        found += await asyncio.gather(*(done(at) for _ in range(min(10, count - len(found)))))
    return found


async def test_its_card_is_changed_before_those_of_what_it_undoes(at: Office) -> None:
    """They all change at once, and Slack takes some fifty changes a minute: people watch this one."""
    original = await done(at)
    rollback = await undo_all(at.world, await opened(at.world), chosen=[original])
    await at.settled()
    async with at.world.ctx.database.transaction() as session:
        mine, its = [(await slack.items(session, uuid.UUID(one["id"])))[LEADS] for one in (rollback, original)]
        for message, seconds in ((mine, 1), (its, 60)):
            since = func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, seconds)
            both = update(SlackMessage).where(SlackMessage.id == message)
            await session.execute(both.values(wanted=SlackMessage.wanted + 1, due_at=since, live=False))
        found = [row[0] for row in await slack.due(session, 10)]
        await session.rollback()
    assert [message for message in found if message in (mine, its)] == [mine, its]


async def test_facts_of_one_that_undoes_nothing_yet(at: Office) -> None:
    rollback = await undo_all(at.world, await opened(at.world), chosen=[await done(at)])
    facts = await cards.facts(at.world.services, uuid.UUID(rollback["id"]))
    assert facts.incident is not None
    assert [(item.n, item.state, item.undo) for item in facts.incident.items] == [(1, None, None)]
    assert facts.incident.turns == ()
