"""Each guard of approved use cases once, on the database alone: who approves one, what it covers, until when."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.db import ledger
from app.domain.ask import Ask
from app.domain.ledger import verify_stream
from app.domain.plan_rows import plan_from_json
from app.steps.tick import tick
from app.steps.use_cases import write_upgraded
from app.use_cases.governance import install
from app.use_cases.views import View
from tests.drafts import draft
from tests.properties.quiet import approved, later, refused
from tests.steps.approving import (
    ACTION_DATA,
    ANOTHER_ALLOW,
    DATA,
    FEWER,
    LESS_DATA,
    MODEL,
    MODERATE,
    NEW_BOT,
    NEW_READ,
    NO_CASE,
    NO_MODEL,
    ONLY_READS,
    OTHER_ENTITLED,
    PURPOSE,
    RENAMED,
    TITLE,
    case_approved,
    case_asked,
    case_signed,
    day,
    overdue,
    put_out,
    run,
)
from tests.steps.words import admitted, id_of, lost, sql, vote
from tests.world import RULES, World

NOT_APPROVED = "use-case-not-approved"


@pytest.fixture(autouse=True)
async def as_at_first(world: World) -> AsyncIterator[None]:
    """Whatever a test did: the usual rules are in force, as if nobody had published anything, and are approved anew."""
    yield
    await sql(world, "delete from use_case")
    await install(world.ctx, RULES, replace=True, by="zoe")
    await sql(world, "update request set updated_at = updated_at - interval '400 days' where kind = 'governance'")
    await sql(world, "update person set active = true")


async def said(world: World, action: str = "do.moderate", bot: str = "bot", **parameters: Any) -> str:
    """What a bot's ask comes to: allow, hold, or a denial's code."""
    given = {"thing": "a", **parameters}
    ask = Ask("action", "bot", bot, f"{bot}-client", action, given, on_behalf_of="customer:carl")
    verdict = (await admitted(world, ask))["verdict"]
    return str(verdict["code"] if verdict["outcome"] == "deny" else verdict["outcome"])


async def entries(world: World, bot: str = "bot") -> list[dict[str, Any]]:
    stream = f"bot:{bot}"
    async with world.ctx.database.transaction() as session:
        stored = await ledger.read(session, stream)
    assert verify_stream(stream, stored) == []
    found = [json.loads(entry.body) for entry in stored]
    return [entry for entry in found if entry["kind"] == "use-case-approved"]


# What is installed.


async def test_what_is_installed_counts_as_approved(world: World) -> None:
    """By the installation, and no person: the entry says which."""
    assert (await said(world), await said(world, bot="other-bot")) == ("hold", "hold")
    last = (await entries(world))[-1]["facts"]
    assert (last["via"], "request" in last) == ("init", False)
    assert await sql(world, "select distinct via, review_by - current_date from use_case") == [("init", 366)]


async def test_a_bot_that_says_no_use_case_has_none(world: World, rules_copy: Path) -> None:
    (rules_copy / "desk.yaml").write_text(draft(NO_CASE)["desk.yaml"])
    await sql(world, "delete from use_case")
    await install(world.ctx, rules_copy, replace=True, by="zoe")
    assert (await said(world), await said(world, bot="other-bot")) == (NOT_APPROVED, "hold")


async def test_the_same_again_approves_nothing_in_production(world: World) -> None:
    """What was published and is not approved stays so, whoever runs `interlock init` with the same files."""
    await sql(world, "delete from use_case where bot = 'bot'")
    production = type(world.ctx)(**{**_parts(world), "environment": "production"})
    await install(production, RULES, replace=False, by="os:mallory@host")
    assert await said(world) == NOT_APPROVED


def _parts(world: World) -> dict[str, Any]:
    return {name: getattr(world.ctx, name) for name in world.ctx.__dataclass_fields__}


async def test_an_upgrade_keeps_bots_at_work(world: World) -> None:
    """What the migration leaves is judged by the version that was in force; the worker writes it down, with entries."""
    left = "update use_case set id = gen_random_uuid(), statement = null, via = 'upgrade' where bot = 'bot'"
    await sql(world, left)
    await put_out(world, PURPOSE)
    assert await said(world) == NOT_APPROVED
    await install(world.ctx, RULES, replace=True, by="zoe")
    assert await said(world) == "hold"
    many = len(await entries(world))
    for _ in range(2):
        await write_upgraded(world.ctx)
    assert [entry["facts"]["via"] for entry in (await entries(world))[many:]] == ["upgrade"]
    assert await sql(world, "select count(*) from use_case where statement is null") == [(0,)]


# What a publication adds.


async def test_a_new_bot(world: World) -> None:
    await put_out(world, NEW_BOT)
    assert await said(world, bot="new-bot") == NOT_APPROVED
    await case_approved(world, "new-bot")
    assert await said(world, bot="new-bot") == "hold"


async def test_an_entitlement_more_stops_only_itself(world: World) -> None:
    await put_out(world, OTHER_ENTITLED)
    assert await said(world, "do.high", "other-bot") == NOT_APPROVED
    assert await said(world, "do.moderate", "other-bot") == "hold"
    await case_approved(world, "other-bot")
    assert await said(world, "do.high", "other-bot") == "hold"


@pytest.mark.parametrize("edit", [PURPOSE, DATA, MODEL, NO_MODEL, NO_CASE], ids=str)
async def test_what_stops_the_whole_bot(world: World, edit: tuple[str, str]) -> None:
    await put_out(world, edit)
    assert await said(world) == NOT_APPROVED


@pytest.mark.parametrize("edit", [TITLE, LESS_DATA, RENAMED], ids=str)
async def test_what_needs_no_approval(world: World, edit: tuple[str, str]) -> None:
    await put_out(world, edit)
    assert (await said(world), await said(world, mode="allow")) == ("hold", "allow")


async def test_fewer_entitlements_need_no_approval(world: World) -> None:
    await put_out(world, FEWER)
    assert (await said(world), await said(world, "do.high")) == ("not-entitled", "hold")


async def test_the_newest_approval_stands(world: World) -> None:
    """Who approves less takes back what was approved before."""
    await put_out(world, FEWER)
    await case_approved(world)
    await install(world.ctx, RULES, replace=True, by="zoe")
    newest = "select max(approved_at) from use_case where bot = 'bot'"
    await sql(world, f"delete from use_case where bot = 'bot' and approved_at = ({newest})")  # noqa: S608  constants
    assert (await said(world), await said(world, "do.high")) == (NOT_APPROVED, "hold")


async def test_data_of_an_action_stops_only_that(world: World) -> None:
    await put_out(world, ACTION_DATA)
    assert (await said(world), await said(world, "do.high")) == (NOT_APPROVED, "hold")


async def test_more_autonomy_waits_for_people(world: World) -> None:
    """Another condition that allows is no rule to a bot until it is approved; what it says else goes on as before."""
    await put_out(world, ANOTHER_ALLOW)
    shown = await lost(world, "do.moderate", "allow")
    assert (shown["status"], shown["verdict"]["code"]) == ("held", "default-plan")
    assert "approved use case" in shown["verdict"]["reason"]
    await case_approved(world)
    assert await said(world, mode="allow") == "allow"


async def test_what_only_reads_now_waits_for_people(world: World) -> None:
    await put_out(world, ONLY_READS)
    assert await said(world) == "hold"
    await case_approved(world)
    assert await said(world) == "allow"


async def test_what_once_only_read_is_not_run_by_that(world: World, rules_copy: Path) -> None:
    """That it was approved as a read says nothing of it since it changes something."""
    (rules_copy / "desk.yaml").write_text(draft(ONLY_READS)["desk.yaml"])
    await install(world.ctx, rules_copy, replace=True, by="zoe")
    await put_out(world, (MODERATE, MODERATE), ANOTHER_ALLOW)
    assert await said(world, mode="allow") == "hold"


async def test_a_read_that_nobody_can_be_asked_about(world: World) -> None:
    """A pattern covers it, but that it runs unheld is not approved."""
    await put_out(world, NEW_READ)
    assert await said(world, "look.anew") == NOT_APPROVED
    assert await said(world, "look.up") == "allow"


async def test_after_the_day_of_its_review(world: World) -> None:
    await sql(world, "update use_case set review_by = (clock_timestamp() at time zone 'UTC')::date")
    assert await said(world) == "hold"
    await overdue(world)
    assert await said(world) == NOT_APPROVED
    await case_approved(world)
    assert await said(world) == "hold"


# Before the start.


@pytest.mark.parametrize("edit", [PURPOSE, DATA, ACTION_DATA], ids=str)
async def test_what_was_approved_before_does_not_start(world: World, edit: tuple[str, str]) -> None:
    shown = await approved(world, "do.moderate")
    await put_out(world, edit)
    ended = await run(world, shown)
    assert (ended["status"], ended["ended_why"]) == ("revoked", _why(edit))


def _why(edit: tuple[str, str]) -> str:
    """A changed entry of the catalogue is found first."""
    return "action-changed" if edit == ACTION_DATA else NOT_APPROVED


async def test_nor_after_the_day_of_its_review(world: World) -> None:
    shown = await approved(world, "do.moderate")
    await overdue(world)
    ended = await run(world, shown)
    assert (ended["status"], ended["ended_why"]) == ("revoked", NOT_APPROVED)


async def test_what_a_rule_allowed_waits_when_that_is_another(world: World) -> None:
    shown = await lost(world, "do.moderate", "allow")
    assert shown["status"] == "approved"
    await put_out(world, ANOTHER_ALLOW)
    assert (await run(world, shown))["status"] == "held"


# Asking for an approval, and signing it.


async def test_two_persons_sign_in_turn(world: World) -> None:
    shown = await case_asked(world)
    assert (shown["status"], shown["plan"]["name"]) == ("held", "interlock.use-case")
    stages = [(one["group"], one["quorum"], one["level"]) for one in shown["plan"]["stages"]]
    assert stages == [("interlock:business:bot", 1, "login"), ("interlock:security:bot", 1, "login")]
    plan = plan_from_json((await world.row(shown)).plan)
    assert not plan.allow_repeat
    assert shown["may_decide"] == ["olivia"]
    await vote(world, "olivia", shown)
    assert (await world.look(shown))["may_decide"] == ["ada", "ben", "sam"]


async def test_who_asks_does_not_sign(world: World) -> None:
    shown = await case_asked(world, "ada")
    await vote(world, "olivia", shown)
    assert "governance-change" in await refused(world, "ada", shown)
    assert (await world.look(shown))["may_decide"] == ["ben", "sam"]


async def test_who_deployed_it_does_not_sign(world: World, rules_copy: Path) -> None:
    people = draft(("members: [ada, ben]", "members: [ada, ben, tom]"))["people.yaml"]
    (rules_copy / "people.yaml").write_text(people)
    await install(world.ctx, rules_copy, replace=True, by="zoe")
    shown = await case_asked(world)
    await vote(world, "olivia", shown)
    assert "governance-change" in await refused(world, "tom", shown)


@pytest.mark.parametrize("who", ["dana", "sam", "eve", "tom", "ivan"])
async def test_who_may_not_ask(world: World, who: str) -> None:
    shown = await case_asked(world, who)
    assert (shown["status"], shown["verdict"]["code"]) == ("denied", "not-entitled")


async def test_who_alone_would_sign_first_does_not_ask(world: World) -> None:
    shown = await case_asked(world, "olivia")
    assert (shown["status"], shown["verdict"]["code"]) == ("denied", "not-entitled")
    assert "business seat" in shown["verdict"]["reason"]


@pytest.mark.parametrize(
    "fields",
    [{"bot": "nobody"}, {"review_by": day(days=-1)}, {"review_by": day()}, {"review_by": day(days=368)}],
    ids=str,
)
async def test_what_is_not_to_be_had(world: World, fields: dict[str, str]) -> None:
    shown = await case_asked(world, "ada", **fields)
    assert (shown["status"], shown["verdict"]["code"]) == ("denied", "not-in-order")


async def test_of_a_bot_that_says_none(world: World) -> None:
    await put_out(world, NO_CASE)
    shown = await case_asked(world)
    assert (shown["status"], shown["verdict"]["code"]) == ("denied", "not-in-order")


async def test_who_signs_sees_what_it_comes_to(world: World) -> None:
    await put_out(world, OTHER_ENTITLED, NEW_BOT)
    [change] = (await case_asked(world, bot="other-bot"))["changes"]
    assert (change["name"], change["change"], change["loosens"]) == ("other-bot", "changed", True)
    assert "bot other-bot: entitled to: do.high, do.moderate (new: do.high)" in change["sentences"]
    [change] = (await case_asked(world, bot="new-bot"))["changes"]
    assert (change["change"], change["sentences"][0]) == ("added", "bot new-bot: purpose: `New`")
    [change] = (await case_asked(world))["changes"]
    assert change["loosens"] is False


async def changed_meanwhile(world: World, shown: View) -> tuple[str, str | None]:
    """What has become of it once it is signed."""
    await tick(world.ctx, id_of(shown))
    ended = await world.look(shown)
    return ended["status"], ended["ended_why"]


@pytest.mark.parametrize("edit", [PURPOSE, DATA, FEWER, ANOTHER_ALLOW, TITLE], ids=str)
async def test_what_changes_before_it_is_signed(world: World, edit: tuple[str, str]) -> None:
    """They would sign for something else than they were shown."""
    shown = await case_asked(world)
    await put_out(world, edit)
    assert await changed_meanwhile(world, shown) == ("revoked", "use-case-changed")


async def test_who_asked_leaves_before_it_is_signed(world: World) -> None:
    shown = await case_asked(world)
    await sql(world, "update person set active = false where id = 'petra'")
    assert await changed_meanwhile(world, shown) == ("revoked", "not-entitled")


async def test_its_day_is_over_before_it_is_signed(world: World) -> None:
    shown = await case_asked(world, review_by=day(days=1))
    await tick(later(world, timedelta(days=2)), id_of(shown))
    ended = await world.look(shown)
    assert (ended["status"], ended["ended_why"]) == ("revoked", "not-in-order")


async def test_it_is_approved_on_the_bots_stream(world: World) -> None:
    many = len(await entries(world))
    ended = await case_approved(world)
    [entry] = (await entries(world))[many:]
    facts = entry["facts"]
    assert (facts["use_case"], facts["via"], facts["review_by"]) == (ended["id"], "request", day(days=300))
    assert facts["policy_version"] == ended["verdict"]["policy_version"]
    assert "statement" not in facts
    assert ended["execution"]["result"] == {"bot": "bot", "review_by": day(days=300)}


async def test_of_one_bot_says_nothing_of_another(world: World) -> None:
    await put_out(world, OTHER_ENTITLED)
    await case_approved(world)
    assert (await said(world, "do.high"), await said(world, "do.high", "other-bot")) == ("hold", NOT_APPROVED)


async def test_of_both_signatures_none_is_missing(world: World) -> None:
    await put_out(world, PURPOSE)
    shown = await case_asked(world)
    await vote(world, "olivia", shown)
    assert (await run(world, shown))["status"] == "held"
    assert await said(world) == NOT_APPROVED
    assert (await case_signed(world, await case_asked(world)))["status"] == "succeeded"
