"""A bot does what nobody has approved: by new rules, by a signature that is none, by an approval that is over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.domain.errors import Forbidden, NotOpenToThis, OffSchema, UnknownAction
from app.governance.built_in import APPROVE
from app.use_cases import submit
from app.use_cases.governance import install
from app.use_cases.use_cases import use_case
from app.use_cases.views import View
from tests.drafts import draft
from tests.steps.approving import (
    ANOTHER_ALLOW,
    DATA,
    FEWER,
    MODEL,
    NEW_BOT,
    NEW_READ,
    ONLY_READS,
    OTHER_ENTITLED,
    PURPOSE,
    day,
    overdue,
)
from tests.steps.words import sql
from tests.world import RULES, World

NOT_APPROVED = "use-case-not-approved"
BOTH_SEATS = ("members: [ada, ben]", "members: [ada, ben, olivia]")
CREDENTIAL = """insert into client_credential
    select 'new-bot-client', holder_kind, 'new-bot', secret_hash, made_by, created_at
    from client_credential where client_id = 'bot-client' on conflict do nothing"""


@pytest.fixture(autouse=True)
async def as_at_first(world: World) -> AsyncIterator[None]:
    """The usual rules, approved as they were installed, and nothing published lately."""
    yield
    await sql(world, "delete from use_case")
    await install(world.ctx, RULES, replace=True, by="zoe")
    await sql(world, "update request set updated_at = updated_at - interval '400 days' where kind = 'governance'")


async def code(world: World, action: str = "do.moderate", bot: str = "bot", **fields: Any) -> str:
    """What a bot's ask comes to: its outcome, or a denial's code."""
    verdict = (await world.ask(action, bot=bot, **fields))["verdict"]
    return str(verdict["code"] if verdict["outcome"] == "deny" else verdict["outcome"])


async def refused(world: World, who: str, shown: View) -> set[str]:
    with pytest.raises(Forbidden) as error:
        await world.say(who, shown)
    return {violation.invariant for violation in error.value.violations}


# By new rules.


async def test_a_bot_that_a_publication_adds(world: World) -> None:
    await sql(world, CREDENTIAL)
    await world.publish(draft(NEW_BOT))
    shown = await world.ask("do.moderate", bot="new-bot")
    assert (shown["status"], shown["verdict"]["code"]) == ("denied", NOT_APPROVED)
    assert APPROVE in shown["verdict"]["reason"]
    await world.approve_use_case("new-bot")
    assert await code(world, bot="new-bot") == "hold"


async def test_an_entitlement_that_a_publication_adds(world: World) -> None:
    """What it could ask for before goes on."""
    await world.publish(draft(OTHER_ENTITLED))
    assert await code(world, "do.high", "other-bot") == NOT_APPROVED
    assert await code(world, "do.moderate", "other-bot") == "hold"
    await world.approve_use_case("other-bot")
    assert await code(world, "do.high", "other-bot") == "hold"


@pytest.mark.parametrize("edit", [PURPOSE, DATA, MODEL], ids=["purpose", "data", "model"])
async def test_another_bot_under_the_same_name(world: World, edit: tuple[str, str]) -> None:
    await world.publish(draft(edit))
    assert await code(world) == NOT_APPROVED
    await world.approve_use_case("bot")
    assert await code(world) == "hold"


@pytest.mark.parametrize(
    ("edit", "parameters"),
    [(ANOTHER_ALLOW, {"mode": "allow"}), (ONLY_READS, {})],
    ids=["a rule that allows", "it only reads, they say"],
)
async def test_autonomy_that_a_publication_adds(
    world: World, edit: tuple[str, str], parameters: dict[str, str]
) -> None:
    """It waits for people, as it would without."""
    await world.publish(draft(edit))
    shown = await world.ask("do.moderate", parameters=parameters)
    assert (shown["status"], shown["verdict"]["outcome"]) == ("held", "hold")


async def test_a_read_that_a_publication_adds(world: World) -> None:
    await world.publish(draft(NEW_READ))
    assert await code(world, "look.anew") == NOT_APPROVED


async def test_by_a_chain(world: World) -> None:
    """A parent that was let through lets nothing through."""
    parent = await world.ask("do.moderate", bot="other-bot")
    await world.publish(draft(OTHER_ENTITLED))
    assert await code(world, "do.high", "other-bot", parent=parent["id"]) == NOT_APPROVED


async def test_by_superseding(world: World) -> None:
    """What would take the place of what is held is denied, and that stays held."""
    held = await world.ask("do.moderate", bot="other-bot")
    await world.publish(draft(OTHER_ENTITLED))
    assert await code(world, "do.high", "other-bot", supersedes=held["id"]) == NOT_APPROVED
    assert (await world.look(held))["status"] == "held"


async def test_what_was_held_before(world: World) -> None:
    """People release it for what the bot was; it is another now."""
    shown = await world.ask("do.moderate")
    await world.publish(draft(PURPOSE))
    await world.say("dana", shown)
    ended = await world.until(shown, "revoked", "succeeded")
    assert (ended["status"], ended["ended_why"]) == ("revoked", NOT_APPROVED)


async def test_back_and_forth(world: World) -> None:
    """Who narrows it and widens it again is within what was approved; approved narrower, it is beyond."""
    await world.publish(draft(FEWER))
    assert await code(world) == "not-entitled"
    await world.publish(draft())
    assert await code(world) == "hold"
    await world.publish(draft(FEWER))
    await world.approve_use_case("bot")
    await world.publish(draft())
    assert await code(world) == NOT_APPROVED


async def test_a_rollback_goes_on(world: World) -> None:
    """What a bot has done can be undone, whatever it is now."""
    shown = await world.ask("do.high")
    await world.say("dana", shown)
    original = await world.until(shown, "succeeded")
    await world.publish(draft(PURPOSE))
    rollback = await world.roll_back("ivan", original)
    await world.say("rita", rollback)
    assert (await world.until(rollback, "succeeded", "revoked"))["status"] == "succeeded"


async def test_after_the_day_of_its_review(world: World) -> None:
    """Nor does what it had asked for start."""
    shown = await world.ask("do.moderate")
    await overdue(world)
    assert await code(world) == NOT_APPROVED
    await world.say("dana", shown)
    assert (await world.until(shown, "revoked", "succeeded"))["ended_why"] == NOT_APPROVED


# By a signature that is none.


async def test_who_asks_signs(world: World) -> None:
    """An administrator could sign the second stage, had another asked."""
    asked = await world.approve_use_case("bot", "ada", ("olivia",))
    assert "governance-change" in await refused(world, "ada", asked)


async def test_one_person_signs_both(world: World) -> None:
    """The business owner administers as well."""
    await world.publish(draft(BOTH_SEATS))
    asked = await world.approve_use_case("bot", by=())
    await world.say("olivia", asked)
    assert "stage-repeat" in await refused(world, "olivia", asked)
    assert (await world.look(asked))["status"] == "held"


@pytest.mark.parametrize("who", ["sam", "ada", "petra", "tom", "dana", "mia"])
async def test_who_has_no_business_with_it_signs_first(world: World, who: str) -> None:
    asked = await world.approve_use_case("bot", by=())
    assert await refused(world, who, asked)


async def test_what_is_signed_changes(world: World) -> None:
    """Between the two signatures: the second would be for something else."""
    asked = await world.approve_use_case("bot", by=())
    await world.say("olivia", asked)
    await world.publish(draft(PURPOSE))
    ended = await world.until(asked, "revoked", "succeeded")
    assert (ended["status"], ended["ended_why"]) == ("revoked", "use-case-changed")
    assert await code(world) == NOT_APPROVED


async def test_the_approval_of_another_bot(world: World) -> None:
    """Of one that may do all that, for the same purpose."""
    await world.publish(draft(OTHER_ENTITLED))
    await world.approve_use_case("bot")
    assert await code(world, "do.high", "other-bot") == NOT_APPROVED


async def test_a_rule_that_would_allow_it(world: World) -> None:
    """The built-in plan is not the files' to loosen, and a rule that denies it counts."""
    allow = f"rules:\n  - {{name: easy, when: 'action.name == \"{APPROVE}\"', allow: true}}\n"
    await world.publish(draft(("rules:\n", allow)))
    asked = await world.approve_use_case("bot", by=())
    assert (asked["status"], len(asked["plan"]["stages"])) == ("held", 2)
    await world.publish(draft(("rules:\n", allow.replace("allow: true", 'deny: "Never"'))), who="ben", by="ada")
    asked = await world.approve_use_case("bot", by=())
    assert (asked["status"], asked["verdict"]["code"]) == ("denied", "rule")


async def test_asked_for_by_the_bot(world: World) -> None:
    body = {"action": APPROVE, "parameters": {"bot": "bot", "review_by": day(days=9)}, "on_behalf_of": "customer:carl"}
    with pytest.raises(UnknownAction):
        await submit.submit(world.services, world.bot(), "its own", {**body, "context": {}})


# By an approval that is none.


@pytest.mark.parametrize(
    "review_by",
    ["2026-01-01", day(), day(days=367 + 1), "9999-12-31", "2027-02-30", "tomorrow", "2027-01-01T00:00:00Z", ""],
)
async def test_a_day_that_is_none(world: World, review_by: str) -> None:
    with pytest.raises(OffSchema):
        await world.change("ada", APPROVE, {"bot": "bot", "review_by": review_by})


@pytest.mark.parametrize("who", ["dana", "sam", "eve", "ivan", "tom", "anya", "olivia"])
async def test_who_may_not_ask(world: World, who: str) -> None:
    with pytest.raises(Forbidden):
        await world.change(who, APPROVE, {"bot": "bot", "review_by": day(days=9)})


@pytest.mark.parametrize("bot", ["nobody", "*", "BOT", "bot ", "bot\u200b"])
async def test_of_a_bot_that_there_is_not(world: World, bot: str) -> None:
    with pytest.raises(OffSchema):
        await world.change("ada", APPROVE, {"bot": bot, "review_by": day(days=9)})


async def test_publishing_it_away(world: World) -> None:
    """A publication approves nothing, who asks for it and who agrees may be who they like."""
    with pytest.raises(NotOpenToThis):
        await world.publish(draft())
    await world.publish(draft(PURPOSE))
    await world.publish(draft(PURPOSE, OTHER_ENTITLED), who="ben", by="ada")
    assert await code(world) == NOT_APPROVED
    shown = await use_case(world.services, world.person("olivia"), "bot")
    assert (shown["may_ask"], shown["missing"]) == (False, ["purpose: `Something else`, approved is `Tests`"])
