"""Letting somebody go as a way round the rules: each of these would pass without one of its guards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.db import ledger
from app.domain.errors import Forbidden, NotOpenToThis, OffSchema
from app.domain.ledger import verify_stream
from app.domain.request import Level
from app.governance.built_in import LINK, OFF_BOARD
from app.use_cases import delegations
from app.use_cases.actors import SlackAccount, slack_actor
from app.use_cases.break_glass import Pull, break_glass
from app.use_cases.views import View
from tests.drafts import draft
from tests.steps.delegating import away
from tests.steps.leaving import active, as_at_first, holders, members, three_administrators
from tests.steps.words import id_of, sql
from tests.world import World

PAIR = {"groups.pair": "max"}


@pytest.fixture(autouse=True)
async def usual(world: World) -> AsyncIterator[None]:
    await as_at_first(world)
    yield
    await as_at_first(world)


async def asks(world: World, who: str, person: str, to: str | None = None, seats: dict[str, str] | None = None) -> View:
    """An ask to let somebody go, as people make it."""
    wish: dict[str, Any] = {
        "person": person,
        **({} if to is None else {"to": to}),
        **({"seats": seats} if seats else {}),
    }
    return await world.change(who, OFF_BOARD, wish)


async def gone(world: World, person: str, to: str | None = None, seats: dict[str, str] | None = None) -> View:
    """Somebody who was let go, asked for by ada and signed by ben."""
    shown = await asks(world, "ada", person, to, seats)
    await world.say("ben", shown)
    return await world.until(shown, "succeeded")


async def refused(world: World, who: str, shown: View) -> set[str]:
    with pytest.raises(Forbidden) as error:
        await world.say(who, shown)
    return {violation.invariant for violation in error.value.violations}


async def test_asked_signed_and_gone(world: World) -> None:
    """All of it: the seats, the people, the ledger."""
    shown = await asks(world, "ada", "olivia", "rita", PAIR)
    assert (shown["status"], shown["plan"]["name"]) == ("held", "interlock.off-board")
    seen = await world.look(shown)
    assert seen["may_decide"] == ["ben"]
    said = [sentence for one in seen["changes"] for sentence in one["sentences"]]
    assert any("olivia" in sentence for sentence in said)
    await world.say("ben", shown)
    await world.until(shown, "succeeded")
    assert (await holders(world))["business"] == "rita"
    assert not await active(world, "olivia")
    [[pid]] = await sql(world, "select pid::text from person where id = 'olivia'")
    async with world.ctx.database.transaction() as session:
        for stream in ("installation", f"person:{pid}"):
            stored = await ledger.read(session, stream)
            assert verify_stream(stream, stored) == []
            assert shown["id"].encode() in stored[-1].body
            assert b"olivia" not in stored[-1].body


async def test_oneself_with_ones_own_signature(world: World) -> None:
    """Ada would leave, and her friend take her place among the administrators."""
    shown = await asks(world, "ada", "ada", seats={"groups.admins": "zoe"})
    assert "governance-change" in await refused(world, "ada", shown)
    assert "not-eligible" in await refused(world, "zoe", shown)


async def test_the_other_administrator_is_pushed_out(world: World) -> None:
    """Ada would put a friend in Ben's place: Ben does not sign that, she does not, and there is nobody else."""
    with pytest.raises(OffSchema, match=r"at least two distinct persons.* in groups.admins, unless seats names who"):
        await asks(world, "ada", "ben")
    shown = await asks(world, "ada", "ben", seats={"groups.admins": "zoe"})
    ended = await world.until(shown, "expired")
    assert ended["ended_why"] == "quorum-out-of-reach"
    assert await members(world, "admins") == {"ada", "ben"}


async def test_who_leaves_keeps_themselves_in(world: World, rules_copy: Path) -> None:
    await three_administrators(world, rules_copy)
    shown = await asks(world, "ada", "ben")
    assert "governance-change" in await refused(world, "ben", shown)
    await world.say("zoe", shown)
    await world.until(shown, "succeeded")
    assert await members(world, "admins") == {"ada", "zoe"}


async def test_a_friend_signs_for_who_leaves(world: World, rules_copy: Path) -> None:
    """A delegate of who leaves, or of who asked, is as near."""
    await three_administrators(world, rules_copy)
    await away(world, "ben", "zoe")
    assert "delegate-excluded" in await refused(world, "zoe", await asks(world, "ada", "ben"))


async def test_the_asker_inherits_and_decides(world: World) -> None:
    """Ada takes the place of a lead and the exceptions seat: she decides nothing there for as long as it cools down."""
    await gone(world, "marco", seats={"groups.leads": "ada"})
    waits = await world.ask("do.moderate")
    assert await refused(world, "ada", waits) == {"policy-author"}
    assert "ada" not in (await world.look(waits))["may_decide"]
    await world.say("dana", waits)
    await world.until(waits, "succeeded")


async def test_so_does_the_signer(world: World) -> None:
    await gone(world, "eve", "ben")
    wish = {
        "bot": "bot",
        "action": "do.moderate",
        "when": "true",
        "max_uses": 1,
        "expires_at": (await _soon(world)),
    }
    shown = await world.change("petra", "interlock.permissions.grant", wish)
    assert "policy-author" in await refused(world, "ben", shown)


async def _soon(world: World) -> str:
    [[at]] = await sql(world, "select to_char(clock_timestamp() + interval '1 day', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")
    return str(at)


async def test_a_vote_that_was_left_behind(world: World) -> None:
    """It is void at once, and does not count once they are back."""
    shown = await world.ask("do.two")
    await world.say("mia", shown)
    await gone(world, "mia", seats=PAIR)
    async for attempt in AsyncRetrying(wait=wait_fixed(0.05), stop=stop_after_delay(30), reraise=True):
        with attempt:
            assert not (await world.look(shown))["decisions"][0]["standing"]
    await world.say("dana", shown)
    assert (await world.look(shown))["status"] == "held"
    await world.say("priya", shown)
    await world.until(shown, "succeeded")


async def test_a_change_that_was_left_behind(world: World) -> None:
    """Ivan asks to let a bot go on, and to undo something, before he goes: neither waits to be signed by mistake."""
    done = await world.ask("do.high")
    await world.say("dana", done)
    await world.until(done, "succeeded")
    undo = await world.roll_back("nora", done)
    await world.suspend()
    resume = await world.resume("nora")
    ended = await gone(world, "nora")
    for shown in (undo, resume):
        assert (await world.until(shown, "revoked"))["ended_why"] == "asker-left"
    assert set(ended["execution"]["result"]["revokes"]) == {undo["id"], resume["id"]}


async def test_rules_that_were_left_behind(world: World, rules_copy: Path) -> None:
    await three_administrators(world, rules_copy)
    files = draft(("members: [ada, ben]", "members: [ada, ben, zoe]"), ("title: Another bot", "title: Mine"))
    rules = await world.change("zoe", "interlock.policy.publish", {"files": files})
    await gone(world, "zoe")
    assert (await world.until(rules, "revoked"))["ended_why"] == "not-entitled"


async def test_deciding_through_a_delegate_after_leaving(world: World) -> None:
    given = await away(world, "dana", "max")
    await gone(world, "dana")
    waits = await world.ask("do.moderate")
    assert await refused(world, "max", waits) == {"not-eligible"}
    seen = await delegations.read(world.services, world.person("anya"), id_of(given))
    assert (seen["ended_by"], seen["ended_at"] is not None) == ("ada", True)


async def test_a_token_that_was_left_behind(world: World) -> None:
    waits = await world.ask("do.moderate")
    await gone(world, "marco")
    assert await refused(world, "marco", waits) == {"unlinked-identity"}
    assert (await slack_actor(world.services, SlackAccount("T0", "U0MARCO"))).kind == "unlinked"


async def test_twice(world: World) -> None:
    """The second was asked for before the first ran: it would take the successor's places for another."""
    first = await asks(world, "ada", "olivia", "rita", PAIR)
    second = await asks(world, "ada", "olivia", "lena", PAIR)
    await world.say("ben", first)
    await world.until(first, "succeeded")
    assert (await world.until(second, "revoked"))["ended_why"] == "rules-changed"
    assert (await holders(world))["business"] == "rita"
    with pytest.raises(NotOpenToThis, match="left already"):
        await asks(world, "ada", "olivia", "lena")


async def test_rules_in_between(world: World) -> None:
    """What was signed said who sits where under other rules."""
    shown = await asks(world, "ada", "olivia", "rita", PAIR)
    await world.publish(draft(("title: Another bot", "title: Quite another bot")))
    assert (await world.until(shown, "revoked"))["ended_why"] == "rules-changed"
    assert await active(world, "olivia")


async def test_a_weak_signature(world: World) -> None:
    """A click from a Slack session is not enough."""
    shown = await asks(world, "ada", "zoe")
    with pytest.raises(Forbidden) as error:
        await world.say(world.person("ben", Level.CLICK), shown)
    assert {one.invariant for one in error.value.violations} == {"weak-authentication"}


async def test_alone_by_break_glass(world: World) -> None:
    """A responder releases what bots ask for, never a change of people."""
    shown = await asks(world, "ada", "zoe")
    pull = Pull("It is urgent", shown["digest"])
    with pytest.raises(NotOpenToThis):
        await break_glass(world.services, world.person("ivan", Level.RECENT), id_of(shown), pull)


async def test_an_account_of_ones_own_for_another(world: World) -> None:
    """Ada would have her second account count as Dana: another administrator must say so, and nobody has it before."""
    with pytest.raises(NotOpenToThis, match="marco's already"):
        await world.change("ada", LINK, {"person": "dana", "identity": {"slack": "T0/U0MARCO"}})
    for spelled in ("T0/U0MARCO\n", "T0/u0marco", "U0MARCO", "T0/U0MARCO/X", " T0/U0MARCO"):
        with pytest.raises(OffSchema):
            await world.change("ada", LINK, {"person": "dana", "identity": {"slack": spelled}})
    shown = await world.change("ada", LINK, {"person": "dana", "identity": {"slack": "T0/U0ADA2"}})
    assert "governance-change" in await refused(world, "ada", shown)
    assert (await slack_actor(world.services, SlackAccount("T0", "U0ADA2"))).kind == "unlinked"
    await world.say("ben", shown)
    await world.until(shown, "succeeded")
    assert (await slack_actor(world.services, SlackAccount("T0", "U0ADA2"))).id == "dana"
