"""Whose a Slack account is: by the files, by a link, by a confirmed address."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from app.keys import KeyRings
from app.use_cases.actors import SlackAccount, slack_actor
from app.use_cases.links import link
from tests.conftest import NewDatabase
from tests.steps.words import sql
from tests.use_cases.linking import FRESH, HERS, by_slack, code, small_world
from tests.world import World


@pytest.fixture
async def world(new_database: NewDatabase, rings: KeyRings) -> AsyncIterator[World]:
    """Each test's own."""
    async with small_world(await new_database(), rings) as made:
        yield made


async def test_the_files_say_whose_an_account_is(world: World) -> None:
    assert await by_slack(world, HERS) == "dana"
    assert await by_slack(world, SlackAccount("T0", "U0OTHER")) is None
    assert await by_slack(world, SlackAccount("T1", "U0DANA")) is None


@pytest.mark.parametrize(
    ("emails", "confirmed", "whose"),
    [
        ({"marco": ["marco@shop.example"]}, "marco@shop.example", "marco"),
        ({"marco": ["x@y.example", "Marco@Shop.Example"]}, "mARCO@shop.eXample", "marco"),
        ({"marco": ["marco@shop.example"]}, None, None),
        ({"marco": ["marco@shop.example"]}, "marc@shop.example", None),
        ({"marco": ["marco@shop.example"], "priya": ["MARCO@shop.example"]}, "marco@shop.example", None),
        ({"marco": ["marco@shop.example"], "left": ["marco@shop.example"]}, "marco@shop.example", "marco"),
        ({"left": ["left@shop.example"]}, "left@shop.example", None),
        ({"marco": ["marco@mail.shop.example"]}, "marco@mail.shop.example", None),
        ({"marco": ["marco@other.example"]}, "marco@other.example", None),
        ({"marco": ["a@other.example@shop.example"]}, "a@other.example@shop.example", None),
        ({"marco": ["@shop.example"]}, "@shop.example", None),
        ({"marco": ["shop.example"]}, "shop.example", None),
        ({"marco": ["k@shop.example"]}, "\u212a@shop.example", None),
        ({"marco": ["\u212a@shop.example"]}, "k@shop.example", None),
        ({"marco": ["jos\u00e9@shop.example"]}, "jos\u00e9@shop.example", None),
        ({"marco": ["%@shop.example"]}, "x@shop.example", None),
        ({"marco": ["marco@shop.example"]}, "marco\0@shop.example", None),
    ],
)
async def test_a_confirmed_address_counts_where_it_may(
    world: World, emails: dict[str, list[str]], confirmed: str | None, whose: str | None
) -> None:
    await sql(world, "insert into person (id, name, emails, active) values ('left', 'Left', '[]', false)")
    for who, addresses in emails.items():
        await sql(world, f"update person set emails = '{json.dumps(addresses)}' where id = '{who}'")  # noqa: S608
    assert await by_slack(world, replace(FRESH, email=confirmed)) == whose


async def test_without_domains_no_address_counts(world: World) -> None:
    await sql(world, """update person set emails = '["marco@shop.example"]' where id = 'marco'""")
    account = replace(FRESH, email="marco@shop.example")
    assert (await slack_actor(world.services, account)).id == "marco"
    assert (await slack_actor(replace(world.services, email_domains=frozenset()), account)).kind == "unlinked"


async def test_a_link_wins_over_an_address_even_that_of_one_who_left(world: World) -> None:
    await sql(world, """update person set emails = '["marco@shop.example"]' where id = 'marco'""")
    account = replace(FRESH, email="marco@shop.example")
    await link(world.services, world.person("priya"), await code(world))
    assert await by_slack(world, account) == "priya"
    await sql(world, "update person set active = false where id = 'priya'")
    assert await by_slack(world, account) is None
