"""An incident's rollback repeats what its originals hid: none of that comes to Slack, whatever the rules become."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.devstack import TemporalServer
from app.domain.errors import Forbidden
from app.keys import KeyRings
from app.slack.card import card
from app.slack.details import details
from app.use_cases import cards
from app.use_cases.actors import Actor
from app.use_cases.governance import install
from app.use_cases.views import View
from tests.conftest import NewDatabase
from tests.fakes.desk import Desk
from tests.slack.office import LEADS, Office, buttons, office
from tests.steps.incidents import opened, undo_all
from tests.world import build_context

SECRET = "card:4111111111111111"
MARKED, PLAIN = "payee: {type: string, x-sensitive: true}", "payee: {type: string}"


@pytest.fixture
async def at(
    new_database: NewDatabase, temporal: TemporalServer, rings: KeyRings, a_desk: Desk, rules_copy: Path
) -> AsyncIterator[Office]:
    """Payees are masked, and what undoes a payment names them."""
    ctx = await build_context(await new_database(), rings, a_desk.url)
    await rules_of(rules_copy, ctx)
    async with office(ctx, temporal.address, rings, a_desk) as made:
        yield made
    await ctx.database.close()


async def rules_of(rules: Path, ctx: Any, *, marked: bool = True) -> None:
    source = (rules / "desk.yaml").read_text()
    source = source.replace(MARKED, PLAIN)
    source = source.replace(PLAIN, MARKED) if marked else source
    was = """'{"thing": parameters.thing + "-undone"}'"""
    named = was.replace("}", ', "was": has(parameters.payee) ? parameters.payee : ""}')
    source = source.replace(was, named)
    (rules / "desk.yaml").write_text(source)
    await install(ctx, rules, replace=True, by="ada")


async def paid(at: Office, action: str, thing: str, **parameters: Any) -> View:
    asked = await at.world.ask(action, thing=thing, parameters=parameters)
    await at.world.say("dana", asked)
    return await at.world.until(asked, "succeeded")


def everything(at: Office) -> str:
    """All that Slack was ever sent."""
    return json.dumps([call.arguments for call in at.fake.api.calls], default=str)


async def test_a_secret_that_the_compensation_repeats_is_nowhere_in_slack(at: Office) -> None:
    originals = [await paid(at, "do.grave", f"thing-{n}", payee=SECRET) for n in range(3)]
    originals.append(await paid(at, "do.high", "thing-3"))
    rollback = await undo_all(at.world, await opened(at.world), chosen=originals)
    assert [item["parameters"].get("was") for item in rollback["parameters"]["items"]].count(SECRET) == 3
    await at.settled()
    facts = await cards.facts(at.world.services, uuid.UUID(rollback["id"]))
    assert facts.not_shown == tuple(f"/items/{n}/parameters" for n in range(4))
    for made in (card, details):
        assert SECRET not in repr(made(facts, live=True, api_url="https://interlock.test").content())
    await at.world.say("rita", rollback)
    await at.world.until(rollback, "succeeded", "failed")
    await at.settled()
    assert SECRET not in everything(at)


async def test_rules_that_mask_less_later_show_no_more_of_what_was_masked(at: Office, rules_copy: Path) -> None:
    """What was asked for under the old mark stays under it, though its rollback was asked for without."""
    original = await paid(at, "do.grave", "thing-1", payee=SECRET)
    await rules_of(rules_copy, at.world.ctx, marked=False)
    rollback = await undo_all(at.world, await opened(at.world), chosen=[original])
    one = await at.world.roll_back("ivan", await paid(at, "do.grave", "thing-2"))
    await at.settled()
    facts = await cards.facts(at.world.services, uuid.UUID(rollback["id"]))
    assert facts.not_shown == ("/items/0/parameters",)
    assert SECRET not in everything(at)
    assert (await cards.facts(at.world.services, uuid.UUID(one["id"]))).not_shown == ()


async def test_a_rollback_of_one_stays_under_the_old_mark_as_well(at: Office, rules_copy: Path) -> None:
    original = await paid(at, "do.grave", "thing-1", payee=SECRET)
    await rules_of(rules_copy, at.world.ctx, marked=False)
    rollback = await at.world.roll_back("ivan", original)
    await at.settled()
    assert (await cards.facts(at.world.services, uuid.UUID(rollback["id"]))).not_shown == ("/was",)
    assert SECRET not in everything(at)


async def test_what_hides_values_is_not_approved_by_a_card(at: Office) -> None:
    """High risk: nobody signs in Slack what they cannot see there, not even with the card's own hash."""
    original = await paid(at, "do.grave", "thing-1", payee=SECRET)
    rollback = await undo_all(at.world, await opened(at.world), chosen=[original])
    facts = await cards.facts(at.world.services, uuid.UUID(rollback["id"]))
    shown = card(facts, live=True, api_url="https://interlock.test")
    kept = await cards.show(at.world.services, uuid.UUID(rollback["id"]), shown.content())
    click = replace(at.world.person("rita"), via="slack")
    assert isinstance(click, Actor)
    with pytest.raises(Forbidden):
        await at.world.say(click, rollback, card=kept)
    assert (await at.world.look(rollback))["status"] == "held"
    assert all("approve" not in buttons(one) for one in at.cards(rollback, LEADS))
