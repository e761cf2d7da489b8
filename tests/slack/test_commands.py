"""/interlock, typed by people over HTTP."""

from __future__ import annotations

import re
import uuid

import pytest

from app.api.shapes_exceptions import REVIEW
from app.domain.errors import Malformed
from app.slack import lists
from app.use_cases.links import link
from tests.fakes.slack.block_kit import readable
from tests.slack.conftest import API, Reception, user
from tests.slack.office import LEADS
from tests.slack.responding import done
from tests.steps.incidents import opened as opened_incident
from tests.steps.incidents import undo_all
from tests.steps.owner_reviewing import made, opened


async def typed(reception: Reception, who: str, text: str) -> str:
    """What this person alone saw then: all of it, as it reads."""
    before = len(reception.fake.workspace.ephemerals)
    sent = await reception.fake.people.command(user(who), LEADS, "/interlock", text)
    assert sent.ok, sent.seen
    assert sent.seen is None
    [answer] = reception.fake.workspace.ephemerals[before:]
    assert (answer.user, answer.source) == (user(who), "command")
    return f"{answer.text}\n{readable(answer.blocks)}"


@pytest.mark.parametrize("text", ["", "help", "dance", "  HELP  me "])
async def test_anything_else_gives_help(reception: Reception, text: str) -> None:
    said = await typed(reception, "dana", text)
    for word in ("pending", "show", "link", "stop", "rollback", "incident"):
        assert f"/interlock {word}" in said


async def test_pending_lists_what_one_may_decide_and_nothing_else(reception: Reception) -> None:
    mine = await reception.world.ask("do.moderate", on_behalf_of="customer:pending-mine")
    theirs = await reception.world.ask("do.escalating", on_behalf_of="customer:pending-done")
    await reception.world.say("dana", theirs, "deny")
    said = await typed(reception, "dana", "pending")
    assert "pending-mine" in said
    assert "pending-done" not in said
    assert "pending-mine" not in await typed(reception, "fiona", "pending")
    await reception.world.say("marco", mine)


async def test_pending_lists_the_reviews_that_one_is_asked_for(reception: Reception) -> None:
    """Not those that others are asked for, nor what is done."""
    review = await opened(reception.world)
    asked = f"the bot bot, by its owners, by .*: interlock reviews attest {review}"
    assert re.search(asked, await typed(reception, "olivia", "pending"))
    assert str(review) not in await typed(reception, "dana", "pending")
    await made(reception.world, review)
    assert str(review) not in await typed(reception, "olivia", "pending")


def test_a_review_of_what_one_person_released_says_what_that_was() -> None:
    said = readable(lists.pending([], more=False, reviews=[REVIEW] * (lists.MAX_REVIEWS + 1))["blocks"])
    assert "orders.cancel, which ivan released alone, by " in said
    assert said.count(f"interlock reviews attest {REVIEW['id']}") == lists.MAX_REVIEWS
    assert "There are more reviews" in said


async def test_how_many_are_undone(reception: Reception) -> None:
    said = await typed(reception, "ivan", "incident")
    assert f"POST {API}/v1/incidents" in said
    assert "/interlock stop BOT" in said


async def test_pending_lists_the_rollback_of_an_incident(reception: Reception) -> None:
    original = await done(reception.world)
    rollback = await undo_all(reception.world, await opened_incident(reception.world), chosen=[original])
    said = await typed(reception, "marco", "pending")
    assert "Rollback of many: Undo what an incident is about" in said
    assert "Undoes 1; incident, in a person's words: It ran amok" in said
    assert "It ran amok" not in await typed(reception, "dana", "pending")  # she has approved what it undoes
    assert "Incident, in a person's words: It ran amok" in await typed(reception, "marco", f"show {rollback['id']}")
    await reception.world.say("marco", rollback, "deny")
    assert "It ran amok" not in await typed(reception, "marco", "pending")


async def test_nobody_learns_nothing(reception: Reception) -> None:
    reception.fake.workspace.add_user("U0NOBODY", "nobody")
    shown = await reception.world.ask("do.moderate")
    for text in ("pending", f"show {shown['id']}", f"show {uuid.uuid4()}", f"show {shown['id'][:8]}"):
        assert "unlinked-identity" in await typed(reception, "nobody", text)


async def test_show_takes_a_whole_id_or_its_beginning(reception: Reception) -> None:
    shown = await reception.world.ask("do.moderate", reason="Because of Carl")
    for named in (shown["id"], shown["id"].upper(), shown["id"][:8], shown["id"][:13]):
        assert "Because of Carl" in await typed(reception, "marco", f"show {named}")


async def test_show_hides_what_one_may_not_see(reception: Reception) -> None:
    shown = await reception.world.ask("do.moderate", reason="Secret")
    unseen = await typed(reception, "felix", f"show {shown['id']}")
    assert "Secret" not in unseen
    assert unseen == await typed(reception, "felix", f"show {uuid.uuid4()}")
    assert "Secret" not in await typed(reception, "felix", f"show {shown['id'][:8]}")


@pytest.mark.parametrize("named", ["", "1234567", "../../etc", "zzzzzzzz", "g" * 36, "0" * 37, "<!channel>"])
async def test_show_says_what_it_wants(reception: Reception, named: str) -> None:
    assert "Name a request" in await typed(reception, "dana", f"show {named}")


async def test_link_gives_a_code_that_links(reception: Reception) -> None:
    reception.fake.workspace.add_user("U0NORA", "nora")
    said = await typed(reception, "nora", "link")
    assert f"POST {API}/v1/identity-links" in said
    code = re.search(r"Your code is ([A-Z2-7-]+),", said)
    assert code is not None
    nora = reception.world.person("nora")
    assert await link(reception.world.services, nora, code[1]) == {"team": "T0", "user": "U0NORA", "person": "nora"}
    assert "unlinked" not in await typed(reception, "nora", "pending")
    with pytest.raises(Malformed):
        await link(reception.world.services, reception.world.person("ben"), code[1])


async def test_a_guest_gets_no_code(reception: Reception) -> None:
    reception.fake.workspace.add_user("U0GUEST", "guest", is_restricted=True)
    said = await typed(reception, "guest", "link")
    assert "unlinked-identity" in said
    assert "Your code" not in said


async def test_when_slack_is_slow_the_answer_comes_after(reception: Reception) -> None:
    reception.fake.workspace.add_user("U0SLOW", "slow")
    reception.fake.fail_next("users.info", "timeout before commit", times=2)
    sent = await reception.fake.people.command("U0SLOW", LEADS, "/interlock", "pending")
    assert sent.ok
    assert "Slack did not say" in await reception.told("slow", "Slack did not say")
