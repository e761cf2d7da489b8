"""``interlock ledger bundle`` and ``verify BUNDLE``: evidence that leaves, and is checked where nothing else is."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.keys import note_verifier_key
from tests.cli.command import fails, interlock
from tests.cli.places import Place
from tests.ledger.sealing import ORIGIN, sealing

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def taken(place: Place, tmp_path: Path) -> tuple[Path, str]:
    """A bundle of a request that succeeded, written by the command, and the log's key."""
    shown = await place.world.ask("do.moderate")
    await place.world.say("dana", shown)
    await place.world.until(shown, "succeeded")
    file, page = tmp_path / "bundle.json", tmp_path / "page.html"
    async with sealing(place.environ["INTERLOCK_DATABASE__URL"], place.world.rings):
        asked = ("ledger", "bundle", shown["id"], "--out", str(file), "--html", str(page), "--as", "anya")
        assert f"interlock ledger verify {file}" in await place.done(*asked)
    assert f"Evidence: request {shown['id']}" in page.read_text()
    return file, note_verifier_key(ORIGIN, place.world.rings.ledger.current_key)


async def test_it_verifies_with_the_key_alone(taken: tuple[Path, str], tmp_path: Path) -> None:
    """Nothing set, no database, no network; the key inline or in a file."""
    file, key = taken
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    (tmp_path / "vkey").write_text(key + "\n")
    for given in (key, str(tmp_path / "vkey")):
        ended = interlock(bare, "ledger", "verify", str(file), "--key", given)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout.startswith("verified: request ")
        assert " succeeded; " in ended.stdout
    bundle = json.loads(file.read_bytes())
    file.write_bytes(file.read_bytes().replace(b"succeeded", b"denied   ", 1))
    ended = interlock(bare, "ledger", "verify", str(file), "--key", key)
    assert ended.returncode == 1
    assert "is not what was sealed there" in ended.stdout or "it is not what the entries say" in ended.stdout
    assert bundle["kind"] == "request"


WITHOUT_NETWORK = """
import runpy, socket, sys
def refused(*_): raise AssertionError("it went to the network")
socket.socket.connect = socket.getaddrinfo = refused
sys.argv = ["interlock", *sys.argv[1:]]
runpy.run_module("app.cli", run_name="__main__")
"""


def _by_the_wheel(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Built, and run from elsewhere: no source tree, no settings, no network."""
    source = place / "source"
    for folder in ("app", "workflows", "migrations"):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / file, source)
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", str(place)]
    subprocess.run([*build, str(source)], check=True, capture_output=True, timeout=300)
    [wheel] = place.glob("*.whl")
    return subprocess.run(
        [sys.executable, "-P", "-c", WITHOUT_NETWORK, *arguments],
        cwd=place,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(wheel), "HOME": str(place)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


async def test_it_verifies_where_only_the_wheel_is(taken: tuple[Path, str], tmp_path: Path) -> None:
    file, key = taken
    ended = await asyncio.to_thread(_by_the_wheel, tmp_path, "ledger", "verify", str(file), "--key", key)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("verified: request ")


def test_what_is_asked_for_wrongly(empty: dict[str, str], tmp_path: Path) -> None:
    """Usage is told, with exit code 2."""
    key = "log+00000000+AQ=="
    for arguments, said in (
        (("verify", str(tmp_path / "none.json"), "--key", key), "there is no file"),
        (("verify", str(ROOT / "README.md")), "--key VKEY"),
        (("verify", str(ROOT / "README.md"), "--key", "nonsense"), "a verifier key is name+key id+base64"),
        (("verify", str(ROOT / "README.md"), "--key", key), "no Ed25519 verifier key"),
        (("bundle", "--out", str(tmp_path / "b")), "name one"),
        (("bundle", "x", "--out", str(tmp_path / "b")), "is no id"),
        (("bundle", "--from", "yesterday", "--out", str(tmp_path / "b")), "2026-01-05T09:00:00Z"),
    ):
        ended = interlock(empty, "ledger", *arguments)
        assert ended.returncode == 2
        assert said in " ".join(ended.stderr.replace("│", " ").split()), ended.stderr
    assert fails(empty, 2, "ledger", "show", "bot:nobody")
