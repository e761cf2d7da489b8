"""``interlock policy publish``: asked for in one command, approved by another administrator."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.cli.failing import FINDINGS, HELD, MISSING, REFUSED
from app.use_cases.governance import install
from tests.cli.places import Place
from tests.drafts import draft
from tests.world import RULES

OTHER = ("title: Another bot", "title: Quite another bot")


@pytest.fixture(autouse=True)
async def _usual_rules(place: Place) -> AsyncIterator[None]:
    yield
    await install(place.world.ctx, RULES, replace=True, by="ada")


def folder(at: Path, *edits: tuple[str, str]) -> str:
    for name, text in draft(*edits).items():
        (at / name).write_text(text)
    return str(at)


async def test_it_waits_for_another_administrator(place: Place, tmp_path: Path) -> None:
    wanted = ("policy", "publish", folder(tmp_path, OTHER), "--reason", "A better title")
    ended = await place.ends(*wanted)
    assert (ended.returncode, ended.stderr) == (HELD, "")
    shown = await place.world.look({"id": str(uuid.UUID(ended.stdout.strip()))})
    assert (shown["asker"], shown["reason"]) == ({"kind": "person", "id": "ada"}, "A better title")
    assert shown["parameters"]["base"] == shown["verdict"]["policy_version"]
    await place.world.say("ben", shown)
    await place.world.until(shown, "succeeded")
    assert "in force already" in await place.fails(MISSING, *wanted)


async def test_with_a_token_also_in_production(place: Place, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(place.token("ben"))
    rules = tmp_path / "rules"
    rules.mkdir()
    wanted = ("policy", "publish", folder(rules, OTHER), "--reason", "so", "--token-file", str(token))
    ended = await place.ends(*wanted)
    assert ended.returncode == HELD
    assert (await place.world.look({"id": ended.stdout.strip()}))["asker"]["id"] == "ben"


async def test_what_is_wrong(place: Place, tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.mkdir()
    bad.mkdir()
    await place.fails(REFUSED, "policy", "publish", folder(good, OTHER), "--reason", "so", "--as", "dana")
    said = await place.fails(
        FINDINGS, "policy", "publish", folder(bad, ("members: [ada, ben]", "members: [ada]")), "--reason", "so"
    )
    assert "at least two distinct persons" in said
    ended = await place.ends("policy", "publish", folder(good, OTHER), "--reason", "  ")
    assert (ended.returncode, "--reason" in ended.stderr) == (2, True)
