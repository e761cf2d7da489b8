"""``interlock ledger erase``, ``hold`` and ``release``: asked for in one command, signed by others."""

from __future__ import annotations

import uuid

from app.cli.failing import HELD, MISSING, REFUSED
from app.use_cases.views import View
from tests.cli.places import Place
from tests.steps.erasing import carried_out, somebody


async def waits(place: Place, *words: str) -> View:
    """The request that a command has asked for."""
    ended = await place.ends("ledger", *words, "--reason", "They ask for it")
    assert (ended.returncode, "to be signed by one of: " in ended.stderr) == (HELD, True), ended.stderr
    return await place.world.look({"id": str(uuid.UUID(ended.stdout.strip()))})


async def test_it_waits_for_two_and_then_it_is_gone(place: Place) -> None:
    subject = somebody()
    asked = await waits(place, "erase", subject)
    assert (asked["action"], asked["parameters"]) == ("interlock.subjects.erase", {"subject": subject})
    for who in ("ben", "sam"):
        await place.world.say(who, asked)
    await place.world.until(asked, "succeeded")
    await carried_out(place.world)
    assert (await place.world.look(asked))["parameters"] is None
    assert "subject-erased" in await place.done("ledger", "show", "installation")
    assert "verified" in await place.done("ledger", "verify")


async def test_a_hold_stands_in_its_way_until_it_is_released(place: Place) -> None:
    subject = somebody()
    held = await waits(place, "hold", subject)
    await place.world.say("sam", held)
    await place.world.until(held, "succeeded")
    assert "legal hold" in await place.fails(MISSING, "ledger", "erase", subject, "--reason", "so")
    released = await waits(place, "release", subject)
    for who in ("ben", "sam"):
        await place.world.say(who, released)
    await place.world.until(released, "succeeded")
    await waits(place, "erase", subject)


async def test_what_is_wrong(place: Place) -> None:
    await place.fails(REFUSED, "ledger", "erase", somebody(), "--reason", "so", "--as", "dana")
    assert "scheme:value" in await place.fails(MISSING, "ledger", "erase", "nobody", "--reason", "so")
    assert "No legal hold" in await place.fails(MISSING, "ledger", "release", somebody(), "--reason", "so")
    assert (await place.ends("ledger", "erase", somebody(), "--reason", " ")).returncode == 2
