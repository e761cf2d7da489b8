"""``interlock grants rotate``: the file, the ledger, and who comes too soon, twice or without a database."""

from __future__ import annotations

import asyncio
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.cli.acting import this_account
from app.domain.clocks import rfc3339
from app.grants.rotation import PUBLISHED_FOR
from app.keys import KeyRings, grants_path, grants_ring, new_signing_jwk
from tests.cli.command import Environ
from tests.cli.places import Place
from tests.cli.test_doctor import amiss

ROTATE = ("grants", "rotate")


@pytest.fixture
def keys(place: Place, tmp_path: Path) -> Path:
    """Key rings to rotate, of a stack that is at work with copies of its own."""
    return shutil.copytree(place.environ["INTERLOCK_KEYS__DIR"], tmp_path / "keys")


def at(place: Place, keys: Path, **more: str) -> dict[str, str]:
    return {**place.environ, "INTERLOCK_KEYS__DIR": str(keys), **more}


def edit(keys: Path, **change: Any) -> None:
    path = grants_path(keys)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))


def long_ago(keys: Path) -> None:
    """All its keys were published so long ago that the next one may take over."""
    known = rfc3339(datetime.now(UTC) - PUBLISHED_FOR - timedelta(seconds=5))
    edit(keys, published=dict.fromkeys(grants_ring(keys).keys, known))


def left(keys: Path) -> list[Path]:
    """What was written beside the files and not put in place."""
    return [file for file in keys.iterdir() if file.name.startswith(".")]


def silent(place: Place, keys: Path) -> dict[str, str]:
    return at(place, keys, INTERLOCK_DATABASE__URL="postgresql://nobody@127.0.0.1:9/none")


async def rotated(place: Place, environ: Environ, *more: str) -> tuple[dict[str, Any], str]:
    ended = await place.ends(*ROTATE, *more, environ=environ)
    assert ended.returncode == 0, ended
    assert ended.stdout.count("\n") == 1
    return json.loads(ended.stdout), ended.stderr


async def test_first_it_is_published_and_then_it_signs(place: Place, keys: Path) -> None:
    jwk = new_signing_jwk()
    grants_path(keys).write_text(json.dumps({"current": jwk["kid"], "keys": [jwk]}))
    said, told = await rotated(place, at(place, keys))
    assert (said["current"], said["previous"], said["removed"]) == (jwk["kid"], [], [])
    assert f"{said['next']} is published, and may take over from" in told
    assert (await place.entry("installation"))["kind"] == "grant-key-published"
    too_soon = await place.fails(3, *ROTATE, environ=at(place, keys))
    assert said["again_from"] in too_soon
    long_ago(keys)
    again, told = await rotated(place, at(place, keys))
    assert (again["current"], again["previous"]) == (said["next"], [jwk["kid"]])
    assert f"{again['current']} signs from now on" in told
    entry = await place.entry("installation")
    kids = {name: again[name] for name in ("current", "next", "previous", "removed")}
    assert (entry["kind"], entry["facts"]) == (
        "grant-keys-rotated",
        {**entry["facts"], **kids, "person": None, "by": this_account(), "via": "cli"},
    )
    assert grants_path(keys).stat().st_mode & 0o777 == 0o600
    assert KeyRings.load(keys).grants.current == again["current"]


async def test_nothing_private_is_printed_or_written_down(place: Place, keys: Path) -> None:
    long_ago(keys)
    ended = await place.ends(*ROTATE, environ=at(place, keys))
    kept = [jwk["d"] for jwk in json.loads(grants_path(keys).read_text())["keys"]]
    entry = json.dumps(await place.entry("installation"))
    assert not any(secret in ended.stdout + ended.stderr + entry for secret in kept)


async def test_two_at_once_rotate_once(place: Place, keys: Path) -> None:
    long_ago(keys)
    before = grants_ring(keys)
    ended = await asyncio.gather(*(place.ends(*ROTATE, environ=at(place, keys)) for _ in range(3)))
    assert sorted(one.returncode for one in ended) == [0, 3, 3], ended
    assert (grants_ring(keys).current, len(grants_ring(keys).keys)) == (before.next, 3)


async def test_without_a_database_nothing_is_rotated(place: Place, keys: Path) -> None:
    long_ago(keys)
    before = grants_path(keys).read_bytes()
    assert "The database does not answer" in await place.fails(2, *ROTATE, environ=silent(place, keys))
    assert grants_path(keys).read_bytes() == before
    assert left(keys) == []


async def test_a_stolen_key_is_put_away_at_once(place: Place, keys: Path) -> None:
    before = grants_ring(keys)
    said, told = await rotated(place, at(place, keys), "--emergency")
    assert not {said["current"], said["next"]} & before.keys.keys()
    assert (said["previous"], set(said["removed"])) == ([], set(before.keys))
    assert "what was signed before is refused from now on" in told
    entry = await place.entry("installation")
    assert (entry["kind"], entry["facts"]["by"]) == ("grant-keys-replaced", this_account())
    assert set(entry["facts"]["removed"]) == set(before.keys)


@pytest.mark.parametrize("how", ["whole", "open to others", "broken", "gone"])
async def test_in_an_emergency_neither_database_nor_file_must_be_in_order(place: Place, keys: Path, how: str) -> None:
    path, before = grants_path(keys), grants_ring(keys)
    if how == "open to others":
        path.chmod(0o644)
    elif how == "broken":
        path.write_text("{")
    elif how == "gone":
        path.unlink()
    said, told = await rotated(place, silent(place, keys), "--emergency")
    assert "this is not on the ledger, keep a note of it: The database does not answer" in told
    assert grants_ring(keys).current == said["current"]
    assert said["current"] not in before.keys
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_broken_file_is_said_so(place: Place, keys: Path) -> None:
    grants_path(keys).write_text("{")
    assert "grants.json cannot be read as a key ring" in await place.fails(2, *ROTATE, environ=at(place, keys))
    found = await asyncio.to_thread(amiss, at(place, keys))
    assert "grants.json cannot be read as a key ring" in found["keys"]
    assert grants_path(keys).read_text() == "{"


async def test_a_directory_that_is_not_there(place: Place, tmp_path: Path) -> None:
    assert "nowhere" in await place.fails(2, *ROTATE, environ=at(place, tmp_path / "nowhere"))
    assert "nowhere" in await place.fails(2, *ROTATE, "--emergency", environ=at(place, tmp_path / "nowhere"))


async def test_the_doctor_says_which_key_signs(place: Place, keys: Path) -> None:
    ring = grants_ring(keys)
    printed = await place.done("doctor", environ=at(place, keys))
    assert f"grants are signed with {ring.current}, next {ring.next}" in printed
    edit(keys, next=None)
    assert "no next one yet: run `interlock grants rotate`" in await place.done("doctor", environ=at(place, keys))
