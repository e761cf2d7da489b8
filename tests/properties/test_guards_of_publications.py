"""The guards of publications, each against the steps alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.db import ledger
from app.domain.ask import Ask
from app.domain.errors import Forbidden, NotOpenToThis
from app.governance.built_in import PUBLISH
from app.steps.start import start
from app.steps.tick import tick
from app.use_cases import changes
from app.use_cases.governance import install
from app.use_cases.views import View
from tests.drafts import draft
from tests.properties.quiet import approved, leave, refused, signed, starts
from tests.steps.words import admitted, id_of, lost, sql
from tests.world import RULES, World

LEADS = "members: [dana, marco, priya, olivia, mia, tom]"
ADA_LEADS = (LEADS, "members: [dana, marco, priya, olivia, mia, tom, ada, ben]")
ONE = "  one: {stages: [{name: lead, group: leads, quorum: 1, within: 1h}], expires: 4h}"
TWO_LEADS = (ONE, ONE.replace("quorum: 1", "quorum: 2"))
SHORT = ("rules:\n", "separation: [{name: policy-author, cool_down: 1d}]\nrules:\n")


@pytest.fixture(autouse=True)
async def as_at_first(world: World) -> AsyncIterator[None]:
    """Whatever a test did: the usual rules are in force, nothing was published lately, everybody is active."""
    yield
    await install(world.ctx, RULES, replace=True, by="zoe")
    await sql(world, "update request set updated_at = updated_at - interval '400 days' where kind = 'governance'")
    await sql(world, "update person set active = true")


async def asked(world: World, *edits: tuple[str, str], who: str = "ada") -> View:
    """A request to publish a draft, whose workflow Temporal has lost."""
    return await admitted(world, Ask("governance", "person", who, None, PUBLISH, {"files": draft(*edits)}))


async def run(world: World, shown: View) -> View:
    """What comes of it when it is started."""
    await start(world.ctx, id_of(shown), "one")
    return await world.look(shown)


async def published(world: World, *edits: tuple[str, str]) -> View:
    """Put in force: asked for by ada, approved by ben."""
    shown = await asked(world, *edits)
    await signed(world, "ben", shown)
    ended = await run(world, shown)
    assert ended["status"] == "succeeded"
    return ended


async def begin(world: World, folder: Path, *edits: tuple[str, str]) -> None:
    """The rules before, which nobody has published."""
    for name, text in draft(ADA_LEADS, *edits).items():
        (folder / name).write_text(text)
    await install(world.ctx, folder, replace=True, by="zoe")


async def test_who_lowered_the_bar_does_not_step_over_it(world: World, rules_copy: Path) -> None:
    await begin(world, rules_copy, TWO_LEADS)
    await published(world, ADA_LEADS)
    shown = await lost(world, "do.moderate")
    assert await refused(world, "ada", shown) == {"policy-author"}
    assert await refused(world, "ben", shown) == {"policy-author"}
    assert await refused(world, "dana", shown) == set()


async def test_the_longer_cool_down_counts(world: World, rules_copy: Path) -> None:
    await begin(world, rules_copy, TWO_LEADS)
    done = await published(world, ADA_LEADS, SHORT)
    for days, barred in ((3, {"policy-author"}), (5, set())):
        earlier = "update request set updated_at = updated_at - make_interval(days => :days) where id = :id"
        await sql(world, earlier, id=id_of(done), days=days)
        assert await refused(world, "ada", await lost(world, "do.moderate")) == barred


async def test_what_was_raised_again_is_theirs_to_decide(world: World, rules_copy: Path) -> None:
    await begin(world, rules_copy, TWO_LEADS)
    await published(world, ADA_LEADS)
    await published(world, ADA_LEADS, TWO_LEADS)
    assert await refused(world, "ada", await lost(world, "do.moderate")) == set()


async def test_what_another_publication_lowered_is_not_theirs(world: World, rules_copy: Path) -> None:
    """Ada and Ben change something else, and what came after it was not theirs."""
    await begin(world, rules_copy, TWO_LEADS)
    await published(world, ADA_LEADS, TWO_LEADS, ("title: Another bot", "title: Still another bot"))
    await begin(world, rules_copy)
    assert await refused(world, "ada", await lost(world, "do.moderate")) == set()


async def test_who_joined_a_group_by_their_own_publication(world: World, rules_copy: Path) -> None:
    await install(world.ctx, rules_copy, replace=True, by="zoe")
    await published(world, (LEADS, "members: [dana, marco, priya, olivia, mia, tom, ada, fiona]"))
    shown = await lost(world, "do.moderate")
    assert await refused(world, "ada", shown) == {"policy-author"}
    assert await refused(world, "fiona", shown) == set()


async def test_who_let_themselves_into_a_stage_that_was_added(world: World, rules_copy: Path) -> None:
    """It waits for its start; Ada joins finance, and then finance is asked as well."""
    await install(world.ctx, rules_copy, replace=True, by="zoe")
    shown = await approved(world, "do.moderate")
    joins = ("{name: finance, members: [fiona, felix, dana]", "{name: finance, members: [fiona, felix, dana, ada]")
    more = ("rules:\n", "rules:\n  - {name: more, when: 'action.name == \"do.moderate\"', hold: stages}\n")
    await published(world, joins)
    await published(world, joins, more)
    assert not await starts(world, shown)
    assert (await world.look(shown))["plan"]["stages"][-1]["group"] == "finance"
    assert await refused(world, "ada", shown) == {"policy-author"}
    assert await refused(world, "fiona", shown) == set()


async def test_the_asker_does_not_approve_and_an_outsider_neither(world: World) -> None:
    shown = await asked(world, TWO_LEADS)
    assert "governance-change" in await refused(world, "ada", shown)
    assert await refused(world, "olivia", shown) == {"not-eligible"}


async def test_only_an_administrator_asks(world: World) -> None:
    """Refused at the door, and by the step as well: they may have lost the office in between."""
    with pytest.raises(Forbidden):
        await changes.ask_change(
            world.services,
            world.person("dana"),
            "a-key",
            action=PUBLISH,
            parameters={"files": draft(TWO_LEADS)},
            reason="Let me",
        )
    shown = await asked(world, TWO_LEADS, who="dana")
    assert (shown["status"], shown["verdict"]["code"]) == ("denied", "not-entitled")


async def test_rules_made_from_others_are_not_asked_for(world: World) -> None:
    parameters = {"files": draft(TWO_LEADS), "base": f"sha256:{'0' * 64}"}
    with pytest.raises(NotOpenToThis):
        await changes.ask_change(
            world.services, world.person("ada"), "b-key", action=PUBLISH, parameters=parameters, reason="Let me"
        )
    shown = await admitted(world, Ask("governance", "person", "ada", None, PUBLISH, parameters))
    assert (shown["status"], shown["verdict"]["code"]) == ("denied", "rules-changed")


async def test_what_was_signed_on_other_rules_is_revoked(world: World, rules_copy: Path) -> None:
    shown = await asked(world, TWO_LEADS)
    await signed(world, "ben", shown)
    await begin(world, rules_copy)
    ended = await run(world, shown)
    assert (ended["status"], ended["ended_why"]) == ("revoked", "rules-changed")


async def test_what_waits_on_other_rules_is_revoked_at_once(world: World, rules_copy: Path) -> None:
    shown = await asked(world, TWO_LEADS)
    await begin(world, rules_copy)
    await tick(world.ctx, id_of(shown))
    seen = await world.look(shown)
    assert (seen["status"], seen["ended_why"]) == ("revoked", "rules-changed")


async def test_people_are_what_it_was_made_from_too(world: World, rules_copy: Path) -> None:
    shown = await asked(world, TWO_LEADS)
    await signed(world, "ben", shown)
    people = rules_copy / "people.yaml"
    people.write_text(people.read_text().replace("name: Zoe}", "name: Zora}"))
    await install(world.ctx, rules_copy, replace=True, by="zoe")
    assert (await run(world, shown))["ended_why"] == "rules-changed"


async def test_who_asked_has_left(world: World) -> None:
    shown = await asked(world, TWO_LEADS)
    await signed(world, "ben", shown)
    await leave(world, "ada")
    assert (await run(world, shown))["ended_why"] == "not-entitled"


async def test_of_two_at_once_the_second_fails(world: World) -> None:
    """Both are signed, and nothing has come between when the second looks: the first commits before it has the lock."""
    first, second = await asked(world, TWO_LEADS), await asked(world, ADA_LEADS)
    for shown in (first, second):
        await signed(world, "ben", shown)
    async with world.ctx.database.transaction() as session:
        await ledger.lock_stream(session, "installation")
        running = [asyncio.create_task(start(world.ctx, id_of(shown), "one")) for shown in (first, second)]
        async for attempt in AsyncRetrying(wait=wait_fixed(0.02), stop=stop_after_delay(30), reraise=True):
            with attempt:
                assert len(await sql(world, WAITING)) == 2
    await asyncio.gather(*running)
    assert {(await world.look(first))["status"], (await world.look(second))["status"]} == {"failed", "succeeded"}


WAITING = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
