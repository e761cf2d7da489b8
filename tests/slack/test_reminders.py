"""Reminders in Slack: under the card, once each, to those asked there who may decide and have not."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest

from app.devstack import TemporalServer
from app.keys import KeyRings
from app.use_cases.governance import install
from app.use_cases.views import View
from tests.fakes.desk import Desk
from tests.fakes.slack.block_kit import mentions_and_links, readable
from tests.fakes.slack.state import Message
from tests.slack.office import FINANCE, LEADS, Office, office
from tests.world import RULES, build_context

SOON = "remind: [500ms]"
PLANS = {
    "stages: [{name: leads, group: leads, quorum: 2, within: 1h}]": (
        "stages: [{name: leads, group: leads, quorum: 2, within: 1h, remind: [500ms, 40m]}]"
    ),
    "pair: {stages: [{name: pair, group: pair, quorum: 2}], fallback": (
        f"pair: {{stages: [{{name: pair, group: pair, quorum: 1, {SOON}}}], fallback"
    ),
    "brief: {stages: [{name: lead, group: leads, quorum: 1}], expires: 1s}": (
        f"brief: {{stages: [{{name: lead, group: leads, notify: direct, {SOON}}}], expires: 1h}}"
    ),
    "within: 1s, escalate_to: managers": "within: 3s, escalate_to: finance, remind: [1s]",
}


@pytest.fixture(scope="module")
async def at(
    database_url: str,
    temporal: TemporalServer,
    rings: KeyRings,
    a_desk: Desk,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Office]:
    ctx = await build_context(database_url, rings, a_desk.url)
    folder = tmp_path_factory.mktemp("rules")
    shutil.copytree(RULES, folder, dirs_exist_ok=True)
    text = (folder / "desk.yaml").read_text()
    for old, new in PLANS.items():
        assert old in text, old
        text = text.replace(old, new)
    (folder / "desk.yaml").write_text(text)
    await install(ctx, folder, replace=True, by="ada")
    async with office(ctx, temporal.address, rings, a_desk) as made:
        yield made
    await ctx.database.close()


async def reminders(at: Office, shown: View, number: int = 1) -> list[Message]:
    """The reminders of a request, once there are so many, and nothing more is to be shown."""
    await at.until(lambda: len([one for one in at.replies(shown) if "Reminder" in str(one.text)]) >= number)
    await at.settled()
    return [one for one in at.replies(shown) if "Reminder" in str(one.text)]


def mentioned(message: Message) -> list[str]:
    return mentions_and_links(message.text, message.blocks)


async def test_a_channel_is_reminded_in_the_thread_of_the_card(at: Office) -> None:
    """Of a request for Mia; Olivia and Tom stand too near. Tom, who has no account in Slack, is named nowhere."""
    asked = await at.world.ask("do.two", on_behalf_of="customer:mia")
    await at.world.say("marco", asked)
    (reply,) = await reminders(at, asked)
    (card,) = at.cards(asked)
    assert (reply.channel, reply.thread_ts) == (LEADS, card.ts)
    assert mentioned(reply) == ["<@U0DANA>", "<@U0PRIYA>"]
    assert "Something that two of one group sign still waits for a decision" in readable(reply.blocks)
    assert ", until 2" in readable(reply.blocks)
    assert "next reminder" in readable(card.blocks)
    await at.world.say("dana", asked)
    await at.world.until(asked, "succeeded")
    await at.settled()
    assert len(at.replies(asked)) == 2


async def test_who_is_asked_directly_is_reminded_directly_and_alone(at: Office) -> None:
    asked = await at.world.ask("do.brief", on_behalf_of="customer:mia")
    replies = await reminders(at, asked, 3)
    cards = {card.ts: card for card in at.cards(asked)}
    assert LEADS not in {card.channel for card in cards.values()}
    said = {one.channel: mentioned(one) for one in replies}
    assert sorted(said.values()) == [["<@U0DANA>"], ["<@U0MARCO>"], ["<@U0PRIYA>"]]
    assert len(said) == 3
    assert all(one.channel == cards[str(one.thread_ts)].channel for one in replies)
    await at.world.say("dana", asked)
    await at.world.until(asked, "succeeded")


async def test_after_an_escalation_the_new_group_is_told_why_and_reminded_by_itself(at: Office) -> None:
    asked = await at.world.ask("do.escalating", on_behalf_of="customer:mia")
    await at.until(lambda: at.cards(asked, FINANCE))
    replies = await reminders(at, asked, 3)
    (card,) = at.cards(asked, FINANCE)
    assert "Escalated: from leads to finance: their time was over, " in readable(card.versions[0].blocks)
    told = [(one.channel, mentioned(one)) for one in replies]
    assert told.count((FINANCE, ["<@U0DANA>", "<@U0FELIX>", "<@U0FIONA>"])) == 1
    assert all(len(whom) == len(set(whom)) and "<@U0MIA>" not in whom for _, whom in told)
    assert [whom for channel, whom in told if channel == LEADS] == [["<@U0DANA>", "<@U0MARCO>", "<@U0PRIYA>"]] * 2
    await at.world.until(asked, "expired")


async def test_a_reminder_is_posted_once_whatever_slack_answers(at: Office) -> None:
    asked = await at.world.ask("do.two")
    await at.until(lambda: at.cards(asked))
    at.fake.fail_next("chat.postMessage", "timeout after commit")
    assert len(await reminders(at, asked)) == 1
    await at.world.say("dana", asked, "deny")
    await at.settled()
    assert [str(one.text).partition(":")[0] for one in at.replies(asked)] == ["Reminder", "Denied"]
