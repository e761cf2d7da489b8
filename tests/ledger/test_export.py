"""`interlock ledger export`: sealed entries alone, without a gap, and a file that is gone on with or refused."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.cli.growing import opened_file
from app.keys import KeyRings, create_missing
from app.ledger.notes import Signer
from tests.cli.command import PROJECT, Environ, interlock, settings
from tests.conftest import NewDatabase
from tests.ledger.sealed import by_superuser, expected, grown, whole
from tests.ledger.test_sequencer import write


class Place:
    """A database of a test's own, and commands on it."""

    def __init__(self, url: str, environ: Environ, signer: Signer) -> None:
        self.url, self.environ, self.signer = url, environ, signer

    async def run(self, *options: object) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(interlock, self.environ, "ledger", "export", *map(str, options))

    async def exported(self, *options: object) -> list[bytes]:
        ended = await self.run(*options)
        assert (ended.returncode, ended.stderr) == (0, ""), ended
        return ended.stdout.encode().splitlines()

    async def refused(self, code: int, *options: object) -> str:
        ended = await self.run(*options)
        assert (ended.returncode, ended.stdout) == (code, ""), ended
        return ended.stderr


@pytest.fixture
async def place(new_database: NewDatabase, tmp_path: Path) -> Place:
    create_missing(tmp_path / "keys")
    rings, url = KeyRings.load(tmp_path / "keys"), await new_database()
    return Place(url, settings(url, tmp_path / "keys"), Signer("ledger.example/test", rings.ledger))


async def test_sealed_entries_alone_in_order(place: Place) -> None:
    await grown(place.url, place.signer, count=3)
    await grown(place.url, place.signer, stream="bot:böt", count=2)
    await write(place.url, "request:unsealed")
    assert whole(await place.exported()) == await expected(place.url)
    assert len(whole(await place.exported("--from", 1, "--to", 3), first=1)) == 3
    assert await place.exported("--from", 5) == []


async def test_nothing_is_left_out_silently(place: Place) -> None:
    """Not what is not there yet, and not what is there no more."""
    assert await place.exported() == []
    await grown(place.url, place.signer, count=3)
    assert "leaf 3 is not" in await place.refused(2, "--to", 3)
    assert "leaf 8 is not" in await place.refused(2, "--from", 8)
    await by_superuser(place.url, "delete from leaf where index = 1")
    assert "leaf 1 of the sealed ledger is missing" in await place.refused(2)
    await by_superuser(place.url, "delete from leaf")
    assert "leaf 0 of the sealed ledger is missing" in await place.refused(2)


async def test_an_entry_that_is_gone_is_a_gap_too(place: Place) -> None:
    await grown(place.url, place.signer, count=3)
    await by_superuser(place.url, "delete from entry where n = 2")
    assert "leaf 1 of the sealed ledger is missing" in await place.refused(2)


async def test_a_line_break_in_a_body_breaks_no_line(place: Place) -> None:
    """A forged body could put a second line into the file."""
    await grown(place.url, place.signer, count=2)
    await by_superuser(place.url, "update entry set body = body || E'\\n'::bytea where n = 2")
    assert "leaf 1 is no entry" in await place.refused(2)


@pytest.mark.parametrize("torn", [b"", b'{"leaf":3,"str', b"\0" * 5000])
async def test_a_file_goes_on_after_its_last_whole_line(place: Place, tmp_path: Path, torn: bytes) -> None:
    out = tmp_path / "ledger.jsonl"
    await grown(place.url, place.signer, count=3)
    assert await place.exported("--out", out) == []
    assert out.stat().st_mode & 0o777 == 0o600
    before = out.read_bytes()
    out.write_bytes(before + torn)
    await grown(place.url, place.signer, stream="bot:bot", count=2)
    await place.exported("--out", out)
    assert out.read_bytes().startswith(before)
    assert whole(out.read_bytes().splitlines()) == await expected(place.url)
    await place.exported("--out", out, "--from", 5)
    assert len(out.read_bytes().splitlines()) == 5


async def test_a_file_whose_only_line_is_torn_begins_anew(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "ledger.jsonl"
    await grown(place.url, place.signer, count=2)
    out.write_bytes(b'{"leaf":0,')
    await place.exported("--out", out)
    assert whole(out.read_bytes().splitlines()) == await expected(place.url)


def _another_hash(line: bytes) -> bytes:
    item = json.loads(line)
    return json.dumps(item | {"leaf_hash": "0" * 64}, separators=(",", ":")).encode()


FORGERIES: dict[str, Callable[[bytes], bytes]] = {
    "another hash": _another_hash,
    "a byte of the body": lambda line: line.replace(b'"noted"', b'"notes"'),
    "a leaf that there is not": lambda line: line.replace(b'"leaf":2', b'"leaf":9'),
    "a leaf before it": lambda line: line.replace(b'"leaf":2', b'"leaf":1'),
    "no entry": lambda _: b"hello",
    "no leaf": lambda _: b'{"leaf":true}',
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_changed_file_is_refused_and_kept(place: Place, tmp_path: Path, forgery: str) -> None:
    out = tmp_path / "ledger.jsonl"
    await grown(place.url, place.signer, count=3)
    await place.exported("--out", out)
    lines = out.read_bytes().splitlines()
    out.write_bytes(b"\n".join([*lines[:-1], FORGERIES[forgery](lines[-1]), b"torn"]))
    before = out.read_bytes()
    assert "the last line of" in await place.refused(3, "--out", out)
    assert out.read_bytes() == before


async def test_a_file_of_a_ledger_that_was_changed_is_refused(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "ledger.jsonl"
    await grown(place.url, place.signer, count=2)
    await place.exported("--out", out)
    await by_superuser(place.url, "update entry set body = replace(body::text, 'x', 'x')::bytea || ' ' where n = 2")
    assert "the last line of" in await place.refused(3, "--out", out)


async def test_two_do_not_write_one_file(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "ledger.jsonl"
    with ExitStack() as held:
        held.enter_context(opened_file(out))
        assert "another process writes" in await place.refused(3, "--out", out)
    assert "goes on with leaf" not in (await place.run("--out", out)).stderr


async def test_from_does_not_make_a_gap_in_a_file(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "ledger.jsonl"
    await grown(place.url, place.signer, count=3)
    await place.exported("--out", out, "--to", 0)
    assert "goes on with leaf 1" in await place.refused(3, "--out", out, "--from", 2)


async def test_following_survives_being_killed(place: Place, tmp_path: Path) -> None:
    """Killed and started again while the ledger grows: the file has each entry once."""
    out = tmp_path / "ledger.jsonl"
    await grown(place.url, place.signer, count=2)
    argv = [sys.executable, "-m", "app.cli", "ledger", "export", "--follow", "--out", str(out)]
    for size in (2, 5):
        child = await asyncio.create_subprocess_exec(*argv, env=place.environ, cwd=PROJECT)
        try:
            await _has(out, size)
            await grown(place.url, place.signer, stream=f"bot:{size}", count=3)
            await _has(out, size + 3)
        finally:
            child.kill()
            await child.wait()
        _tear(out)
    await place.exported("--out", out)
    assert whole(out.read_bytes().splitlines()) == await expected(place.url)


def _tear(out: Path) -> None:
    out.write_bytes(out.read_bytes() + b'{"leaf":')


async def _has(out: Path, count: int) -> None:
    async for attempt in AsyncRetrying(wait=wait_fixed(0.05), stop=stop_after_delay(60), reraise=True):
        with attempt:
            assert len(_lines(out)) == count


def _lines(out: Path) -> list[bytes]:
    return [line for line in out.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
