"""A stage that wants a reason with every approval."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.devstack import TemporalServer
from app.keys import KeyRings
from app.use_cases.governance import install
from tests.conftest import NewDatabase
from tests.fakes.desk import Desk
from tests.slack.conftest import Reception, reception_of, user
from tests.world import build_context, connect, running


@pytest.fixture
async def asking(
    new_database: NewDatabase, temporal: TemporalServer, rings: KeyRings, a_desk: Desk, rules_copy: Path
) -> AsyncIterator[Reception]:
    """A door to a world in which plan ``one`` wants a reason."""
    rules = rules_copy / "desk.yaml"
    plain = "one: {stages: [{name: lead, group: leads, quorum: 1, within: 1h"
    assert plain in rules.read_text()
    rules.write_text(rules.read_text().replace(plain, plain + ", reason_required: true"))
    ctx = await build_context(await new_database(), rings, a_desk.url)
    await install(ctx, rules_copy, replace=True, by="ada")
    async with (
        running(ctx, await connect(temporal.address, rings), rings, a_desk) as world,
        reception_of(world) as reception,
    ):
        yield reception
    await ctx.database.close()


async def test_approve_asks_for_the_reason_on_a_card_and_in_details(asking: Reception) -> None:
    for action in ("approve", "details"):
        shown = await asking.world.ask("do.moderate")
        assert (await asking.click("dana", shown, action)).ok
        modal = await asking.modal("dana")
        if action == "details":
            await asking.fake.people.click_in_view(user("dana"), modal.id, "approve")
        assert modal.given["callback_id"] == "approve"
        assert await asking.decisions(shown) == []
        sent = await asking.fake.people.submit(user("dana"), modal.id, {"reason": " Carl is right "})
        assert sent.json == {"response_action": "clear"}
        [said] = (await asking.world.look(shown))["decisions"]
        assert (said["decision"], said["reason"]) == ("approve", "Carl is right")


async def test_who_may_not_approve_is_told_in_the_form(asking: Reception) -> None:
    shown = await asking.world.ask("do.moderate")
    await asking.click("fiona", shown)
    form = await asking.modal("fiona")
    sent = await asking.fake.people.submit(user("fiona"), form.id, {"reason": "I want it"})
    assert sent.json["response_action"] == "update"
    assert "(not-eligible)" in str(sent.json["view"])
    assert await asking.decisions(shown) == []
