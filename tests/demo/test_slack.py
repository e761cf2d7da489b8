"""The demo's people in Slack: what they see and click; a step that goes otherwise is not told as if it had not."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from app.demo import slack as demo_slack
from app.demo.cards import Cards
from app.demo.expect import Narrator, Unexpected
from app.demo.slack import APPROVERS, CHANNELS, PEOPLE, account, introduce, workspace
from app.demo.stack import EXAMPLE, names_a_workspace, without_slack
from app.governance.files import load
from tests.fakes.slack.control import add_control
from tests.fakes.slack.server import SlackFake

Json = dict[str, Any]

REQUEST: Json = {"id": str(uuid.uuid4()), "action": "orders.cancel"}
SECRET = "a-signing-secret"
HELD = "Held: it waits for people to decide"
TOLD = "You own this bot. (bot-owner) You are the payee. (beneficiary)"


def plain(text: str) -> Json:
    """A plain_text object."""
    return {"type": "plain_text", "text": text, "emoji": False}


def section(text: str) -> Json:
    """A line of a card."""
    return {"type": "section", "text": plain(text)}


def buttons(*labels: str) -> Json:
    """The last line of a card."""
    row = [{"type": "button", "action_id": label.lower(), "text": plain(label)} for label in labels]
    return {"type": "actions", "elements": row}


CARD = [section(HELD), section("No decisions"), buttons("Approve", "Deny", "Details")]
DECIDED = [section("Succeeded"), section("Dana approved"), section("No decisions"), buttons("Details")]


FORM = {
    "type": "modal",
    "callback_id": "deny",
    "title": plain("Deny"),
    "submit": plain("Deny"),
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": plain("Reason"),
            "element": {"type": "plain_text_input", "action_id": "reason"},
        }
    ],
}


UNDO = {**FORM, "callback_id": "undo", "blocks": [section("It would be undone with: Restore"), *FORM["blocks"]]}
ASKED = "Asked for, as request 1; it waits for the signature of rollback-signers."


class App:
    """An app of Bolt that tells whoever approves that they may not, and asks whoever denies, or undoes, for a reason.

    ``answer``: what then stands in the form of a rollback.
    """

    def __init__(self, bot: AsyncWebClient) -> None:
        self.reasons: list[str] = []
        self.commands: list[str] = []
        self.answer = ASKED
        self.bolt = AsyncApp(client=bot, signing_secret=SECRET)
        self.bolt.action("approve")(self._approve)
        self.bolt.action("deny")(self._deny)
        self.bolt.view("deny")(self._reason)
        self.bolt.command("/interlock")(self._command)
        self.bolt.view("undo")(self._undo)

    async def _approve(self, ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.chat_postEphemeral(channel=body["channel"]["id"], user=body["user"]["id"], text=TOLD)

    async def _deny(self, ack: Any, body: Json, client: AsyncWebClient) -> None:
        await client.views_open(trigger_id=body["trigger_id"], view=FORM)
        await ack()

    async def _reason(self, ack: Any, body: Json) -> None:
        self.reasons.append(body["view"]["state"]["values"]["reason"]["reason"]["value"])
        await ack()

    async def _command(self, ack: Any, body: Json, client: AsyncWebClient) -> None:
        self.commands.append(body["text"])
        await client.views_open(trigger_id=body["trigger_id"], view=UNDO)
        await ack()

    async def _undo(self, ack: Any, body: Json) -> None:
        self.reasons.append(body["view"]["state"]["values"]["reason"]["reason"]["value"])
        answered = {"type": "modal", "title": plain("Rollback"), "blocks": [section(self.answer)]}
        await ack(response_action="update", view=answered)


@dataclass(frozen=True, slots=True)
class Office:
    """The fake, our app and its client, and the demo's cards."""

    fake: SlackFake
    bot: AsyncWebClient
    app: App
    cards: Cards

    async def post(self, blocks: list[Json] = CARD, text: str = "Held") -> str:
        """A card of the request; its ts."""
        metadata = {"event_type": "interlock_request", "event_payload": {"request_id": REQUEST["id"], "version": 1}}
        posted = await self.bot.chat_postMessage(channel=APPROVERS, text=text, blocks=blocks, metadata=metadata)
        return str(posted["ts"])

    async def change(self, ts: str, blocks: list[Json], reply: str = "Succeeded") -> None:
        """Change a card, and say how it ended in its thread."""
        await self.bot.chat_update(channel=APPROVERS, ts=ts, text="Changed", blocks=blocks)
        await self.bot.chat_postMessage(channel=APPROVERS, thread_ts=ts, text=reply, blocks=[section(reply)])


@pytest.fixture
async def office(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    """A workspace of its own, whose people are not patient, and our app, introduced as `make demo` does it."""
    monkeypatch.setattr(demo_slack, "WAIT_SECONDS", 1)
    async with SlackFake.serving(signing_secret="", rate=None, routes=add_control) as fake:
        for name in PEOPLE:
            fake.workspace.add_user(account(name), name)
        for channel in CHANNELS:
            fake.workspace.add_channel(channel)
        bot = AsyncWebClient("xoxb-test", base_url=fake.api_url)
        app = App(bot)
        async with served(app.bolt.web_app(path="/slack/events")) as url, workspace(fake.url) as slack:
            await introduce(fake.url, {"signing_secret": SECRET, "events_url": f"{url}/slack/events"})
            yield Office(fake, bot, app, Cards(slack, Narrator()))


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """Serves an app on loopback and gives its URL."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_card_is_printed_as_its_readers_see_it(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    await office.post()
    office.cards.whole(await office.cards.appears(REQUEST))
    told = capsys.readouterr().out.split("\n")
    assert told[1:] == [f"     | {HELD}", "     | No decisions", "     | [Approve]  [Deny]  [Details]", ""]


async def test_a_card_that_calls_somebody_is_not_taken_for_inert(office: Office) -> None:
    await office.post(text="<!channel>")
    with pytest.raises(Unexpected, match="mentions and links on the card"):
        await office.cards.appears(REQUEST)


@pytest.mark.parametrize("blocks", [CARD[1:], [*CARD[:2], buttons("Details")], None], ids=["words", "buttons", "none"])
async def test_a_card_that_is_not_there_as_it_must_be(office: Office, blocks: list[Json] | None) -> None:
    if blocks:
        await office.post(blocks)
    with pytest.raises(Unexpected):
        await office.cards.appears(REQUEST)


async def test_a_refused_click_is_told_with_its_sentence(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    await office.post()
    card = await office.cards.appears(REQUEST)
    await office.cards.refused("mia", card, "is the customer", "beneficiary", "bot-owner")
    assert f"     | {TOLD}\n" in capsys.readouterr().out
    with pytest.raises(Unexpected, match="why mia's click is refused"):
        await office.cards.refused("mia", card, "is the customer", "beneficiary")
    with pytest.raises(Unexpected, match="what mia is told"):
        await office.cards.approved("mia", card)


async def test_a_click_that_the_app_does_not_take(office: Office) -> None:
    await office.post()
    card = await office.cards.appears(REQUEST)
    await introduce(office.fake.url, {"signing_secret": "another", "events_url": str(office.fake.events_url)})
    with pytest.raises(Unexpected, match="U0MIA cannot click: http_status_401"):
        await office.cards.approved("mia", card)


async def test_a_denial_goes_through_the_form(office: Office) -> None:
    await office.post()
    await office.cards.denied("dana", await office.cards.appears(REQUEST), "sold out")
    assert office.app.reasons == ["sold out"]


async def test_a_rollback_is_asked_for_in_its_form(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    await office.cards.rollback_asked("ivan", "a responder", REQUEST, "by mistake", "undone with")
    assert office.app.commands == [f"rollback {REQUEST['id'][:8]}"]
    assert office.app.reasons == ["by mistake"]
    told = capsys.readouterr().out.split("\n")
    assert told[1:] == ["     | It would be undone with: Restore", f"     | {ASKED}", ""]
    with pytest.raises(Unexpected, match=r"what the form does not say: expected \[\], got \['Nothing runs'\]"):
        await office.cards.rollback_asked("ivan", "a responder", REQUEST, "by mistake", "Nothing runs")


async def test_a_rollback_that_is_not_asked_for(office: Office) -> None:
    office.app.answer = "It is too late, or somebody else has asked."
    with pytest.raises(Unexpected, match="what ivan is told: expected 'Asked for'"):
        await office.cards.rollback_asked("ivan", "a responder", REQUEST, "by mistake")


async def test_the_card_of_what_was_undone_says_so(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    ts = await office.post()
    before = await office.cards.appears(REQUEST)
    await office.change(ts, [*DECIDED[:2], section("Reversed by: 1 (held)"), *DECIDED[2:]])
    with pytest.raises(Unexpected, match="Reversed by"):
        await office.cards.undone(REQUEST, before)
    await office.change(ts, [*DECIDED[:2], section("Reversed by: 1 (succeeded)"), *DECIDED[2:]], reply="Rolled back")
    await office.cards.undone(REQUEST, before)
    told = capsys.readouterr().out.split("\n")
    assert told[1:] == ["     | Reversed by: 1 (succeeded)", "     | Rolled back", ""]


async def test_a_changed_card_shows_what_is_new(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    ts = await office.post()
    before = await office.cards.appears(REQUEST)
    await office.change(ts, DECIDED)
    capsys.readouterr()
    await office.cards.changed(REQUEST, before, "Succeeded", "Dana approved")
    told = [line.strip() for line in capsys.readouterr().out.split("\n")[1:]]
    assert told == ["| Succeeded", "| Dana approved", "| [Details]", "in its thread:", "| Succeeded", ""]


async def test_a_card_that_can_still_be_clicked_is_not_decided(office: Office) -> None:
    ts = await office.post()
    before = await office.cards.appears(REQUEST)
    await office.change(ts, [*DECIDED[:2], CARD[-1]])
    with pytest.raises(Unexpected, match="the buttons of a card that is decided"):
        await office.cards.changed(REQUEST, before, "Succeeded")


async def test_a_thread_that_says_something_else(office: Office) -> None:
    ts = await office.post()
    before = await office.cards.appears(REQUEST)
    await office.change(ts, DECIDED, reply="Failed")
    with pytest.raises(Unexpected, match="how its reply begins: expected 'Succeeded', got 'Failed"):
        await office.cards.changed(REQUEST, before, "Succeeded")


async def test_what_the_fake_complains_of_is_not_passed_over(office: Office) -> None:
    await office.post()
    await office.cards.by_the_rules()
    office.fake.complaints.append("a click was answered with a body")
    with pytest.raises(Unexpected, match="complains of"):
        await office.cards.by_the_rules()


def test_the_workspace_is_that_of_the_rules() -> None:
    rules = load(EXAMPLE)
    accounts = {one.subject for person in rules.people for one in person.identities if one.provider == "slack"}
    assert accounts == {account(name) for name in PEOPLE}
    assert {group["slack_channel"] for group in rules.document["groups"] if "slack_channel" in group} == set(CHANNELS)


def test_the_callers_workspace_is_left_alone() -> None:
    ours = {"PATH": "/bin", "INTERLOCK_DATA": "d", "SLACKER": "1"}
    theirs = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "INTERLOCK_SLACK__SOCKET_MODE": "true"}
    assert without_slack(ours | theirs) == ours
    assert names_a_workspace(theirs)
    assert not names_a_workspace(ours | {"SLACK_BOT_TOKEN": " "})
