"""/interlock rollback, over HTTP, on requests that have run."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from app.db.tables import ExecutionAttempt
from app.use_cases import act
from app.use_cases.views import View
from tests.fakes.slack.block_kit import readable
from tests.slack.conftest import Reception, user
from tests.slack.responding import done, forged, form, refused, said, submit, unsent
from tests.slack.seen import fine_view


async def reversals(reception: Reception, original: View) -> list[str]:
    """The rollbacks of a request that stand."""
    found: list[str] = (await reception.world.look(original))["reversed_by"]
    return found


async def test_the_form_says_what_is_undone_and_with_what_and_asks(reception: Reception) -> None:
    original = await done(reception.world, thing="undone-in-slack", on_behalf_of="customer:zed")
    modal = await form(reception, "ivan", f"rollback {original['id'][:8]}")
    fine_view({key: value for key, value in modal.given.items() if key != "blocks"} | {"blocks": modal.given["blocks"]})
    text = readable(modal.given["blocks"])
    for part in ("Something that must not be repeated", original["id"], "Outcome: Succeeded", "customer:zed"):
        assert part in text
    assert "It would be undone with: Undo something that must not be undone twice (undo.once)" in text
    assert '"thing": "undone-in-slack-undone"' in text
    sent, told = await submit(reception, "ivan", modal, "  It was the wrong thing  ")
    [rollback_id] = await reversals(reception, original)
    assert f"Asked for, as request {rollback_id}; it waits for the signature of leads." in told
    assert sent.json["view"]["callback_id"] == "notice"
    rollback = await reception.world.look({"id": rollback_id})
    assert (rollback["kind"], rollback["status"], rollback["reason"]) == ("rollback", "held", "It was the wrong thing")
    assert rollback["asker"] == {"kind": "person", "id": "ivan"}


async def test_its_card_is_signed_with_a_click_and_not_by_who_asked_or_approved(reception: Reception) -> None:
    original = await done(reception.world, thing="signed-in-slack")
    rollback = await reception.world.roll_back("ivan", original)
    assert (await reception.click("dana", rollback)).ok
    await reception.told("dana", "rollback-approver")
    assert (await reception.click("marco", rollback)).ok
    await reception.world.until(rollback, "succeeded")
    assert len(await reception.world.desk.called("signed-in-slack-undone")) == 1
    story = await refused(reception, "ivan", f"show {original['id']}")
    assert "Succeeded" in story
    shown = reception.fake.workspace.ephemerals[-1]
    assert rollback["id"] in readable(shown.blocks)


async def test_a_form_sent_twice_counts_once_and_says_the_same(reception: Reception) -> None:
    original = await done(reception.world)
    sent, told = await submit(reception, "ivan", await form(reception, "ivan", f"rollback {original['id']}"))
    again = await reception.fake.people.resend(sent)
    assert said(again) == told
    [rollback_id] = await reversals(reception, original)
    assert rollback_id in told
    assert (await reception.world.kinds({"id": rollback_id})).count("admitted") == 1


async def test_a_form_sent_many_times_at_once_counts_once(reception: Reception) -> None:
    original = await done(reception.world)
    modal = await form(reception, "ivan", f"rollback {original['id']}")
    payload = await unsent(reception, "ivan", modal)
    answers = await asyncio.gather(*(forged(reception, payload, "ivan") for _ in range(5)))
    [rollback_id] = await reversals(reception, original)
    assert [one for one in map(said, answers) if rollback_id not in one and "Asking" not in one] == []
    assert (await reception.world.kinds({"id": rollback_id})).count("admitted") == 1


async def test_a_late_answer_to_a_lost_one_does_not_ask_twice(reception: Reception) -> None:
    """The person has changed the words and sends the form again: there is one rollback, and they hear so."""
    original = await done(reception.world)
    modal = await form(reception, "ivan", f"rollback {original['id']}")
    payload = await unsent(reception, "ivan", modal)
    assert "Asked for" in said(await forged(reception, payload, "ivan", "Because"))
    assert "Another rollback of this request stands" in said(await forged(reception, payload, "ivan", "Because of it"))
    assert len(await reversals(reception, original)) == 1


@pytest.mark.parametrize("who", ["dana", "felix", "stranger"])
async def test_who_is_no_responder_gets_no_form_and_cannot_send_one(reception: Reception, who: str) -> None:
    if user(who) not in reception.fake.workspace.users:
        reception.fake.workspace.add_user(user(who), who)
    original = await done(reception.world)
    why = {"dana": "must be its responder", "felix": "no such request", "stranger": "unlinked-identity"}[who]
    assert why in await refused(reception, who, f"rollback {original['id']}")
    payload = await unsent(reception, "ivan", await form(reception, "ivan", f"rollback {original['id']}"))
    before = (await reception.world.look(original))["refusals"]
    assert why in said(await forged(reception, payload, who))
    assert (await reception.world.look(original))["refusals"] - before == (1 if who == "dana" else 0)
    assert await reversals(reception, original) == []


async def test_another_teams_account_gets_nothing(reception: Reception) -> None:
    original = await done(reception.world)
    payload = await unsent(reception, "ivan", await form(reception, "ivan", f"rollback {original['id']}"))
    payload["team"] = {"id": "T0OTHER", "domain": "other"}
    payload["user"]["team_id"] = "T0OTHER"
    assert "unlinked-identity" in said(await forged(reception, payload, "ivan"))
    assert await reversals(reception, original) == []


@pytest.mark.parametrize(
    ("action", "ends", "why"),
    [
        ("do.once", False, "It is held: there is no outcome to undo"),
        ("do.moderate", True, "Nothing undoes this action"),
        ("do.fleeting", True, "The time for a rollback of this is over"),
    ],
)
async def test_what_cannot_be_rolled_back_is_said_at_once(
    reception: Reception, action: str, ends: bool, why: str
) -> None:
    shown = await (done(reception.world, action) if ends else reception.world.ask(action))
    assert why in await refused(reception, "ivan", f"rollback {shown['id']}")


async def test_one_that_stands_leaves_no_room_for_another(reception: Reception) -> None:
    original = await done(reception.world)
    modal = await form(reception, "ivan", f"rollback {original['id']}")
    first = await reception.world.roll_back("nora", original)
    _, told = await submit(reception, "ivan", modal)
    assert "Another rollback of this request stands" in told
    assert await reversals(reception, original) == [first["id"]]
    assert "Another rollback" in await refused(reception, "ivan", f"rollback {original['id']}")
    assert "A request of kind rollback" in await refused(reception, "ivan", f"rollback {first['id']}")


async def test_a_form_kept_open_while_the_outcome_changed_asks_for_nothing(reception: Reception) -> None:
    shown = await reception.world.ask("do.once")
    reception.world.desk.script(shown["parameters"]["thing"], 503)
    await reception.world.say("dana", shown)
    unknown = await reception.world.until(shown, "unknown")
    modal = await form(reception, "ivan", f"rollback {unknown['id']}")
    assert "Nobody knows whether what this undoes has happened" in readable(modal.given["blocks"])
    await _settled(reception, unknown)
    _, told = await submit(reception, "ivan", modal)
    assert "It has changed since you opened this form, and nothing was asked for. Send /interlock rollback" in told
    assert await reversals(reception, unknown) == []
    again = await form(reception, "ivan", f"rollback {unknown['id']}")
    assert "What this undoes failed" in readable(again.given["blocks"])
    _, told = await submit(reception, "ivan", again)
    assert "Asked for" in told


async def _settled(reception: Reception, unknown: View) -> None:
    """A responder finds out that it failed; its call was made long enough ago."""
    request_id = uuid.UUID(unknown["id"])
    async with reception.world.ctx.database.transaction() as session:
        long_ago = ExecutionAttempt.started_at - timedelta(minutes=5)
        query = update(ExecutionAttempt).where(ExecutionAttempt.request_id == request_id).values(started_at=long_ago)
        await session.execute(query.execution_options(synchronize_session=False))
    nora = reception.world.person("nora")
    await act.settle(reception.world.services, nora, request_id, status="failed", reason="Not in its log")


@pytest.mark.parametrize("named", ["", "1234567", "../../etc", "<!channel>", "all"])
async def test_it_says_what_it_wants(reception: Reception, named: str) -> None:
    said_so = await refused(reception, "ivan", f"rollback {named}")
    assert "Name a request: /interlock rollback ID" in said_so


async def test_a_request_that_is_not_there(reception: Reception) -> None:
    assert "no such request" in await refused(reception, "ivan", f"rollback {uuid.uuid4()}")


@pytest.mark.parametrize("reason", ["", " ", "\0", "\ud800"])
async def test_a_reason_that_is_none_is_asked_for_again(reception: Reception, reason: str) -> None:
    original = await done(reception.world)
    modal = await form(reception, "ivan", f"rollback {original['id']}")
    payload = await unsent(reception, "ivan", modal)
    answer = await forged(reception, payload, "ivan", reason)
    assert set(answer.json["errors"]) == {"reason"}
    assert await reversals(reception, original) == []


@pytest.mark.parametrize(
    "change",
    [
        {"private_metadata": "{}"},
        {"private_metadata": "x" * 5_000},
        {"private_metadata": None},
        {"callback_id": "stop"},
    ],
)
async def test_a_form_that_is_none_of_ours_says_so(reception: Reception, change: dict[str, Any]) -> None:
    original = await done(reception.world)
    payload = await unsent(reception, "ivan", await form(reception, "ivan", f"rollback {original['id']}"))
    payload["view"] |= change
    answer = await forged(reception, payload, "ivan")
    assert "This is not a" in said(answer)
    assert await reversals(reception, original) == []
