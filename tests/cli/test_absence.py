"""``interlock people away`` and ``back``, on an installation of the test's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.domain.clocks import moment, rfc3339
from app.domain.request import Level
from app.identity.tokens import dev_token
from app.keys import KeyRings
from tests.cli.command import done, fails, interlock

Installed = Mapping[str, str]


def away(environ: Installed, *more: str) -> dict[str, Any]:
    given: dict[str, Any] = json.loads(done(environ, "people", "away", "--reason", "Holidays", *more))
    return given


def test_away_and_back(installed: Installed) -> None:
    until = rfc3339(datetime.now(UTC) + timedelta(days=3))
    given = away(installed, "--as", "dana", "--to", "marco", "--until", until)
    assert (given["person"], given["delegate"], given["until"], given["reason"]) == ("dana", "marco", until, "Holidays")
    coming = away(installed, "--as", "dana", "--to", "priya", "--from", "4d", "--until", "5d")
    begin = datetime.now(UTC) + timedelta(days=4)
    assert abs(moment(coming["from"]) - begin) < timedelta(minutes=1)
    ended = [json.loads(line) for line in done(installed, "people", "back", "--as", "dana").splitlines()]
    assert [(one["id"], one["ended_by"]) for one in ended] == [(given["id"], "dana"), (coming["id"], "dana")]
    assert "Nobody decides" in fails(installed, 2, "people", "back", "--as", "dana")


def test_what_cannot_be_is_said(installed: Installed) -> None:
    words = ("people", "away", "--as", "dana", "--reason", "Holidays")
    assert "At most 30 days" in fails(installed, 2, *words, "--to", "marco", "--until", "31d")
    assert "no active person" in fails(installed, 2, *words, "--to", "nobody", "--until", "3d")
    assert "somebody else" in fails(installed, 2, *words, "--to", "dana", "--until", "3d")
    for option, value in (
        ("--until", "tomorrow"),
        ("--until", "99999999999d"),
        ("--from", "2026-01-19"),
        ("--reason", " "),
    ):
        given = {"--to": "marco", "--until": "3d", "--reason": "Holidays", option: value}
        ended = interlock(installed, "people", "away", *(word for pair in given.items() for word in pair))
        assert (ended.returncode, ended.stdout) == (2, ""), ended
        assert option in ended.stderr


def test_nobodys_decisions_are_given_away_by_default(installed: Installed) -> None:
    """By default other commands are the first administrator's."""
    for words in (("away", "--to", "marco", "--until", "3d", "--reason", "Holidays"), ("back",)):
        assert fails(installed, 3, "people", *words) == "whose decisions? Give --as PERSON, or --token-file"


def test_outside_development_it_wants_a_persons_token(installed: Installed, key_files: Path, tmp_path: Path) -> None:
    production = {**installed, "INTERLOCK_ENVIRONMENT": "production"}
    words = ("people", "away", "--to", "marco", "--until", "3d", "--reason", "Holidays")
    assert "--token-file" in fails(production, 3, *words)
    assert "--token-file" in fails(production, 3, "people", "back")
    ring = KeyRings.load(key_files).dev_issuer
    assert ring is not None
    trusting = {**installed, "INTERLOCK_IDENTITY__DEV_ISSUER": "true"}
    token = tmp_path / "token"

    def came(level: Level) -> None:
        url = installed["INTERLOCK_API__BASE_URL"]
        token.write_text(dev_token(ring, base_url=url, person_id="priya", level=level, now=datetime.now(UTC)))

    came(Level.CLICK)
    assert "weak-authentication" in fails(trusting, 3, *words, "--token-file", str(token))
    came(Level.LOGIN)
    assert json.loads(done(trusting, *words, "--token-file", str(token)))["person"] == "priya"
