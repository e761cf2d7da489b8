"""``interlock bots use-case`` and ``approve``: what a bot is for, and asking for its approval."""

from __future__ import annotations

import json

from app.cli.failing import HELD, MISSING, REFUSED
from tests.cli.places import Place
from tests.steps.approving import day


async def test_shown_and_asked_for(place: Place) -> None:
    shown = json.loads(await place.done("bots", "use-case", "bot", "--as", "olivia"))
    assert (shown["may_ask"], shown["approved"]["via"], shown["missing"]) == (True, "init", [])
    wanted = ("bots", "approve", "bot", "--review-by", day(days=60), "--reason", "Its year is over", "--as", "petra")
    ended = await place.ends(*wanted)
    assert (ended.returncode, ended.stderr) == (HELD, "")
    asked = await place.world.look({"id": ended.stdout.strip()})
    assert (asked["parameters"], asked["reason"]) == ({"bot": "bot", "review_by": day(days=60)}, "Its year is over")
    for who in ("olivia", "sam"):
        await place.world.say(who, asked)
    await place.world.until(asked, "succeeded")
    shown = json.loads(await place.done("bots", "use-case", "bot"))
    assert (shown["approved"]["request"], shown["approved"]["review_by"]) == (asked["id"], day(days=60))


async def test_what_is_wrong(place: Place) -> None:
    assert "There is no such bot" in await place.fails(MISSING, "bots", "use-case", "nobody")
    assert "There is no such bot" in await place.fails(MISSING, "bots", "use-case", "bot", "--as", "dana")
    words = ("bots", "approve", "bot", "--reason", "so", "--review-by")
    assert "seat" in await place.fails(REFUSED, *words, day(days=60), "--as", "dana")
    assert "within 366 days" in await place.fails(2, *words, day(days=400))
    ended = await place.ends(*words, "tomorrow")
    assert (ended.returncode, "--review-by" in ended.stderr) == (2, True)
