"""``interlock incidents`` with everything at work: from the opening to the report."""

from __future__ import annotations

import asyncio
import json
import uuid

import pytest

from app.use_cases.incidents import pause
from tests.cli.places import Place
from tests.workflows.test_rollback import done as succeeded

AS = ("--as", "ivan")


async def opened(place: Place, *more: str) -> str:
    """The id of an incident about the last hour, which is all that the command prints."""
    printed = await place.done("incidents", "open", "It ran\u202e amok", "--since", "1h", *more, *AS)
    return str(uuid.UUID(printed.strip()))


async def asked(place: Place, incident: str, *which: str) -> str:
    """The id of the request that undoes it, which must be held."""
    ended = await place.ends("incidents", "roll-back", incident, *which, "--reason", "Nobody asked", *AS)
    assert (ended.returncode, ended.stderr) == (4, ""), ended
    return ended.stdout.strip()


async def test_from_the_opening_to_the_report(place: Place) -> None:
    thing = uuid.uuid4().hex
    good = await succeeded(place.world, "do.once", thing=thing, parameters={"amount": 30})
    fails = await succeeded(place.world, "do.once")
    other = await succeeded(place.world, "do.high")
    incident = await opened(place, "--bot", "bot", "--action", "do.o*", "--suspend")
    assert (await place.stopped())["bot"]
    listed = await place.done("incidents", "list", *AS)
    assert incident in listed
    assert "It ran\\u{202e} amok" in listed
    shown = await place.done("incidents", "show", incident, *AS)
    for one in (good, fails):
        [line] = [line for line in shown.splitlines() if one["id"] in line]
        assert "do.once" in line
    assert other["id"] not in shown
    view = json.loads(await place.done("incidents", "show", incident, "--json", *AS))
    assert {one["request_id"]: one["value"] for one in view["candidates"]}[good["id"]] == 30
    assert "nothing of this incident" in await place.fails(3, "incidents", "watch", incident, *AS)

    undone = await asked(place, incident, good["id"])
    watching = asyncio.create_task(place.ends("incidents", "watch", incident, *AS))
    rollback = await place.world.look({"id": undone})
    await place.world.say("marco", rollback)
    seen = await watching
    assert (seen.returncode, seen.stderr) == (0, ""), seen
    assert seen.stdout.splitlines()[-1] == "1/1 succeeded, 1 succeeded"

    place.world.desk.script(f"{fails['parameters']['thing']}-undone", 400)
    failing = await place.world.look({"id": await asked(place, incident, "--all")})
    await place.world.say("marco", failing)
    seen = await place.ends("incidents", "watch", incident, *AS)
    assert (seen.returncode, seen.stdout.splitlines()[-1]) == (1, "1/1 failed, 1 failed")

    assert await place.done("incidents", "close", incident, "--summary", "Half of it", *AS) == "closed\n"
    report = json.loads(await place.done("incidents", "report", incident, *AS))
    assert [(one["request"], one["rollback"] is not None) for one in report["undone"]] == [(good["id"], True)]
    assert [(one["request"], one["state"]) for one in report["not_undone"]] == [(fails["id"], "failed")]
    paper = await place.done("incidents", "report", incident, "--markdown", *AS)
    assert paper.startswith("# Incident: `It ran\\u{202e} amok`\n")
    assert "Half of it" in paper
    assert paper.endswith("```\n")


async def test_paused_and_gone_on_with(place: Place) -> None:
    thing = uuid.uuid4().hex
    older, newer = [await succeeded(place.world, "do.once", thing=thing) for _ in range(2)]
    incident = await opened(place, "--bot", "bot")
    assert "being undone" in await place.fails(2, "incidents", "pause", incident, *AS)
    rollback = await place.world.look({"id": await asked(place, incident, older["id"], newer["id"])})
    place.world.desk.script(f"{thing}-undone", 0)
    await place.world.say("marco", rollback)
    await place.world.desk.called(f"{thing}-undone")
    await pause(place.world.services, place.world.person("ivan"), uuid.UUID(incident))  # sooner than a process begins
    place.world.desk.release(f"{thing}-undone")
    assert await place.done("incidents", "pause", incident, *AS) == "paused\n"
    assert (await place.world.look(rollback))["status"] == "executing"
    assert await place.done("incidents", "resume", incident, "--as", "nora") == "rolling_back\n"
    await place.world.until(rollback, "succeeded")


async def test_who_may(place: Place) -> None:
    incident = await opened(place)
    words = ("incidents", "open", "It ran amok", "--since", "1h", "--bot", "bot", "--suspend")
    assert "responder" in await place.fails(3, *words, "--as", "dana")
    assert not (await place.stopped())["bot"]
    assert "no such incident" in await place.fails(2, "incidents", "show", incident, "--as", "zoe")
    assert "responder" in await place.fails(3, "incidents", "close", incident, "--summary", "x", "--as", "olivia")
    assert await place.done("incidents", "list", "--json", "--as", "zoe") == ""
    assert "no bot nobody" in await place.fails(2, *words[:5], "--bot", "nobody", *AS)


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        (("open", " ", "--since", "1h"), "TITLE"),
        (("open", "It", "--since", "yesterday"), "--since"),
        (("open", "It", "--since", "1h", "--until", "2026-01-19T08:00:00"), "--until"),
        (("open", "It", "--since", "9999999999999999999d"), "--since"),
        (("roll-back", str(uuid.UUID(int=1)), "--reason", "x"), "REQUEST"),
        (("roll-back", str(uuid.UUID(int=1)), str(uuid.UUID(int=2)), "--all", "--reason", "x"), "REQUEST"),
        (("close", str(uuid.UUID(int=1)), "--summary", " "), "--summary"),
        (("show", "latest"), "ID"),
    ],
)
async def test_what_cannot_be_meant(place: Place, said: tuple[str, ...], hint: str) -> None:
    ended = await place.ends("incidents", *said, *AS)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert hint in ended.stderr
