"""Who is away stands on cards, and who decides for them is asked in person."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from app.devstack import TemporalServer
from app.keys import KeyRings
from app.use_cases import delegations
from app.use_cases.delegations import Wish
from tests.fakes.desk import Desk
from tests.slack.office import LEADS, Office, buttons, office
from tests.steps.words import id_of, sql
from tests.world import build_context


@pytest.fixture(scope="module")
async def at(database_url: str, temporal: TemporalServer, rings: KeyRings, a_desk: Desk) -> AsyncIterator[Office]:
    ctx = await build_context(database_url, rings, a_desk.url)
    async with office(ctx, temporal.address, rings, a_desk) as made:
        yield made
    await ctx.database.close()


@pytest.fixture(autouse=True)
async def nobody_away(at: Office) -> AsyncIterator[None]:
    yield
    await sql(at.world, "delete from delegation")


async def away(at: Office, person: str, to: str) -> dict[str, Any]:
    async with at.world.ctx.database.transaction() as session:
        now = await at.world.ctx.clock.now(session)
    wish = Wish(to, None, now + timedelta(days=3), "Holidays")
    return (await delegations.give(at.world.services, at.world.person(person), uuid.uuid4().hex, wish))[0]


def direct(at: Office, user: str) -> str:
    """The channel of the direct messages between a person and us."""
    return at.fake.workspace.direct(user).id


async def test_a_delegate_from_outside_is_asked_in_person(at: Office) -> None:
    await away(at, "dana", "fiona")
    asked = await at.world.ask("do.moderate")
    await at.settled()
    assert {card.channel for card in at.cards(asked)} == {LEADS, direct(at, "U0FIONA")}
    for card in at.cards(asked):
        assert "Dana" in str(card.blocks)
        assert "is away until" in str(card.blocks)
        assert "decides for Dana" in str(card.blocks)
        assert "approve" in buttons(card)
    await at.world.say("fiona", asked)
    await at.world.until(asked, "succeeded")


async def test_a_delegate_from_inside_sees_it_in_the_channel(at: Office) -> None:
    await away(at, "dana", "marco")
    asked = await at.world.ask("do.moderate")
    await at.settled()
    assert {card.channel for card in at.cards(asked)} == {LEADS}


async def test_a_card_that_stands_says_who_goes_and_comes_back(at: Office) -> None:
    """Nobody decides for them there: it was pending."""
    asked = await at.world.ask("do.moderate")
    await at.settled()
    (card,) = at.cards(asked)
    assert "is away until" not in str(card.blocks)
    given = await away(at, "dana", "fiona")
    await at.until(lambda: "is away until" in str(at.cards(asked)[0].blocks))
    assert "decides for" not in str(at.cards(asked)[0].blocks)
    assert len(at.cards(asked)) == 1
    await delegations.end(at.world.services, at.world.person("dana"), id_of(given))
    await at.until(lambda: "is away until" not in str(at.cards(asked)[0].blocks))
