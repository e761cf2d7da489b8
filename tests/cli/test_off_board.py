"""``interlock people off-board``: listed, asked for in one command, approved by another administrator."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator

import pytest

from app.cli.failing import HELD, MISSING, REFUSED
from tests.cli.places import Place
from tests.steps.leaving import active, as_at_first, holders


@pytest.fixture(autouse=True)
async def usual(place: Place) -> AsyncIterator[None]:
    yield
    await as_at_first(place.world)


async def test_it_lists_and_changes_nothing(place: Place) -> None:
    said = await place.done("people", "off-board", "olivia")
    for word in ("bots.bot.business", "groups.leads", "T0/U0OLIVIA"):
        assert word in said
    assert "by group:responders" in await place.done("people", "off-board", "ivan")
    found = json.loads(await place.done("people", "off-board", "olivia", "--json", "--as", "olivia"))
    assert {one["place"] for one in found["groups"]} == {"groups.leads", "groups.pair"}
    assert await active(place.world, "olivia")
    await place.fails(MISSING, "people", "off-board", "nobody")
    await place.fails(REFUSED, "people", "off-board", "olivia", "--as", "dana")


async def test_it_waits_for_another_administrator(place: Place) -> None:
    wanted = ("people", "off-board", "olivia", "--to", "rita", "--seat", "groups.pair=zoe", "--reason", "She leaves")
    ended = await place.ends(*wanted)
    assert (ended.returncode, ended.stderr) == (HELD, "to be signed by one of: ben\n")
    shown = await place.world.look({"id": str(uuid.UUID(ended.stdout.strip()))})
    assert shown["parameters"] == {"person": "olivia", "to": "rita", "seats": {"groups.pair": "zoe"}}
    assert (shown["asker"], shown["reason"]) == ({"kind": "person", "id": "ada"}, "She leaves")
    await place.world.say("ben", shown)
    await place.world.until(shown, "succeeded")
    assert (await holders(place.world))["business"] == "rita"
    assert "(left)" in await place.done("people", "off-board", "olivia")
    assert "has left already" in await place.fails(MISSING, *wanted)


async def test_what_is_wrong(place: Place) -> None:
    said = await place.fails(MISSING, "people", "off-board", "olivia", "--to", "sam", "--reason", "so")
    assert "groups.pair: the plan dead-end asks 2 of them" in said
    await place.fails(REFUSED, "people", "off-board", "zoe", "--reason", "so", "--as", "dana")
    for words in (("--to", "rita"), ("--reason", " "), ("--reason", "so", "--seat", "groups.pair")):
        ended = await place.ends("people", "off-board", "olivia", *words)
        assert (ended.returncode, "Invalid value" in ended.stderr) == (2, True)
