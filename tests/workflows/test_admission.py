"""Admission: what is refused with nothing stored, what is stored as denied, windows, chains, entitlements."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from app.domain.errors import Malformed, NotFound, OffSchema, UnknownAction
from app.use_cases import read
from tests.world import World


async def test_what_is_malformed_is_not_stored(world: World) -> None:
    with pytest.raises(UnknownAction):
        await world.ask("do.nothing", key="m1")
    with pytest.raises(OffSchema):
        await world.ask("do.moderate", key="m2", parameters={"extra": 1})
    with pytest.raises(OffSchema, match="on whose behalf"):
        await world.ask("do.moderate", key="m3", on_behalf_of=None)
    with pytest.raises(Malformed, match="not a subject"):
        await world.ask("do.moderate", key="m4", on_behalf_of="customer:ca\u200brl")
    with pytest.raises(OffSchema, match="no request of this bot"):
        await world.ask("do.moderate", key="m5", parent=str(uuid.uuid4()))
    page = await read.listing(world.services, world.bot(), read.Filters(), cursor=None, limit=200)
    assert page["items"] == []


async def test_a_foreign_parent_is_off_schema(world: World) -> None:
    parent = await world.ask("do.moderate")
    with pytest.raises(OffSchema):
        await world.ask("do.moderate", bot="other-bot", parent=parent["id"])


async def test_not_entitled_is_denied_and_stored(world: World) -> None:
    shown = await world.ask("do.high", bot="other-bot")
    assert (shown["status"], shown["verdict"]["code"]) == ("denied", "not-entitled")
    assert await world.kinds(shown) == ["admitted"]


async def test_a_rule_that_errs_denies(world: World) -> None:
    shown = await world.ask("do.moderate", parameters={"mode": "err"})
    assert (shown["status"], shown["verdict"]["code"]) == ("denied", "rule-error")


async def test_an_allowed_action_runs_at_once(world: World) -> None:
    shown = await world.ask("do.moderate", parameters={"mode": "allow"})
    await world.until(shown, "succeeded")
    assert await world.kinds(shown) == ["admitted", "started", "attempt-finished", "succeeded"]


@pytest.mark.aisvs("9.2.3")
@pytest.mark.aisvs("9.2.4")
async def test_an_irreversible_action_is_held_whatever_allows_it(world: World) -> None:
    shown = await world.ask("do.once", parameters={"mode": "allow"})
    assert (shown["status"], shown["plan"]["name"]) == ("held", "one")


async def test_many_small_ones_at_once_do_not_slip_under_the_window(world: World) -> None:
    asks = [world.ask("do.moderate", on_behalf_of="customer:splitter", parameters={"amount": 300}) for _ in range(6)]
    plans = sorted(shown["plan"]["name"] for shown in await asyncio.gather(*asks))
    assert plans == ["one", "one", "one", "two", "two", "two"]


@pytest.mark.aisvs("9.2.10")
async def test_a_chain_takes_the_worst_of_it(world: World) -> None:
    parent = await world.ask("do.grave")
    child = await world.ask("do.moderate", parent=parent["id"], parameters={"mode": "allow"})
    assert (child["status"], child["risk"], child["reversibility"]) == ("held", "high", "irreversible")


@pytest.mark.aisvs("9.1.2")
async def test_a_chain_is_at_most_sixteen_long(world: World) -> None:
    last = await world.ask("look.up")
    for _ in range(15):
        last = await world.ask("look.up", parent=last["id"])
    with pytest.raises(OffSchema, match="at most 16"):
        await world.ask("look.up", parent=last["id"])


async def test_who_sees_what(world: World) -> None:
    shown = await world.ask("do.high")
    id_ = uuid.UUID(shown["id"])
    for who in ("dana", "olivia", "ivan", "anya", "sam"):
        seen = await read.read(world.services, world.person(who), id_)
        assert "may_decide" in seen
        assert ("nonce" in seen) == (who in ("dana", "olivia"))
    for stranger in (world.person("zoe"), world.person("greta"), world.bot("other-bot")):
        with pytest.raises(NotFound):
            await read.read(world.services, stranger, id_)


async def test_lists_show_only_what_may_be_read_page_by_page(world: World) -> None:
    made = [(await world.ask("do.moderate", bot="other-bot"))["id"] for _ in range(5)]
    mine, cursor = [], None
    while True:
        page = await read.listing(world.services, world.bot("other-bot"), read.Filters(), cursor=cursor, limit=2)
        mine += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert mine[:5] == made[::-1]
    assert len(mine) == len(set(mine))
    nothing = await read.listing(world.services, world.person("zoe"), read.Filters(), cursor=None, limit=50)
    assert nothing == {"items": [], "next_cursor": None}
    decidable = read.Filters(decidable_by_me=True)
    for who, sees in (("dana", True), ("fiona", False)):
        page = await read.listing(world.services, world.person(who), decidable, cursor=None, limit=200)
        assert (made[0] in [item["id"] for item in page["items"]]) is sees


async def test_a_long_poll_answers_when_something_changed(world: World) -> None:
    shown = await world.ask("do.two")
    id_ = uuid.UUID(shown["id"])
    polls = asyncio.gather(*(read.wait(world.services, world.bot(), id_, seconds=30, since=None) for _ in range(3)))
    await asyncio.sleep(0)
    await world.say("dana", shown)
    assert {seen["plan"]["stages"][0]["approvals"] for seen in await polls} == {1}
    same = await read.wait(world.services, world.bot(), id_, seconds=0.01, since=None)
    assert same["status"] == "held"
