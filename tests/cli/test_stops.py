"""``interlock bots suspend`` and ``resume``: in an emergency, as a person, and what people must release."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.cli.acting import this_account
from tests.cli.places import NOBODY, Place
from tests.steps.words import change, sql


@pytest.mark.aisvs("9.6.3")
@pytest.mark.aisvs("12.4.3")
async def test_the_emergency_form_needs_nothing_but_the_database(place: Place) -> None:
    held = await place.world.ask("do.moderate")
    printed = await place.done("bots", "suspend", "bot", "--reason", "It cancels everything", environ=place.bare)
    assert printed.count("\n") == 1
    said = json.loads(printed)
    assert said.keys() == {"suspended_at", "in_flight"}
    assert said["in_flight"] == []
    assert await place.stopped() == {"bot": True, "other-bot": False, "all": False}
    seen = await place.world.look(held)
    assert (seen["status"], seen["ended_why"], seen["ended_reason"]) == ("revoked", "stopped", "It cancels everything")
    entry = await place.entry("bot:bot")
    assert entry["kind"] == "suspended"
    assert this_account() in json.dumps(entry["facts"])
    again = await place.done("bots", "suspend", "bot", environ=place.bare)
    assert json.loads(again)["suspended_at"] == said["suspended_at"]
    asked = await place.world.ask("do.moderate")
    assert (asked["status"], asked["verdict"]["code"]) == ("denied", "bot-suspended")
    assert (await place.world.ask("do.moderate", bot="other-bot"))["status"] == "held"


async def test_settings_that_are_wrong_do_not_stand_in_its_way(place: Place) -> None:
    wrong = {**place.bare, "INTERLOCK_ENVIRONMENT": "nonsense", "INTERLOCK_API__PROT": "1", "INTERLOCK_WORKER": "{"}
    del wrong["INTERLOCK_KEYS__DIR"]
    assert json.loads(await place.done("bots", "suspend", "other-bot", environ=wrong))["suspended_at"]


async def test_what_is_in_flight_is_printed(place: Place) -> None:
    running = await place.world.ask("look.up")
    said = json.loads(await place.done("bots", "suspend", "bot", environ=place.bare))
    [attempt] = said["in_flight"]
    assert attempt.keys() == {"request_id", "attempt", "action", "started_at"}
    assert (attempt["request_id"], attempt["attempt"], attempt["action"]) == (running["id"], 1, "look.up")


async def test_all_bots_at_once(place: Place) -> None:
    held = await place.world.ask("do.moderate", bot="other-bot")
    said = json.loads(await place.done("bots", "suspend", "--all", "--reason", "all", environ=place.bare))
    assert said.keys() == {"suspended_at", "in_flight"}
    assert await place.stopped() == {"bot": False, "other-bot": False, "all": True}
    assert (await place.world.look(held))["status"] == "revoked"
    assert this_account() in json.dumps((await place.entry("installation"))["facts"])


@pytest.mark.parametrize("command", [("suspend",), ("resume", "--reason", "mended")])
@pytest.mark.parametrize("which", [(), ("bot", "--all")])
async def test_one_bot_or_all_of_them(place: Place, command: tuple[str, ...], which: tuple[str, ...]) -> None:
    ended = await place.ends("bots", *command, *which)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "give either the id of a bot or --all" in ended.stderr
    assert not any((await place.stopped()).values())


@pytest.mark.parametrize("bot", ["nobody", "", "b\udcffot"])
async def test_a_bot_that_is_not_there(place: Place, bot: str) -> None:
    assert "bot" in await place.fails(2, "bots", "suspend", bot, environ=place.bare)
    assert not any((await place.stopped()).values())


@pytest.mark.parametrize("reason", [" ", "\udcff\u202e\U0001f4a9" + "x" * 5000])
async def test_no_emergency_waits_for_better_words(place: Place, reason: str) -> None:
    assert await place.done("bots", "suspend", "bot", "--reason", reason, environ=place.bare)
    assert (await place.stopped())["bot"]


async def test_a_database_that_is_not_there(place: Place) -> None:
    nowhere = {**place.bare, "INTERLOCK_DATABASE__URL": "postgresql://nobody@127.0.0.1:9/none"}
    assert "The database does not answer" in await place.fails(2, "bots", "suspend", "bot", environ=nowhere)
    del nowhere["INTERLOCK_DATABASE__URL"]
    assert "INTERLOCK_DATABASE__URL is not set" in await place.fails(2, "bots", "suspend", "bot", environ=nowhere)


@pytest.mark.parametrize("who", ["ivan", "sam"])
async def test_a_person_stops_a_bot(place: Place, who: str) -> None:
    without_temporal = {**place.environ, "INTERLOCK_TEMPORAL__ADDRESS": NOBODY}
    assert json.loads(await place.done("bots", "suspend", "bot", "--as", who, environ=without_temporal))["suspended_at"]
    [(pid,)] = await sql(place.world, "select pid from person where id = :who", who=who)
    facts = json.dumps((await place.entry("bot:bot"))["facts"])
    assert str(pid) in facts
    assert this_account() not in facts


async def test_who_may_not_stop_a_bot_does_not(place: Place) -> None:
    assert "responder" in await place.fails(3, "bots", "suspend", "bot", "--as", "dana")
    assert "responder" in await place.fails(3, "bots", "suspend", "--all", "--as", "ada")
    assert "no active person 'nobody'" in await place.fails(2, "bots", "suspend", "bot", "--as", "nobody")
    assert not any((await place.stopped()).values())


async def test_a_token_says_who(place: Place, tmp_path: Path) -> None:
    suspend = ("bots", "suspend", "bot", "--token-file")
    for who in ("ivan", "dana"):
        (tmp_path / who).write_text(place.token(who))
    (tmp_path / "noise").write_text("x")
    assert "responder" in await place.fails(3, *suspend, str(tmp_path / "dana"))
    assert "not a JWT" in await place.fails(2, *suspend, str(tmp_path / "noise"))
    assert "No such file" in await place.fails(2, *suspend, str(tmp_path / "nowhere"))
    assert not any((await place.stopped()).values())
    assert await place.done(*suspend, str(tmp_path / "ivan"))
    assert (await place.stopped())["bot"]


async def test_outside_development_nobody_is_taken_at_their_word(place: Place) -> None:
    production = {**place.environ, "INTERLOCK_ENVIRONMENT": "production", "INTERLOCK_IDENTITY__DEV_ISSUER": "false"}
    for command in (("suspend", "bot", "--as", "ivan"), ("resume", "bot", "--reason", "mended")):
        assert "give --token-file" in await place.fails(3, "bots", *command, environ=production)
    assert not any((await place.stopped()).values())


async def asked(place: Place, *arguments: str) -> str:
    """The id of the request that ``resume`` prints, which must be held."""
    ended = await place.ends("bots", "resume", *arguments)
    assert (ended.returncode, ended.stderr) == (4, ""), ended
    assert ended.stdout.count("\n") == 1
    return ended.stdout.strip()


@pytest.mark.parametrize(("which", "stream"), [("bot", "bot:bot"), ("--all", "installation")])
async def test_people_release_what_was_stopped(place: Place, which: str, stream: str) -> None:
    await place.world.suspend(bot=None if which == "--all" else which)
    shown = await place.world.look({"id": await asked(place, which, "--reason", "The prompt is mended")})
    assert (shown["kind"], shown["status"], shown["asker"]) == ("governance", "held", {"kind": "person", "id": "ada"})
    assert (shown["reason"], shown["may_decide"]) == ("The prompt is mended", ["ben", "sam"])
    assert any((await place.stopped()).values())
    await place.world.say("sam", shown)
    await place.world.until(shown, "succeeded")
    assert not any((await place.stopped()).values())
    assert (await place.entry(stream))["kind"] == "resumed"
    assert (await place.world.ask("do.moderate"))["status"] == "held"


async def test_as_says_who_asks(place: Place) -> None:
    await place.world.suspend()
    shown = await place.world.look({"id": await asked(place, "bot", "--reason", "mended", "--as", "sam")})
    assert (shown["asker"]["id"], shown["may_decide"]) == ("sam", ["ada", "ben"])


async def test_what_cannot_be_resumed(place: Place) -> None:
    resume = ("bots", "resume", "--reason", "mended")
    assert "not suspended" in await place.fails(2, *resume, "bot")
    assert "not suspended" in await place.fails(2, *resume, "--all")
    assert "no bot nobody" in await place.fails(2, *resume, "nobody")


async def test_resuming_needs_a_reason_and_temporal(place: Place) -> None:
    await place.world.suspend()
    for words in ((), ("--reason", " ")):
        ended = await place.ends("bots", "resume", "bot", *words)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "--reason" in ended.stderr
    without_temporal = {**place.environ, "INTERLOCK_TEMPORAL__ADDRESS": NOBODY}
    assert "onnect" in await place.fails(2, "bots", "resume", "bot", "--reason", "mended", environ=without_temporal)
    assert (await place.stopped())["bot"]


async def test_rules_may_refuse_to_resume(place: Place, rules_copy: Path) -> None:
    await place.world.suspend()
    never = '- {name: never, when: \'action.name == "interlock.bots.resume"\', deny: "Bots stay stopped over night"}'
    source = (rules_copy / "desk.yaml").read_text()
    assert "\nrules:\n" in source
    await change(place.world, rules_copy, "\nrules:\n", f"\nrules:\n  {never}\n")
    assert "Bots stay stopped over night" in await place.fails(3, "bots", "resume", "bot", "--reason", "mended")
    assert (await place.stopped())["bot"]
