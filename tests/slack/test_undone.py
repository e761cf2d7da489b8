"""Cards of what people ask for, and of what that is about, brought up to date in channels and direct messages."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.devstack import TemporalServer
from app.keys import KeyRings
from app.use_cases import cards
from app.use_cases.governance import install
from app.use_cases.upkeep import record_stops
from app.use_cases.views import View
from tests.conftest import NewDatabase
from tests.fakes.desk import Desk
from tests.fakes.slack.block_kit import readable
from tests.fakes.slack.state import Message
from tests.slack.office import LEADS, Office, buttons, office
from tests.slack.seen import framed
from tests.world import build_context

ADA = "U0ADA"


@pytest.fixture
async def at(
    new_database: NewDatabase, temporal: TemporalServer, rings: KeyRings, a_desk: Desk, rules_copy: Path
) -> AsyncIterator[Office]:
    """An office in which an administrator has a Slack account, and the mode of things is sensitive."""
    people, rules = rules_copy / "people.yaml", rules_copy / "desk.yaml"
    plain, mode = "{id: ada, name: Ada}", "mode: {type: string}"
    assert plain in people.read_text()
    assert mode in rules.read_text()
    people.write_text(people.read_text().replace(plain, f"{plain[:-1]}, identities: [{{slack: T0/{ADA}}}]}}"))
    rules.write_text(rules.read_text().replace(mode, "mode: {type: string, x-sensitive: true}"))
    ctx = await build_context(await new_database(), rings, a_desk.url)
    await install(ctx, rules_copy, replace=True, by="ada")
    async with office(ctx, temporal.address, rings, a_desk) as made:
        made.fake.workspace.add_user(ADA, "ada")
        yield made
    await ctx.database.close()


async def undone(at: Office, thing: str, **fields: Any) -> tuple[View, View]:
    """A request that has succeeded, and its held rollback; both are shown."""
    asked = await at.world.ask("do.once", thing=thing, **fields)
    await at.world.say("dana", asked)
    original = await at.world.until(asked, "succeeded")
    rollback = await at.world.roll_back("ivan", original, reason="<!channel> The wrong one")
    await at.settled()
    return original, rollback


def only(at: Office, shown: View) -> Message:
    """The one card of a request."""
    [card] = at.cards(shown)
    return card


async def test_both_cards_are_true_from_the_ask_to_the_end(at: Office) -> None:
    original, rollback = await undone(at, "both-cards")
    was, card = only(at, original), only(at, rollback)
    assert f"Reversed by: {rollback['id'][:8]} (held)" in readable(was.blocks)
    assert card.channel == LEADS
    assert buttons(card) == ["approve", "deny", "details"]
    text = readable(card.blocks)
    assert "Asked by: Ivan" in text
    assert f"Its request: {original['id']}" in text
    assert "Its outcome: succeeded" in text
    assert framed(card.blocks, "What will run") == '"thing": "both-cards-undone"'
    assert framed(card.blocks, "Reason, in the asker's own words") == "<!channel> The wrong one"
    assert card.text.startswith("Held for a decision: Rollback: Undo something")
    await at.world.say("marco", rollback)
    await at.world.until(rollback, "succeeded")
    await at.settled()
    assert f"Reversed by: {rollback['id'][:8]} (succeeded)" in readable(only(at, original).blocks)
    assert "(succeeded)" in readable(only(at, original).blocks)
    assert [reply.text for reply in at.replies(original)] == [
        "Succeeded: Something that must not be repeated",
        "Rolled back: Something that must not be repeated",
    ]
    assert buttons(only(at, rollback)) == ["details"]


async def test_a_rollback_that_was_denied_leaves_the_originals_card(at: Office) -> None:
    original, rollback = await undone(at, "denied-undoing")
    await at.world.say("marco", rollback, "deny")
    await at.settled()
    assert "Reversed by" not in readable(only(at, original).blocks)
    assert [reply.text for reply in at.replies(original)] == ["Succeeded: Something that must not be repeated"]


async def test_masks_are_the_originals_own_and_its_targets_answer_is_nowhere(at: Office) -> None:
    original, rollback = await undone(at, "masked-undoing", parameters={"mode": "a secret mode"})
    assert original["execution"]["result"] == {"done": "masked-undoing"}
    blocks = only(at, rollback).blocks
    assert '"mode": ⟨not shown⟩' in framed(blocks, "Parameters of what it undoes")
    assert framed(blocks, "Not shown of what it undoes: 1") == "/mode"
    facts = await cards.facts(at.world.services, uuid.UUID(rollback["id"]))
    assert facts.original is not None
    assert facts.original.not_shown == (await cards.facts(at.world.services, uuid.UUID(original["id"]))).not_shown
    everything = str([*at.cards(rollback), *at.replies(rollback), *at.cards(original), *at.replies(original)])
    assert "a secret mode" not in everything
    assert "'done'" not in everything
    assert '"done"' not in everything


async def test_who_may_let_a_bot_go_on_is_asked_in_direct_messages(at: Office) -> None:
    await at.world.suspend(reason="<@U0IVAN> It runs amok")
    request = await at.world.resume("ivan", reason="It is mended")
    await at.settled()
    card = only(at, request)
    assert card.channel == at.fake.workspace.direct(ADA).id
    assert buttons(card) == ["details"]
    text = readable(card.blocks)
    for part in (
        "Change: Let a suspended bot go on",
        "Asked by: Ivan",
        "About: A bot (bot)",
        "the bot may ask and act again",
        "Why it was stopped, in a person's words: <@U0IVAN> It runs amok",
        "It is mended",
        "decided by security seats and administrators",
        "wants the sign-in level login",
    ):
        assert part in text
    await at.world.say("ben", request)
    await at.world.until(request, "succeeded")
    await at.settled()
    assert readable(only(at, request).blocks).split("\n")[1] == "Succeeded"


async def test_what_a_stop_revokes_says_so_with_its_reason(at: Office) -> None:
    held = await at.world.ask("do.moderate")
    await at.settled()
    await at.world.suspend(reason="It runs amok")
    facts = await cards.facts(at.world.services, uuid.UUID(held["id"]))
    assert (facts.status, facts.ended_why, facts.ended_reason) == ("revoked", "stopped", "It runs amok")
    assert {stage.status for stage in facts.stages} == {"closed"}
    assert facts.may_decide == ()
    await record_stops(at.world.services)
    await at.settled()
    card = only(at, held)
    assert buttons(card) == ["details"]
    assert "Why it was stopped, in a person's words: It runs amok" in readable(card.blocks)
    [reply] = at.replies(held)
    assert framed(reply.blocks, "") == ""
    assert "It runs amok" in readable(reply.blocks)


async def test_what_nothing_undoes_says_so_while_it_is_decided(at: Office) -> None:
    for_ever, reversible = await at.world.ask("do.moderate"), await at.world.ask("do.once")
    reads = await at.world.ask("look.up", parameters={"mode": "hold"})
    await at.settled()
    assert "Nothing undoes this action." in readable(only(at, for_ever).blocks)
    assert "Nothing undoes" not in readable(only(at, reversible).blocks)
    assert "Nothing undoes" not in readable(only(at, reads).blocks)
