"""Nobody gets anything approved in Slack by mixing, replaying or borrowing what Slack has signed."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from app.slack.directory import Directory
from app.use_cases.actors import SlackAccount
from app.use_cases.links import ask_code, link
from app.use_cases.views import View
from tests.fakes.slack.delivery import Sent
from tests.slack.conftest import Reception, reception_of, user
from tests.slack.office import TEAM
from tests.world import World

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
Change = Callable[[dict[str, Any]], Any]


@pytest.fixture(scope="module")
async def at(world: World) -> AsyncIterator[Reception]:
    """A door of this module's own."""
    async with reception_of(world) as made:
        yield made


async def changed(at: Reception, sent: Sent, change: Change) -> Sent:
    """Send a genuine payload once more, changed, and signed as if Slack had sent it so."""
    payload = copy.deepcopy(sent.payload)
    change(payload)
    body = urlencode({"payload": json.dumps(payload)}).encode()
    answer = await at.fake.people.raw(body, {**FORM, **at.fake.people.signed(body)})
    await at.door.keeping.drain(20)
    return answer


def in_value(payload: dict[str, Any], **given: Any) -> None:
    """Change what the button carries."""
    action = payload["actions"][0]
    action["value"] = json.dumps(json.loads(action["value"]) | given)


def in_form(payload: dict[str, Any], **given: Any) -> None:
    """Change what the form carries."""
    view = payload["view"]
    view["private_metadata"] = json.dumps(json.loads(view["private_metadata"]) | given)


async def looked(at: Reception, shown: View) -> Sent:
    """A genuine click that decides nothing: its payload holds a button's value."""
    return await at.press("marco", await at.card(shown), "details")


def approving(value: str) -> Change:
    """Make an approval with this value of it."""

    def change(payload: dict[str, Any]) -> None:
        payload["actions"][0] |= {"action_id": "approve", "value": value, "action_ts": "1700000000.000001"}

    return change


@pytest.mark.parametrize(
    "foreign", [{"request_id"}, {"digest"}, {"card"}, {"request_id", "digest"}, {"digest", "card"}]
)
async def test_parts_of_two_buttons_decide_nothing(at: Reception, foreign: set[str]) -> None:
    one, other = await at.world.ask("do.moderate"), await at.world.ask("do.moderate")
    click = await looked(at, one)
    values = [json.loads((await looked(at, shown)).payload["actions"][0]["value"]) for shown in (one, other)]
    mixed = values[0] | {key: values[1][key] for key in foreign}
    assert (await changed(at, click, approving(json.dumps(mixed)))).status == 200
    assert await at.decisions(one) == []
    assert await at.decisions(other) == []


@pytest.mark.parametrize("foreign", ["request_id", "digest", "card"])
async def test_parts_of_two_forms_decide_nothing(at: Reception, foreign: str) -> None:
    one, other = await at.world.ask("do.moderate"), await at.world.ask("do.moderate")
    value = json.loads((await looked(at, other)).payload["actions"][0]["value"])
    sent = await form_of(at, "priya", one, lambda payload: in_form(payload, **{foreign: value[foreign]}))
    assert sent.status == 200
    assert await at.decisions(one) == []
    assert await at.decisions(other) == []


async def form_of(at: Reception, who: str, shown: View, change: Change) -> Sent:
    """Open the form for a denial, and send it changed."""
    for view in at.fake.workspace.views.values():
        view.open = False
    await at.click(who, shown, "deny")
    sent = await at.fake.people.submit(user(who), (await at.modal(who)).id, {"reason": "   "})
    assert sent.json["response_action"] == "errors"

    def filled(payload: dict[str, Any]) -> None:
        payload["view"]["state"]["values"]["reason"]["reason"]["value"] = "No"
        change(payload)

    return await changed(at, sent, filled)


async def test_a_form_counts_for_who_sends_it(at: Reception) -> None:
    """Not for who has opened it."""
    shown = await at.world.ask("do.moderate")
    sent = await form_of(at, "dana", shown, lambda payload: payload["user"].update(id=user("fiona")))
    assert "not-eligible" in str(sent.json)
    assert await at.decisions(shown) == []


def _own(payload: dict[str, Any]) -> None:
    payload["team"] = {"id": "T0OTHER"}
    payload["user"]["team_id"] = "T0OTHER"


PEOPLE: dict[str, Change] = {
    "their own team is another": lambda payload: payload["user"].update(team_id="T0OTHER"),
    "all of it is of another team": _own,
    "no team at all": lambda payload: (payload["user"].pop("team_id"), payload.update(team=None)),
    "a team of another type": lambda payload: payload["user"].update(team_id=["T0"]),
    "a team in another case": lambda payload: payload["user"].update(team_id="t0"),
    "a user in another case": lambda payload: payload["user"].update(id="u0dana"),
    "a user of another type": lambda payload: payload["user"].update(id=[user("dana")]),
    "an enterprise's user": lambda payload: (
        payload["user"].update(id="W0DANA", enterprise_user={"id": user("dana")}),
        payload.update(enterprise={"id": "E0"}, is_enterprise_install=True),
    ),
    "a person's id": lambda payload: payload["user"].update(id="dana", name="dana", username="dana"),
    "the subject of a web account": lambda payload: payload["user"].update(id="dana-web"),
    "a name that is a person's": lambda payload: payload["user"].update(id="U0NOBODY", name="dana", username="Dana"),
    "our own bot": lambda payload: payload["user"].update(id="U0INTERLOCK"),
}


@pytest.mark.parametrize("whose", PEOPLE)
async def test_nobody_decides_as_somebody_else(at: Reception, whose: str) -> None:
    shown = await at.world.ask("do.moderate")
    click = await looked(at, shown)
    value = click.payload["actions"][0]["value"]

    def change(payload: dict[str, Any]) -> None:
        approving(value)(payload)
        payload["user"]["id"] = user("dana")
        PEOPLE[whose](payload)

    assert (await changed(at, click, change)).status in (200, 400)
    assert await at.decisions(shown) == []
    assert (await at.world.look(shown))["status"] == "held"


async def test_a_member_of_another_team_is_not_found_by_address(at: Reception) -> None:
    """Of whoever shares a channel with us Slack says ``is_stranger: false``; their team confirms any address."""
    at.fake.workspace.add_user("U0FOREIGN", "foreign", "nora@shop.example", team_id="T0OTHER")
    answer = at.fake.api.views.info({"user": "U0FOREIGN"})
    answer["user"].pop("is_stranger")
    at.fake.api.add(
        "users.info", lambda given: answer if given["user"] == "U0FOREIGN" else at.fake.api.views.info(given)
    )
    directory = Directory(at.world.services, at.slack, lambda: TEAM, frozenset({"shop.example"}))
    assert await directory.member(SlackAccount("T0", "U0FOREIGN")) is None


async def test_all_accounts_of_a_person_are_one_vote(at: Reception) -> None:
    """Two in Slack and the web, at once."""
    at.fake.workspace.add_user("U0DANATWO", "danatwo")
    services = at.world.services
    made = await ask_code(services, SlackAccount("T0", "U0DANATWO"))
    await link(services, at.world.person("dana"), made.code)
    shown = await at.world.ask("do.two")
    ts = await at.card(shown)
    await asyncio.gather(
        at.press("dana", ts), at.press("danatwo", ts), at.world.say("dana", shown), at.press("danatwo", ts)
    )
    await at.door.keeping.drain(20)
    assert await at.decisions(shown) == [("dana", "approve")]
    assert (await at.world.look(shown))["status"] == "held"


async def test_the_vote_before_the_last_is_not_counted_twice_by_a_stale_card(at: Reception) -> None:
    shown = await at.world.ask("do.two")
    ts = await at.card(shown)
    first = await at.press("dana", ts)
    await at.world.say("dana", shown, "approve")
    for _ in range(3):
        await at.fake.people.resend(first)
        await at.press("dana", ts)
    assert await at.decisions(shown) == [("dana", "approve")]


async def test_a_click_after_the_end_does_nothing(at: Reception) -> None:
    expired, denied = await at.world.ask("do.brief"), await at.world.ask("do.moderate")
    cards = [await at.card(shown) for shown in (expired, denied)]
    await at.world.say("dana", denied, "deny")
    await at.world.until(expired, "expired")
    for ts in cards:
        assert (await at.press("marco", ts)).ok
    await at.door.keeping.drain(20)
    assert await at.decisions(expired) == []
    assert await at.decisions(denied) == [("dana", "deny")]
    assert [(await at.world.look(shown))["status"] for shown in (expired, denied)] == ["expired", "denied"]


async def test_a_click_on_the_first_card_does_not_sign_a_stage_that_wants_a_login(at: Reception) -> None:
    """The button was shown for the stage before, at a click's level; Felix may decide the second one."""
    shown = await at.world.ask("do.stages")
    ts = await at.card(shown)
    await at.press("dana", ts)
    assert (await at.press("felix", ts)).ok
    await at.door.keeping.drain(20)
    assert await at.decisions(shown) == [("dana", "approve")]


async def test_a_strangers_clicks_do_not_turn_back_the_pages_of_a_reader(at: Reception) -> None:
    """Approve is on the last page: who is thrown back to the first one at every page never comes there."""
    at.fake.workspace.add_user("U0STRANGER", "stranger")
    shown = await at.world.ask("do.two", parameters={"mode": "long " * 8_000})
    await at.click("priya", shown, "details")
    modal = await at.modal("priya")
    small = await at.card(shown)
    for _ in range(2):
        assert (await at.press("stranger", small, "deny")).ok
        form = await at.modal("stranger")
        await at.fake.people.submit("U0STRANGER", form.id, {"reason": "No"})
        form.open = False
    await at.fake.people.click_in_view(user("priya"), modal.id, "next")
    await at.door.keeping.drain(20)
    assert "Page 2 of" in str(modal.given)
