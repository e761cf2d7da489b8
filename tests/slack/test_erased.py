"""What stands in Slack of a request, and in Temporal, once its content was erased."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator

import pytest
from temporalio.service import RPCError, RPCStatusCode
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.db.erasures import with_history
from app.db.slack import items, want
from app.devstack import TemporalServer
from app.governance.built_in import ERASE
from app.keys import KeyRings
from app.use_cases import erasures
from app.use_cases.temporal import workflow_id
from app.use_cases.views import View
from tests.fakes.desk import Desk
from tests.fakes.slack.block_kit import readable
from tests.fakes.slack.state import Message
from tests.slack.office import Office, buttons, office
from tests.steps.erasing import carried_out, somebody
from tests.steps.words import id_of
from tests.world import build_context


@pytest.fixture(name="at", scope="module")
async def _at(database_url: str, temporal: TemporalServer, rings: KeyRings, a_desk: Desk) -> AsyncIterator[Office]:
    ctx = await build_context(database_url, rings, a_desk.url)
    async with office(ctx, temporal.address, rings, a_desk) as made:
        yield made
    await ctx.database.close()


async def erased(at: Office, subject: str) -> View:
    """What concerns a subject, on the signature of two."""
    asked = await at.world.change("ada", ERASE, {"subject": subject})
    for who in ("ben", "sam"):
        await at.world.say(who, asked)
    await at.world.until(asked, "succeeded")
    await carried_out(at.world)
    return await at.world.look(asked)


def stands(message: Message) -> str:
    """All that anybody can read there, and what is behind it."""
    return f"{message.text} {readable(message.blocks or [])} {json.dumps([message.blocks, message.metadata])}"


async def test_cards_and_what_was_said_under_them_are_replaced(at: Office) -> None:
    subject = somebody()
    value, reason = subject.partition(":")[2], f"because of what they wrote {uuid.uuid4().hex}"
    shown = await at.world.ask("do.high", on_behalf_of=subject, reason=f"{subject} is angry")
    other = await at.world.ask("do.high", on_behalf_of="customer:carl", reason="Carl is happy")
    await at.world.say("dana", shown, "deny", reason=reason)
    await at.until(lambda: at.replies(shown))
    await at.settled()
    before = [stands(one) for one in (*at.cards(shown), *at.replies(shown))]
    assert any(value in said for said in before), "not looked for"
    assert any(reason in said for said in before), "not looked for"
    untouched = [stands(one) for one in at.cards(other)]
    await erased(at, subject)
    await at.settled()
    for message in (*at.cards(shown), *at.replies(shown)):
        for word in (subject, value, reason, "is angry", str(shown["parameters"]["thing"])):
            assert word not in stands(message), message
        assert "erased" in stands(message)
    assert all(buttons(one) == [] for one in at.cards(shown))
    assert [stands(one) for one in at.cards(other)] == untouched
    many = len(at.fake.workspace.messages), [len(one.versions) for one in at.fake.workspace.messages]
    async with at.world.ctx.database.transaction() as session:
        await want(session, (await items(session, id_of(shown))).values())
    await at.settled()
    assert many == (len(at.fake.workspace.messages), [len(one.versions) for one in at.fake.workspace.messages])


async def test_the_card_of_the_order_does_not_name_them_either(at: Office) -> None:
    subject = somebody()
    done = await at.world.ask("do.high", on_behalf_of=subject)
    await at.world.say("dana", done, "deny")
    order = await erased(at, subject)
    await at.settled()
    for message in (*at.cards(order), *at.replies(order)):
        assert subject not in stands(message)


async def remembered(at: Office, shown: View) -> bool:
    """Whether Temporal has a history of this request."""
    try:
        history = await at.world.services.temporal.get_workflow_handle(workflow_id(id_of(shown))).fetch_history()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return bool(history.events)


async def test_temporal_has_no_history_of_it_any_more(at: Office) -> None:
    subject = somebody()
    shown = await at.world.ask("do.high", on_behalf_of=subject)
    kept = await at.world.ask("do.high", on_behalf_of="customer:carl")
    await at.world.say("dana", shown, "deny")
    assert await remembered(at, shown)
    order = await erased(at, subject)
    async for attempt in AsyncRetrying(wait=wait_fixed(0.1), stop=stop_after_delay(30), reraise=True):
        with attempt:
            await erasures.forget_histories(at.world.services)
            assert [await remembered(at, one) for one in (shown, order)] == [False, False]
            async with at.world.ctx.database.transaction() as session:
                assert {id_of(shown), id_of(order)}.isdisjoint(await with_history(session, 1000))
    assert await remembered(at, kept)
