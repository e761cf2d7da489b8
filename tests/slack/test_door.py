"""Decisions in Slack, over HTTP, on real requests."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.use_cases.views import View
from tests.slack.conftest import Reception, user
from tests.slack.office import LEADS


async def test_a_linked_person_approves_and_it_runs_once(reception: Reception) -> None:
    shown = await reception.world.ask("do.moderate", thing="approved-in-slack")
    sent = await reception.click("dana", shown)
    assert (sent.status, sent.answer) == (200, b"")
    assert "Approved" in await reception.told("dana", "Approved")
    seen = await reception.world.until(shown, "succeeded")
    assert [(one["person"], one["via"], one["assurance"]) for one in seen["decisions"]] == [("dana", "slack", "click")]
    assert len(await reception.world.desk.called("approved-in-slack")) == 1


async def test_it_is_recorded_before_slack_has_its_answer(reception: Reception) -> None:
    shown = await reception.world.ask("do.two")
    sent = await reception.click("dana", shown)
    assert sent.ok
    assert await reception.decisions(shown) == [("dana", "approve")]
    assert "1 of 2" in await reception.told("dana", "1 of 2")


async def test_deny_asks_for_a_reason_and_denies(reception: Reception) -> None:
    shown = await reception.world.ask("do.moderate")
    assert (await reception.click("marco", shown, "deny")).ok
    form = await reception.modal("marco")
    sent = await reception.fake.people.submit(user("marco"), form.id, {"reason": "  Not like this  "})
    assert sent.json == {"response_action": "clear"}
    seen = await reception.world.look(shown)
    assert (seen["status"], seen["decisions"][0]["reason"]) == ("denied", "Not like this")


async def test_a_blank_reason_is_asked_for_again_and_then_counts(reception: Reception) -> None:
    shown = await reception.world.ask("do.moderate")
    await reception.click("marco", shown, "deny")
    form = await reception.modal("marco")
    sent = await reception.fake.people.submit(user("marco"), form.id, {"reason": "   "})
    assert sent.json["response_action"] == "errors"
    assert set(sent.json["errors"]) == {"reason"}
    assert await reception.decisions(shown) == []
    again = await reception.fake.people.submit(user("marco"), form.id, {"reason": "Now said"})
    assert again.json == {"response_action": "clear"}
    assert await reception.decisions(shown) == [("marco", "deny")]


async def test_a_replayed_click_counts_once(reception: Reception) -> None:
    shown = await reception.world.ask("do.two")
    first = await reception.click("priya", shown)
    again = [await reception.fake.people.resend(first) for _ in range(3)]
    assert [sent.status for sent in (first, *again)] == [200] * 4
    assert await reception.decisions(shown) == [("priya", "approve")]
    assert (await reception.world.kinds(shown)).count("decided") == 1


async def test_a_replayed_form_counts_once(reception: Reception) -> None:
    shown = await reception.world.ask("do.moderate")
    await reception.click("priya", shown, "deny")
    sent = await reception.fake.people.submit(user("priya"), (await reception.modal("priya")).id, {"reason": "No"})
    again = await reception.fake.people.resend(sent)
    assert (sent.status, again.status) == (200, 200)
    assert (await reception.world.kinds(shown)).count("decided") == 1


async def test_two_clicks_at_once_of_one_person_are_one_vote(reception: Reception) -> None:
    shown = await reception.world.ask("do.two")
    ts = await reception.card(shown)
    both = await asyncio.gather(*(reception.press("dana", ts, "approve") for _ in range(2)))
    assert [sent.status for sent in both] == [200, 200]
    assert await reception.decisions(shown) == [("dana", "approve")]
    assert (await reception.world.look(shown))["status"] == "held"


async def test_two_people_at_once_are_two_votes(reception: Reception) -> None:
    shown = await reception.world.ask("do.two", thing="two-at-once")
    ts = await reception.card(shown)
    both = await asyncio.gather(*(reception.press(who, ts, "approve") for who in ("marco", "priya")))
    assert [sent.status for sent in both] == [200, 200]
    await reception.world.until(shown, "succeeded")
    assert sorted(await reception.decisions(shown)) == [("marco", "approve"), ("priya", "approve")]
    assert len(await reception.world.desk.called("two-at-once")) == 1


@pytest.mark.parametrize(
    ("who", "action", "fields", "rule"),
    [
        ("fiona", "do.moderate", {}, "not-eligible"),
        ("olivia", "do.moderate", {"on_behalf_of": "customer:olivia"}, "on-behalf-of"),
        ("mia", "do.moderate", {"parameters": {"payee": "employee:mia"}}, "beneficiary"),
        ("stranger", "do.moderate", {}, "unlinked-identity"),
    ],
)
async def test_whoever_stands_too_close_is_told_why(
    reception: Reception, who: str, action: str, fields: dict[str, Any], rule: str
) -> None:
    if user(who) not in reception.fake.workspace.users:
        reception.fake.workspace.add_user(user(who), who)
    shown = await reception.world.ask(action, **fields)
    sent = await reception.click(who, shown)
    assert (sent.status, sent.answer) == (200, b"")
    assert f"({rule})" in await reception.told(who, rule)
    assert await reception.decisions(shown) == []
    assert "refused" in await reception.world.kinds(shown)


async def test_a_stranger_is_told_how_to_link(reception: Reception) -> None:
    reception.fake.workspace.add_user("U0NEW", "new")
    shown = await reception.world.ask("do.moderate")
    await reception.click("new", shown)
    assert "/interlock link" in await reception.told("new", "unlinked-identity")


async def test_who_has_decided_a_stage_does_not_decide_the_next(reception: Reception) -> None:
    _, ts = await _at_the_second_stage(reception, "dana")
    assert (await reception.press("dana", ts)).ok
    said = await reception.told("dana", "stage-repeat")
    assert "weak-authentication" in said


async def test_a_click_is_too_weak_where_a_login_is_wanted(reception: Reception) -> None:
    shown, ts = await _at_the_second_stage(reception, "marco")
    assert (await reception.press("fiona", ts, "deny")).ok
    form = await reception.modal("fiona")
    sent = await reception.fake.people.submit(user("fiona"), form.id, {"reason": "No"})
    assert sent.json["response_action"] == "update"
    said = str(sent.json["view"])
    assert "weak-authentication" in said
    assert f"interlock.test/v1/requests/{shown['id']}/decisions" in said


async def _at_the_second_stage(reception: Reception, who: str) -> tuple[View, str]:
    """The request, and its card as it was at the first stage, with its buttons: nobody has repaired it."""
    shown = await reception.world.ask("do.stages")
    ts = await reception.card(shown)
    await reception.press(who, ts)
    assert await reception.decisions(shown) == [(who, "approve")]
    return shown, ts


async def test_a_second_vote_stands(reception: Reception) -> None:
    shown = await reception.world.ask("do.two")
    ts = await reception.card(shown)
    for _ in range(2):
        assert (await reception.press("dana", ts, "approve")).ok
    assert await reception.decisions(shown) == [("dana", "approve")]


async def test_another_decision_does_not_replace_one_that_stands(reception: Reception) -> None:
    shown = await reception.world.ask("do.two")
    await reception.world.say("mia", shown, "abstain")
    await reception.click("mia", shown)
    assert "stands" in await reception.told("mia", "decision-stands")


async def test_a_closed_request_says_so(reception: Reception) -> None:
    shown = await reception.world.ask("do.moderate")
    ts = await reception.card(shown)
    await reception.world.say("dana", shown, "deny")
    assert (await reception.press("marco", ts, "approve")).ok
    assert "denied" in await reception.told("marco", "closed")


async def test_what_was_not_shown_is_not_decided(reception: Reception) -> None:
    shown = await reception.world.ask("do.moderate")
    ts = await reception.card(shown, hashed=False)
    assert (await reception.press("marco", ts, "approve")).ok
    await reception.told("marco", "not-shown")
    assert await reception.decisions(shown) == []


async def test_another_digest_is_refused(reception: Reception) -> None:
    shown, other = await reception.world.ask("do.moderate"), await reception.world.ask("do.moderate")
    ts = await reception.card(shown)
    message = reception.fake.workspace.message(LEADS, ts)
    assert message is not None
    for block in message.blocks:
        for element in block.get("elements", []):
            if "value" in element:
                element["value"] = element["value"].replace(shown["digest"], other["digest"])
    assert (await reception.press("priya", ts, "approve")).ok
    await reception.told("priya", "digest-differs")
    assert await reception.decisions(shown) == []


@pytest.mark.parametrize(("who", "what"), [("felix", "deleted"), ("greta", "is_restricted"), ("ivan", "is_bot")])
async def test_who_is_no_active_member_is_nobody(reception: Reception, who: str, what: str) -> None:
    """They are linked to people all the same."""
    shown = await reception.world.ask("do.moderate")
    ts = await reception.card(shown)
    reception.fake.workspace.add_user(user(who), who)
    setattr(reception.fake.workspace.users[user(who)], what, True)
    assert (await reception.press(who, ts, "approve")).ok
    await reception.told(who, "unlinked-identity")
    assert await reception.decisions(shown) == []


async def test_another_teams_account_is_nobodys(reception: Reception) -> None:
    shown = await reception.world.ask("do.moderate")
    ts = await reception.card(shown)
    for action in ("approve", "deny", "details"):
        assert (await reception.press("dana", ts, action, team="T0OTHER")).ok
    await reception.told("dana", "unlinked-identity")
    assert reception.fake.workspace.open_views(user("dana")) == []
    assert await reception.decisions(shown) == []


async def test_when_slack_does_not_say_who_it_is_nothing_is_recorded(reception: Reception) -> None:
    reception.fake.workspace.add_user("U0LOST", "lost")
    shown = await reception.world.ask("do.moderate")
    reception.fake.fail_next("users.info", "500", times=2)
    assert (await reception.click("lost", shown)).ok
    assert "nothing was recorded" in await reception.told("lost", "Slack did not say")
    assert "refused" not in await reception.world.kinds(shown)


async def test_details_shows_everything_and_decides(reception: Reception) -> None:
    shown = await reception.world.ask("do.two")
    assert (await reception.click("marco", shown, "details")).ok
    modal = await reception.modal("marco")
    assert modal.given["callback_id"] == "details"
    assert (await reception.fake.people.click_in_view(user("marco"), modal.id, "approve")).ok
    await reception.says("marco", "1 of 2")
    assert await reception.decisions(shown) == [("marco", "approve")]


async def test_details_turns_its_pages_and_denies(reception: Reception) -> None:
    shown = await reception.world.ask("do.moderate", parameters={"mode": "long " * 8_000})
    assert (await reception.click("priya", shown, "details")).ok
    modal = await reception.modal("priya")
    people = reception.fake.people
    await people.click_in_view(user("priya"), modal.id, "next")
    await reception.says("priya", "Page 2 of")
    await people.click_in_view(user("priya"), modal.id, "back")
    await reception.says("priya", "Page 1 of")
    while "'deny'" not in str(modal.given):
        page = str(modal.given)
        assert "'next'" in page
        await people.click_in_view(user("priya"), modal.id, "next")
        assert str(modal.given) != page
    await people.click_in_view(user("priya"), modal.id, "deny")
    assert modal.given["callback_id"] == "deny"
    sent = await people.submit(user("priya"), modal.id, {"reason": "Too long"})
    assert sent.json == {"response_action": "clear"}
    assert await reception.decisions(shown) == [("priya", "deny")]


async def test_nobody_decides_on_pages_that_have_changed(reception: Reception) -> None:
    shown = await reception.world.ask("do.two", parameters={"mode": "long " * 8_000})
    assert (await reception.click("priya", shown, "details")).ok
    modal = await reception.modal("priya")
    await reception.fake.people.click_in_view(user("priya"), modal.id, "next")
    await reception.says("priya", "Page 2 of")
    await reception.world.say("dana", shown)
    await reception.fake.people.click_in_view(user("priya"), modal.id, "next")
    await reception.says("priya", "Page 1 of")


async def test_an_unlinked_member_may_look(reception: Reception) -> None:
    reception.fake.workspace.add_user("U0LOOKS", "looks")
    shown = await reception.world.ask("do.moderate")
    assert (await reception.click("looks", shown, "details")).ok
    assert (await reception.modal("looks")).given["callback_id"] == "details"


async def test_where_the_response_url_fails_the_channel_tells(reception: Reception) -> None:
    shown = await reception.world.ask("do.two")
    ts = await reception.card(shown)
    reception.fake.fail_next("response_url", "500")
    assert (await reception.press("priya", ts, "approve")).ok
    await reception.told("priya", "1 of 2")
    sources = [one.source for one in reception.fake.workspace.ephemerals if one.user == user("priya")]
    assert sources[-1] == "chat.postEphemeral"


async def test_a_button_that_is_none_of_ours_says_so(reception: Reception) -> None:
    shown = await reception.world.ask("do.moderate")
    ts = await reception.card(shown)
    message = reception.fake.workspace.message(LEADS, ts)
    assert message is not None
    for block in message.blocks:
        for element in block.get("elements", []):
            element["value"] = "not ours"
    for action in ("approve", "deny", "details"):
        assert (await reception.press("priya", ts, action)).ok
    await reception.told("priya", "not a button")
