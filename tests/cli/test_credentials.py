"""``interlock bots``, ``targets`` and ``token``: what they print, and for whom they do not."""

from __future__ import annotations

import json
from pathlib import Path

from joserfc import jwt

from app.keys import KeyRings
from tests.cli.command import Environ, done, fails


def made(environ: Environ, *arguments: str) -> dict[str, str]:
    """The credential that a command prints: one line of JSON and nothing else."""
    printed = done(environ, *arguments)
    assert printed.count("\n") == 1
    client: dict[str, str] = json.loads(printed)
    assert set(client) == {"client_id", "client_secret"}
    return client


def makers(environ: Environ, stream: str) -> list[str]:
    """The pids of who made a bot's credentials, in order."""
    entries = map(json.loads, done(environ, "ledger", "show", stream, "--json").split())
    return [entry["facts"]["made_by"] for entry in entries if "made_by" in entry["facts"]]


def test_a_bots_secret_is_printed_alone_and_recorded(installed: Environ) -> None:
    first, second = made(installed, "bots", "credentials", "bot"), made(installed, "bots", "credentials", "bot")
    assert first["client_id"].startswith("bot.")
    assert first["client_secret"] != second["client_secret"]
    assert first["client_secret"] not in done(installed, "ledger", "show", "bot:bot", "--json")
    one, other = makers(installed, "bot:bot")
    assert one == other


def test_as_says_who_does_it(installed: Environ) -> None:
    made(installed, "bots", "credentials", "other-bot")
    made(installed, "bots", "credentials", "other-bot", "--as", "ben")
    one, other = makers(installed, "bot:other-bot")
    assert one != other
    assert "Only who may administer" in fails(installed, 3, "bots", "credentials", "bot", "--as", "dana")
    assert "no active person 'nobody'" in fails(installed, 2, "bots", "credentials", "bot", "--as", "nobody")


def test_a_targets_secret(installed: Environ) -> None:
    assert made(installed, "targets", "credentials", "desk")["client_id"].startswith("desk.")
    assert "no target 'nothing'" in fails(installed, 2, "targets", "credentials", "nothing")


def test_a_bot_that_is_not_there(installed: Environ) -> None:
    assert fails(installed, 2, "bots", "credentials", "nothing") == "The rules in force know no bot 'nothing'."


def test_without_rules_that_is_said(empty: Environ) -> None:
    assert "run `interlock init DIR` first" in fails(empty, 2, "bots", "credentials", "bot")


def test_a_token_says_who_and_how_surely(installed: Environ, key_files: Path) -> None:
    ring = KeyRings.load(key_files).dev_issuer
    assert ring is not None
    for arguments, acr in (((), "login"), (("--level", "strong"), "strong")):
        printed = done(installed, "token", "dana", *arguments)
        assert printed.count("\n") == 1
        claims = jwt.decode(printed.strip(), ring.current_key, algorithms=["Ed25519"]).claims
        assert (claims["sub"], claims["acr"], claims["aud"]) == ("dana", acr, "http://127.0.0.1:8080")


def test_nobody_gets_no_token(installed: Environ) -> None:
    assert "There is no person 'nobody'" in fails(installed, 2, "token", "nobody")


def test_outside_development_people_bring_their_own_tokens(installed: Environ, tmp_path: Path) -> None:
    production = {**installed, "INTERLOCK_ENVIRONMENT": "production"}
    assert "only development makes people's tokens" in fails(production, 3, "token", "dana")
    assert "give --token-file" in fails(production, 3, "bots", "credentials", "bot")
    (tmp_path / "token").write_text(done(installed, "token", "ada"))
    arguments = ("bots", "credentials", "bot", "--token-file", str(tmp_path / "token"))
    assert "issuer is not one that Interlock is set up to trust" in fails(production, 2, *arguments)
    trusting = {**installed, "INTERLOCK_IDENTITY__DEV_ISSUER": "true"}
    assert made(trusting, *arguments)


def test_people_are_listed(installed: Environ) -> None:
    people = [json.loads(line) for line in done(installed, "people", "list", "--json").splitlines()]
    assert "administer" in next(person for person in people if person["id"] == "ada")["may"]
    assert "ada" in done(installed, "people", "list")
