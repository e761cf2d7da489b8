"""Cards stay true: whatever happens to a request and to Slack, the messages come to show how it stands, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from app.devstack import TemporalServer
from app.keys import KeyRings
from app.use_cases.views import View
from tests.fakes.desk import Desk
from tests.fakes.slack.arguments import SlackError
from tests.fakes.slack.failing import KINDS
from tests.slack.office import FINANCE, LEADS, Office, buttons, office
from tests.world import build_context


@pytest.fixture(scope="module")
async def at(database_url: str, temporal: TemporalServer, rings: KeyRings, a_desk: Desk) -> AsyncIterator[Office]:
    ctx = await build_context(database_url, rings, a_desk.url)
    async with office(ctx, temporal.address, rings, a_desk) as made:
        yield made
    await ctx.database.close()


async def test_a_held_request_has_a_card_and_its_outcome_in_the_thread(at: Office) -> None:
    asked = await at.world.ask("do.moderate")
    await at.settled()
    (card,) = at.cards(asked)
    assert card.channel == LEADS
    assert buttons(card) == ["approve", "deny", "details"]
    await at.world.say("dana", asked)
    await at.world.until(asked, "succeeded")
    await at.settled()
    (card,) = at.cards(asked)
    assert buttons(card) == ["details"]
    assert "Dana" in str(card.blocks)
    (reply,) = at.replies(asked)
    assert reply.thread_ts == card.ts
    assert (card.metadata or {})["event_payload"]["version"] == (await at.world.look(asked))["version"]


async def test_the_next_stage_is_asked_in_its_own_place(at: Office) -> None:
    asked = await at.world.ask("do.stages")
    await at.settled()
    assert [card.channel for card in at.cards(asked)] == [LEADS]
    await at.world.say("marco", asked)
    await at.settled()
    first, second = at.cards(asked, LEADS)[0], at.cards(asked, FINANCE)[0]
    assert buttons(first) == ["details"]
    assert "approve" in buttons(second) or "web API" in str(second.blocks)


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update", "conversations.history"])
async def test_a_call_that_fails_leaves_one_card_that_is_right(at: Office, method: str) -> None:
    """In each of the ways, one after the other, while all the others' cards have to be seen to as well."""
    asked = []
    for kind in KINDS:
        if method == "conversations.history":
            at.fake.fail_next("chat.postMessage", "timeout after commit")
        at.fake.fail_next(method, kind)
        asked.append(await at.world.ask("do.moderate"))
    await asyncio.gather(*(closed(at, shown) for shown in asked))
    await at.settled()
    for shown in asked:
        (card,) = at.cards(shown)
        assert buttons(card) == ["details"]
        assert len(at.replies(shown)) == 1
    assert at.fake.ordered.take(method) is None


async def closed(at: Office, shown: View) -> None:
    """Decide a request once its card is there, and wait for its outcome."""
    await at.until(lambda: at.cards(shown))
    await at.world.say("dana", shown)
    await at.world.until(shown, "succeeded")


async def test_a_reply_is_posted_once(at: Office) -> None:
    asked = [await at.world.ask("do.moderate") for _ in KINDS]
    await at.settled()
    for kind in KINDS:
        at.fake.fail_next("chat.postMessage", kind)
    await asyncio.gather(*(at.world.say("dana", shown, "deny") for shown in asked))
    await at.settled()
    assert [(len(at.replies(shown)), len(at.cards(shown))) for shown in asked] == [(1, 1)] * len(KINDS)
    assert at.fake.ordered.take("chat.postMessage") is None


async def test_a_deleted_card_is_posted_anew(at: Office) -> None:
    asked = await at.world.ask("do.moderate")
    await at.settled()
    at.fake.delete_message(LEADS, at.cards(asked)[0].ts)
    await at.world.say("dana", asked, "deny")
    await at.settled()
    old, new = at.cards(asked)
    assert old.deleted
    assert not new.deleted
    assert buttons(new) == ["details"]
    assert [reply.thread_ts for reply in at.replies(asked)] == [new.ts]


async def test_a_card_that_cannot_be_edited_goes_on_in_its_thread(at: Office) -> None:
    asked = await at.world.ask("do.two")
    await at.settled()
    at.fake.close_edit_window(LEADS, at.cards(asked)[0].ts)
    await at.world.say("dana", asked)
    await at.settled()
    old, new = at.cards(asked)
    assert new.thread_ts == old.ts
    assert "approve" in buttons(new)
    await at.world.say("marco", asked)
    await at.world.until(asked, "succeeded")
    await at.settled()
    assert len(at.cards(asked)) == 2
    assert buttons(new) == ["details"]
    assert [reply.thread_ts for reply in at.replies(asked)] == [old.ts]


async def test_a_group_without_a_channel_is_asked_in_person(at: Office) -> None:
    """Those who may decide, and nobody else (Olivia owns the bot); who has decided sees no buttons any more."""
    asked = await at.world.ask("do.pair")
    await at.settled()
    assert {card.channel for card in at.cards(asked)} == {direct(at, "U0MIA"), direct(at, "U0GRETA")}
    await at.world.say("mia", asked)
    await at.settled()
    assert buttons(at.cards(asked, direct(at, "U0MIA"))[0]) == ["details"]
    assert "approve" in buttons(at.cards(asked, direct(at, "U0GRETA"))[0])


def direct(at: Office, user: str) -> str:
    """The conversation of our bot with one person."""
    return at.fake.workspace.direct(user).id


async def test_a_channel_that_is_closed_to_us_is_replaced_by_its_people(at: Office) -> None:
    at.fake.remove_bot(FINANCE)
    asked = await at.world.ask("do.stages")
    await at.settled()
    await at.world.say("marco", asked)
    await at.until(lambda: len(at.cards(asked)) == 4)
    channels = {card.channel for card in at.cards(asked)}
    assert channels == {LEADS, *(direct(at, user) for user in ("U0FIONA", "U0FELIX", "U0DANA"))}
    at.fake.workspace.channels[FINANCE].members.add(at.fake.workspace.bot_user)
    await at.reopen(FINANCE)
    await at.settled()
    assert len(at.cards(asked, FINANCE)) == 1


async def test_content_that_slack_refuses_is_replaced_by_a_bare_card(
    at: Office, caplog: pytest.LogCaptureFixture
) -> None:
    asked = await at.world.ask("do.moderate")
    await at.settled()

    def too_long(_: dict[str, Any]) -> dict[str, Any]:
        at.fake.api.add("chat.update", at.fake.api.messages.update)
        raise SlackError("msg_blocks_too_long")

    at.fake.api.add("chat.update", too_long)
    await at.world.say("dana", asked, "deny")
    await at.settled()
    (card,) = at.cards(asked)
    assert buttons(card) == ["details"]
    assert "does not take what" in str(card.blocks)
    assert "msg_blocks_too_long" in caplog.text


async def test_slack_down_costs_lateness_only(at: Office) -> None:
    """Holds, decisions and expiry go on; then one call a card tells the latest state, with no button left."""
    early = await at.world.ask("do.moderate")
    await at.settled()
    at.fake.down = True
    brief, denied, held = [await at.world.ask(f"do.{kind}") for kind in ("brief", "moderate", "high")]
    await at.world.say("dana", early)
    await at.world.say("dana", denied, "deny")
    await at.world.until(early, "succeeded")
    await at.world.until(brief, "expired")
    since = len(at.fake.calls)
    at.fake.down = False
    await at.settled()
    assert [buttons(at.cards(shown)[0]) for shown in (early, brief, denied)] == [["details"]] * 3
    assert buttons(at.cards(held)[0]) == ["approve", "deny", "details"]
    assert [len(at.cards(shown)) for shown in (early, brief, denied, held)] == [1] * 4
    updates = [call for call in at.fake.calls[since:] if call.method == "chat.update" and call.committed]
    assert len(updates) == 1  # of the card that stood; the others were posted as they are now


async def test_no_transaction_is_open_while_slack_is_called(at: Office) -> None:
    at.fake.fail_next("chat.postMessage", "timeout after commit")
    asked = await at.world.ask("do.moderate")
    await at.until(lambda: at.cards(asked))
    async with at.world.ctx.database.transaction() as session:
        count = "select count(*) from pg_stat_activity where state like 'idle in%' and datname = current_database()"
        assert (await session.execute(text(count))).scalar_one() == 0
    await at.settled()
    assert len(at.cards(asked)) == 1


async def test_slack_never_had_to_slow_us_down(at: Office) -> None:
    """The last of this file: of all that was sent above, the rates were kept, and nothing was odd."""
    assert [call.method for call in at.fake.calls if call.outcome == "ratelimited"] == []
    assert at.fake.complaints == []
