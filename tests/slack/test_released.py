"""Break-glass in Slack: the owners and the reviewers are told at once, by whom and why, in words that are no markup."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from app.devstack import TemporalServer
from app.domain.request import Level
from app.keys import KeyRings
from app.slack.card import card
from app.slack.details import details
from app.slack.released import told_of
from app.steps.reviewing import Finding
from app.use_cases import reviews
from app.use_cases.break_glass import Pull, break_glass
from app.use_cases.card_facts import CardFacts, GlassFacts
from app.use_cases.released import Told
from tests.fakes.desk import Desk
from tests.fakes.slack.block_kit import mentions_and_links, readable
from tests.slack.facts import API, NOON, passed, request
from tests.slack.office import LEADS, Office, office
from tests.slack.seen import fine
from tests.steps.words import id_of, sql
from tests.world import build_context

HOSTILE = "<!channel> *see* <https://evil.example|here> <@U0DANA>"
GLASS = GlassFacts("Ivan", HOSTILE, NOON, ("Eve",), NOON + timedelta(hours=24))
FOUND = replace(GLASS, finding="unjustified", reviewer="Eve", found=HOSTILE)


def of(glass: GlassFacts) -> CardFacts:
    return request(status="approved", stages=passed(), glass=glass)


def shown(facts: CardFacts) -> str:
    message = card(facts, live=True, api_url=API).message(None)
    fine(message)
    assert mentions_and_links(message["text"], message["blocks"]) == []
    return readable(message["blocks"])


def test_the_card_says_who_why_and_who_reviews_it_until_when() -> None:
    text = shown(of(GLASS))
    assert "Released alone by: Ivan, 2026-11-24 12:00 UTC" in text
    assert HOSTILE in text
    assert "To be reviewed: by Eve, until 2026-11-25 12:00 UTC; else the bot is suspended" in text


def test_the_card_says_what_was_found() -> None:
    text = shown(of(FOUND))
    assert "Reviewed: found unjustified by Eve" in text
    assert "To be reviewed" not in text


def test_the_card_says_when_newer_rules_took_it_back() -> None:
    assert "Newer rules took that back" in shown(of(replace(GLASS, void_at=NOON)))


def test_details_say_it_too() -> None:
    assert "Released alone by: Ivan" in readable(details(of(GLASS), live=True, api_url=API).content())


def test_the_replies_mention_only_whom_they_are_for() -> None:
    told = Told(("U0OLIVIA",), ("Eve",))
    first, second = list(told_of(of(FOUND), told))
    assert (first.key, second.key) == ("glass-broken", "reviewed")
    assert mentions_and_links(first.text, first.blocks) == ["<@U0OLIVIA>"]
    assert mentions_and_links(second.text, second.blocks) == []
    assert HOSTILE in readable(second.blocks)
    assert [one.key for one in told_of(of(GLASS), told)] == ["glass-broken"]
    assert list(told_of(request(), told)) == []


@pytest.fixture(scope="module")
async def at(database_url: str, temporal: TemporalServer, rings: KeyRings, a_desk: Desk) -> AsyncIterator[Office]:
    ctx = await build_context(database_url, rings, a_desk.url)
    async with office(ctx, temporal.address, rings, a_desk) as made:
        yield made
    await sql(made.world, "delete from review")
    await ctx.database.close()


async def test_owners_and_reviewers_are_told_at_once_in_the_channel_and_directly(at: Office) -> None:
    asked = await at.world.ask("do.two")
    await at.until(lambda: bool(at.cards(asked)))
    pull = Pull(HOSTILE, asked["digest"])
    seen = await break_glass(at.world.services, at.world.person("ivan", Level.RECENT), id_of(asked), pull)
    await at.until(lambda: len([one for one in at.replies(asked) if "Released alone" in str(one.text)]) >= 2)
    await at.settled()
    replies = {one.channel: one for one in at.replies(asked) if "Released alone" in str(one.text)}
    assert len(replies) == 2  # in the channel, and to Olivia, who owns the bot; the others have no account
    channel = replies.pop(LEADS)
    [direct] = replies.values()
    for reply in (channel, direct):
        assert mentions_and_links(reply.text, reply.blocks) == ["<@U0OLIVIA>"]
    assert ", Eve, Sam" in readable(channel.blocks)
    assert HOSTILE in readable(channel.blocks)
    review = uuid.UUID(seen["break_glass"]["review"]["id"])
    await reviews.attest(at.world.services, at.world.person("eve"), review, Finding("justified", "It had to be"))
    await at.until(lambda: any("Reviewed" in str(one.text) for one in at.replies(asked)))
