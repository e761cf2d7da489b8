"""Each invariant of separation of duties that this version has, through the whole system, and its entry."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import text

from app.domain.errors import Forbidden
from app.domain.request import Level
from app.use_cases import read
from app.use_cases.actors import Actor
from app.use_cases.views import View
from tests.world import World


async def broken(world: World, who: str | Actor, shown: View) -> list[str]:
    """The names of what this approval is refused for; they are on the ledger too, and the request stays as it was."""
    with pytest.raises(Forbidden) as caught:
        await world.say(who, shown)
    names = [violation.invariant for violation in caught.value.violations]
    last = (await world.entries(shown))[-1]
    assert (last["kind"], last["facts"]["violations"]) == ("refused", names)
    assert (await world.look(shown))["status"] == "held"
    return names


async def test_on_behalf_of(world: World) -> None:
    shown = await world.ask("do.high", on_behalf_of="customer:mia")
    assert await broken(world, "mia", shown) == ["on-behalf-of"]


async def test_triggered_by(world: World) -> None:
    shown = await world.ask("do.high", triggered_by="EMPLOYEE:mia")
    assert await broken(world, "mia", shown) == ["on-behalf-of"]


async def test_beneficiary(world: World) -> None:
    shown = await world.ask("do.moderate", parameters={"payee": "customer:mia"})
    assert await broken(world, "mia", shown) == ["beneficiary"]


async def test_self_approval_by_who_made_the_credential(world: World) -> None:
    async with world.ctx.database.transaction() as session:
        await session.execute(
            text("update client_credential set made_by = 'priya' where client_id = 'other-bot-client'")
        )
    shown = await world.ask("do.moderate", bot="other-bot")
    assert await broken(world, "priya", shown) == ["self-approval"]


@pytest.mark.parametrize("owner", ["olivia", "tom"])
async def test_bot_owner_never_decides_high(world: World, owner: str) -> None:
    shown = await world.ask("do.high")
    assert await broken(world, owner, shown) == ["bot-owner"]


async def test_bot_owner_is_never_the_only_vote(world: World) -> None:
    shown = await world.ask("do.moderate")
    assert await broken(world, "olivia", shown) == ["bot-owner"]


async def test_not_eligible(world: World) -> None:
    shown = await world.ask("do.high")
    assert await broken(world, "fiona", shown) == ["not-eligible"]


@pytest.mark.aisvs("9.2.9")
@pytest.mark.aisvs("9.5.3")
async def test_not_human(world: World) -> None:
    shown = await world.ask("do.high")
    assert await broken(world, world.bot(), shown) == ["not-human"]


@pytest.mark.parametrize("who", [Actor("unlinked", None, "oidc:https://id.test#stranger", Level.STRONG)])
async def test_unlinked_identity(world: World, who: Actor) -> None:
    shown = await world.ask("do.high")
    assert await broken(world, who, shown) == ["unlinked-identity"]


async def test_who_joined_the_group_after_admission_is_not_eligible(world: World) -> None:
    shown = await world.ask("do.high")
    async with world.ctx.database.transaction() as session:
        await session.execute(
            text("update request set members = jsonb_set(members, '{leads}', '[\"marco\"]') where id = :id"),
            {"id": uuid.UUID(shown["id"])},
        )
    assert await broken(world, "dana", shown) == ["not-eligible"]
    assert (await world.say("marco", shown))["status"] == "approved"


async def test_nothing_personal_stands_in_the_ledger_in_clear(world: World) -> None:
    secrets = {"on_behalf_of": "customer:mia", "reason": "Mia wrote that she moved"}
    shown = await world.ask("do.moderate", **secrets, parameters={"payee": "customer:mia"})
    await world.say("dana", shown, reason="I know her")
    await world.until(shown, "succeeded")
    whole = str(await world.entries(shown))
    for personal in ("mia", "Mia", "dana", "I know her", shown["parameters"]["thing"]):
        assert personal not in whole
    assert "sealed" in whole


async def test_the_bots_view_has_no_people_in_it(world: World) -> None:
    shown = await world.ask("do.moderate")
    await world.say("dana", shown)
    await world.until(shown, "succeeded")
    seen: dict[str, Any] = await read.read(world.services, world.bot(), uuid.UUID(shown["id"]))
    assert not {"may_decide", "decisions", "settlements"} & seen.keys()
    assert "dana" not in str(seen)
