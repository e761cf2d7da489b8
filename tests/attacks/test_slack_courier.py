"""What stands in Slack stays true against foreign messages, odd answers, stuck rows and long outages."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.db import slack
from app.db.slack_tables import SlackMessage
from app.devstack import TemporalServer
from app.keys import KeyRings
from app.slack import delivery
from app.slack.pace import Pace
from app.use_cases.governance import install
from app.use_cases.views import View
from tests.fakes.desk import Desk
from tests.fakes.slack.arguments import SlackError
from tests.fakes.slack.state import Message
from tests.slack.office import LEADS, Office, buttons, office
from tests.world import RULES, build_context


@pytest.fixture(scope="module")
async def at(database_url: str, temporal: TemporalServer, rings: KeyRings, a_desk: Desk) -> AsyncIterator[Office]:
    ctx = await build_context(database_url, rings, a_desk.url)
    async with office(ctx, temporal.address, rings, a_desk) as made:
        yield made
    await ctx.database.close()


def forged(at: Office, of: Message, by: str, thread_ts: str | None = None, **payload: Any) -> Message:
    """A message of somebody else with the metadata of ours: another app can read and write both."""
    metadata = copy.deepcopy(of.metadata or {})
    metadata["event_payload"] |= payload
    version = replace(of.now, metadata=metadata, text="Approved by Dana", blocks=[])
    made = Message(of.channel, at.fake.workspace.ts(), by, thread_ts, broadcast=False, versions=[version])
    at.fake.workspace.messages.append(made)
    return made


def ours(at: Office, shown: View) -> list[Message]:
    """The cards of a request that our bot has posted."""
    return [card for card in at.cards(shown) if card.user == at.fake.workspace.bot_user]


async def test_a_foreign_message_is_not_taken_for_our_card(at: Office) -> None:
    """It copies the metadata of a card whose posting was not answered, before we look."""
    at.fake.fail_next("chat.postMessage", "timeout after commit")
    asked = await at.world.ask("do.moderate")
    await at.until(lambda: at.cards(asked))
    (card,) = ours(at, asked)
    foreign = forged(at, card, "U0MARCO")
    await at.settled()
    await at.world.say("dana", asked, "deny")
    await at.settled()
    assert buttons(card) == ["details"]
    assert [one.ts for one in ours(at, asked)] == [card.ts]
    assert [reply.thread_ts for reply in at.replies(asked)] == [card.ts]
    assert len(foreign.versions) == 1


async def test_a_foreign_reply_does_not_keep_ours_back(at: Office) -> None:
    """The key of a reply can be guessed, and the message is named in the card's own metadata."""
    asked = await at.world.ask("do.moderate")
    await at.settled()
    (card,) = ours(at, asked)
    forged(at, card, "U0MARCO", card.ts, what="denied")
    at.fake.fail_next("chat.postMessage", "timeout before commit")
    await at.world.say("dana", asked, "deny")
    await at.settled()
    assert [reply.user for reply in at.replies(asked)] == [at.fake.workspace.bot_user]


async def test_a_card_that_goes_on_in_its_thread_stands_there_once(at: Office) -> None:
    """The answer to posting it there was lost: what is looked for is the reply, not the card above it."""
    asked = await at.world.ask("do.two")
    await at.settled()
    at.fake.close_edit_window(LEADS, at.cards(asked)[0].ts)
    at.fake.fail_next("chat.postMessage", "timeout after commit")
    await at.world.say("dana", asked)
    await at.settled()
    old, *new = at.cards(asked)
    assert [card.thread_ts for card in new] == [old.ts]
    await at.world.say("marco", asked, "deny")
    await at.settled()
    assert [buttons(card) for card in at.cards(asked)[1:]] == [["details"]]


async def test_a_place_with_much_to_show_does_not_keep_the_others_waiting(at: Office) -> None:
    """Of one place all rows are taken first, though its lane is at work with them for minutes."""
    async with at.world.ctx.database.transaction() as session:
        for _ in range(6):
            await slack.add_message(session, "C0BUSY", "card")
        await session.execute(
            update(SlackMessage)
            .where(SlackMessage.place == "C0BUSY")
            .values(wanted=1, due_at=func.clock_timestamp() - func.make_interval(0, 0, 0, 1))
        )
        await slack.add_message(session, "C0QUIET", "card")
        await session.execute(update(SlackMessage).where(SlackMessage.place == "C0QUIET").values(wanted=1))
        found = await slack.due(session, 5)
        await session.rollback()
    assert "C0QUIET" in {row[1] for row in found}


async def test_a_long_outage_is_no_defect_of_ours(at: Office, caplog: pytest.LogCaptureFixture) -> None:
    """Slack is away for a day: every thirty seconds a try."""
    asked = await at.world.ask("do.moderate")
    await at.settled()
    at.fake.down = True
    async with at.world.ctx.database.transaction() as session:
        await session.execute(update(SlackMessage).values(tries=3_000, due_at=func.clock_timestamp()))
    await at.world.say("dana", asked, "deny")
    try:
        await until_tried(at, more_than=3_000)
    finally:
        at.fake.down = False
    assert "cannot be brought up to date" not in caplog.text
    await now_due(at)
    await at.settled()
    assert buttons(at.cards(asked)[0]) == ["details"]


async def tried(at: Office, *, more_than: int) -> bool:
    """Whether a message that is behind was tried so often."""
    async with at.world.ctx.database.transaction() as session:
        tries = select(func.max(SlackMessage.tries)).where(SlackMessage.wanted > SlackMessage.shown)
        return ((await session.execute(tries)).scalar_one() or 0) > more_than


async def until_tried(at: Office, *, more_than: int) -> None:
    """Wait for it."""
    async for attempt in AsyncRetrying(wait=wait_fixed(0.05), stop=stop_after_delay(30), reraise=True):
        with attempt:
            assert await tried(at, more_than=more_than)


async def now_due(at: Office) -> None:
    """Let the time be over for which messages that failed are put off."""
    async with at.world.ctx.database.transaction() as session:
        behind = SlackMessage.wanted > SlackMessage.shown
        await session.execute(update(SlackMessage).where(behind).values(due_at=func.clock_timestamp(), tries=0))


async def test_what_was_posted_is_found_below_many_others(at: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The channel is busy while we are away: whatever came since, the card comes to be shown, once."""
    monkeypatch.setattr(delivery, "PAGE", 3)
    monkeypatch.setattr(delivery, "PAGES", 2)
    at.fake.fail_next("chat.postMessage", "timeout after commit")
    asked = await at.world.ask("do.moderate")
    await at.until(lambda: at.cards(asked))
    (card,) = ours(at, asked)
    later = float(card.ts) + 7_200
    for n in range(30):
        version = replace(card.now, metadata=None)
        foreign = Message(LEADS, f"{later + n:.6f}", "U0MARCO", None, broadcast=False, versions=[version])
        at.fake.workspace.messages.append(foreign)
    try:
        await at.settled(5)
    finally:
        monkeypatch.undo()
        await at.settled()
    assert len(ours(at, asked)) == 1


@pytest.mark.parametrize("odd", [{"ts": None}, {"channel": None}])
async def test_an_odd_answer_to_posting_does_not_post_twice(at: Office, odd: dict[str, Any]) -> None:
    """Slack says ok, and does not say where it stands."""

    def answered(given: dict[str, Any]) -> dict[str, Any]:
        at.fake.api.add("chat.postMessage", at.fake.api.messages.post)
        said = at.fake.api.messages.post(given)
        return {key: value for key, value in {**said, **odd}.items() if value is not None}

    at.fake.api.add("chat.postMessage", answered)
    asked = await at.world.ask("do.moderate")
    await at.until(lambda: at.cards(asked))
    await until_tried(at, more_than=0)  # only then it is put off
    await now_due(at)
    await at.world.say("dana", asked, "deny")
    await at.settled()
    standing = [card for card in at.cards(asked) if "approve" in buttons(card)]
    assert standing == []


async def test_what_was_not_answered_is_looked_for_also_after_the_channel_was_closed(at: Office) -> None:
    """The bot is taken out of the channel before it could look, and comes back later."""
    at.fake.fail_next("chat.postMessage", "timeout after commit")
    asked = await at.world.ask("do.moderate")
    await at.until(lambda: at.cards(asked))
    at.fake.remove_bot(LEADS)
    await at.until(lambda: [call for call in at.fake.calls if call.outcome == "not_in_channel"])
    at.fake.workspace.channels[LEADS].members.add(at.fake.workspace.bot_user)
    await at.world.say("dana", asked, "deny")
    await at.reopen(LEADS)
    await now_due(at)
    await at.settled()
    assert len(at.cards(asked, LEADS)) == 1
    assert [buttons(card) for card in at.cards(asked)] == [["details"]] * len(at.cards(asked))


async def test_a_thread_that_is_never_there_does_not_fill_the_channel(at: Office) -> None:
    """Slack takes each card and no reply to it: somebody deletes them as they come."""

    def posted(given: dict[str, Any]) -> dict[str, Any]:
        if given.get("thread_ts"):
            raise SlackError("thread_not_found")
        return at.fake.api.messages.post(given)

    at.fake.api.add("chat.postMessage", posted)
    try:
        asked = await at.world.ask("do.moderate")
        await at.until(lambda: at.cards(asked))
        await at.world.say("dana", asked, "deny")
        with pytest.raises(AssertionError):
            await at.until(lambda: len(at.cards(asked)) > 4, 2)
    finally:
        at.fake.api.add("chat.postMessage", at.fake.api.messages.post)
        await now_due(at)
        await at.settled()


async def test_a_pause_that_slack_wants_holds_for_those_who_wait_already() -> None:
    """Twenty of a place have their turns given out by then; each that came too early would be refused as well."""
    pace, now = Pace(20), asyncio.get_running_loop().time
    await pace.turn("chat.postMessage", LEADS)
    waiting = [asyncio.create_task(_came(pace)) for _ in range(5)]
    await asyncio.sleep(0)
    until = now() + 0.5
    pace.hold("chat.postMessage", LEADS, 0.5)
    came = sorted(await asyncio.gather(*waiting))
    assert [at for at in came if at < until] == []
    assert min(later - earlier for earlier, later in pairwise(came)) > 0.03


async def _came(pace: Pace) -> float:
    await pace.turn("chat.postMessage", LEADS)
    return asyncio.get_running_loop().time()


async def test_a_value_that_is_masked_from_now_on_goes_from_the_cards_that_stand(at: Office, rules_copy: Path) -> None:
    """Whoever marks a field because it stood in Slack wants it gone from there."""
    asked = await at.world.ask("do.moderate", parameters={"payee": "customer:4111111111111111"})
    await at.settled()
    source = (rules_copy / "desk.yaml").read_text()
    (rules_copy / "desk.yaml").write_text(
        source.replace("payee: {type: string}", "payee: {type: string, x-sensitive: true}")
    )
    await install(at.world.ctx, rules_copy, replace=True, by="ada")
    try:
        await at.until(lambda: "4111111111111111" not in str(at.cards(asked)[0].blocks))
    finally:
        await install(at.world.ctx, RULES, replace=True, by="ada")


async def test_what_waited_for_its_turn_is_found_where_it_came_to_stand(
    at: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was announced, then had to wait for its turn longer than is looked for; and its answer was lost."""
    asked = await at.world.ask("do.moderate")
    await at.settled()
    monkeypatch.setattr(delivery, "SKEW", timedelta(seconds=0.3))
    monkeypatch.setattr(delivery, "AT_MOST", timedelta(seconds=0.3))
    at.sending.courier.pace.hold("chat.postMessage", LEADS, 2.5)
    at.fake.fail_next("chat.postMessage", "timeout after commit")
    await at.world.say("dana", asked, "deny")
    await at.settled()
    assert len(at.replies(asked)) == 1
