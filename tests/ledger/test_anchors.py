"""Places that take checkpoints: what they hold they keep, and the ledger must go on from it."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.db import anchoring
from app.db.sealing_tables import AnchorState
from app.db.session import Database
from app.domain.note import Checkpoint
from app.domain.tree import root_of
from app.keys import KeyRings
from app.ledger.anchors.anchor import Anchor, AnchorFailed, folder_of
from app.ledger.anchors.file import FileAnchor
from app.ledger.anchors.git import GitAnchor
from app.ledger.notes import Signer
from app.use_cases.anchoring import Anchoring
from tests.conftest import NewDatabase
from tests.db.test_schema import connected
from tests.ledger.sealing import ORIGIN, seal_all
from tests.ledger.test_sequencer import write
from tests.races.stopping import without_temporal

Make = Callable[[], Anchor]
KINDS: dict[str, Callable[[str, Path], Anchor]] = {"file": FileAnchor, "git": GitAnchor}


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """The same anchor anew, as after a restart."""
    return lambda: KINDS[request.param](request.param, tmp_path / "anchor" / "here")


@pytest.fixture
def signer(rings: KeyRings) -> Signer:
    return Signer(ORIGIN, rings.ledger)


def note(signer: Signer, size: int, salt: str = "", origin: str = ORIGIN) -> str:
    return signer.sign(Checkpoint(origin, size, root_of([f"{salt}{n}".encode() for n in range(3)])))


async def held(anchor: Anchor) -> list[str]:
    return [one async for one in anchor.notes()]


async def test_what_is_put_is_read_back_oldest_first(make: Make, signer: Signer) -> None:
    """By size, not by the order of coming, nor by letters; each log apart."""
    assert (await make().newest(ORIGIN), await held(make())) == (None, [])
    notes = {size: note(signer, size) for size in (9, 1000, 1001, 1_234_567, 10, 999, 2_000_000_000)}
    for one in notes.values():
        await make().put(one)
    other = note(signer, 5, origin="another/log")
    await make().put(other)
    assert await make().newest(ORIGIN) == notes[2_000_000_000]
    assert await make().newest("another/log") == other
    assert await make().newest("no/log") is None
    assert [one for one in await held(make()) if one != other] == [notes[size] for size in sorted(notes)]
    assert other in await held(make())


async def test_the_same_again_is_fine_another_is_refused(make: Make, signer: Signer) -> None:
    await make().put(note(signer, 7))
    await make().put(note(signer, 7))
    with pytest.raises(AnchorFailed, match="another checkpoint of 7 leaves"):
        await make().put(note(signer, 7, "forged"))
    assert await held(make()) == [note(signer, 7)]


async def test_many_at_once(make: Make, signer: Signer) -> None:
    """Of two processes that put the same, and of one cut off in the middle, nothing is left but whole notes."""
    anchors = [make() for _ in range(3)]
    await asyncio.gather(*(anchor.put(note(signer, 7)) for anchor in anchors), return_exceptions=True)
    await make().put(note(signer, 7))
    assert await held(make()) == [note(signer, 7)]


async def test_files_are_whole_and_closed(tmp_path: Path, signer: Signer) -> None:
    anchor = FileAnchor("file", tmp_path)
    await anchor.put(note(signer, 12))
    [path] = (tmp_path / folder_of(ORIGIN)).iterdir()
    assert (path.name, path.read_text(), path.stat().st_mode & 0o777) == ("12.checkpoint", note(signer, 12), 0o444)


async def test_git_reads_what_is_committed_and_runs_nothing(
    tmp_path: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a repository with a work tree, hooks, and variables around it that would have git look elsewhere."""
    git(tmp_path, "init", "-q", "-b", "main")
    hook = tmp_path / ".git" / "hooks" / "reference-transaction"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "elsewhere"))
    anchor = GitAnchor("git", tmp_path)
    await anchor.put(note(signer, 12))
    (tmp_path / folder_of(ORIGIN)).mkdir()
    assert await held(anchor) == [note(signer, 12)]
    monkeypatch.undo()
    said = git(tmp_path, "log", "--format=%s", "checkpoints")
    assert said == f"Checkpoint of 12 leaves of {ORIGIN}\n"


async def test_git_pushes_and_never_by_force(tmp_path: Path, signer: Signer) -> None:
    """What a push that failed left behind goes with the next; a remote that was rewritten is an error."""
    there, here = tmp_path / "there", tmp_path / "here"
    anchor = GitAnchor("git", here, remote=str(there))
    with pytest.raises(AnchorFailed, match="git push"):
        await anchor.put(note(signer, 1))
    there.mkdir()
    git(there, "init", "-q", "--bare")
    await anchor.put(note(signer, 1))
    await anchor.put(note(signer, 2))
    assert await held(GitAnchor("git", there)) == [note(signer, 1), note(signer, 2)]
    git(there, "update-ref", "-d", "refs/heads/checkpoints")
    await GitAnchor("git", there).put(note(signer, 1, "forged"))
    with pytest.raises(AnchorFailed, match="git push"):
        await anchor.put(note(signer, 3))


async def test_git_gives_up_in_time(tmp_path: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what it has started: nothing of it lives on."""
    told = tmp_path / "pid"
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\nsleep 60 & echo $! > {told}\nwait\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    monkeypatch.setattr("app.ledger.anchors.git.SECONDS", 0.5)
    with pytest.raises(AnchorFailed, match="took more than"):
        await GitAnchor("git", tmp_path / "here").put(note(signer, 1))
    async for attempt in patient():
        with attempt:
            assert not alive(int(told.read_text()))


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def patient() -> AsyncRetrying:
    return AsyncRetrying(stop=stop_after_delay(20), wait=wait_fixed(0.02), reraise=True)


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True, text=True).stdout


@dataclass(slots=True)
class Broken:
    """An anchor that fails, or hangs, for as long as a test wants it to; else it is another."""

    inner: Anchor
    name: str = "broken"
    fails: bool = True
    hangs: bool = False
    tries: int = field(default=0)

    async def put(self, one: str) -> None:
        self.tries += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails:
            raise OSError("the disk is full")
        await self.inner.put(one)

    async def newest(self, origin: str) -> str | None:
        return await self.inner.newest(origin)

    def notes(self) -> AsyncIterator[str]:
        return self.inner.notes()


@dataclass(slots=True)
class Place:
    """A sealed ledger, and who takes its checkpoints away."""

    url: str
    database: Database
    rings: KeyRings
    anchoring: Anchoring

    size: int = 0

    async def grow(self) -> None:
        await write(self.url, "request:1", 3)
        self.size += await seal_all(self.url, self.rings)

    async def state(self, name: str) -> AnchorState:
        async with self.database.transaction() as session:
            found = await anchoring.state(session, name)
        assert found is not None
        return found

    async def taken(self, name: str) -> int:
        async with self.database.transaction() as session:
            found = await anchoring.last(session, name, ORIGIN)
        return 0 if found is None else found.size


@pytest.fixture
async def place(new_database: NewDatabase, rings: KeyRings, tmp_path: Path, signer: Signer) -> AsyncIterator[Place]:
    """With a file anchor and one that fails."""
    url = await new_database()
    anchors: list[Anchor] = [Broken(FileAnchor("broken", tmp_path / "broken")), FileAnchor("file", tmp_path / "file")]
    async with without_temporal(url, rings) as world:
        work = Anchoring(world.ctx, anchors, signer.verifiers(), every=0.02, within=5)
        yield Place(url, world.ctx.database, rings, work)


async def test_none_keeps_another_waiting(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """One that fails is told of once, and when it works again."""
    caplog.set_level(logging.INFO, "app.use_cases.anchoring")
    broken = place.anchoring.anchors[0]
    assert isinstance(broken, Broken)
    await place.anchoring.round()
    assert broken.tries == 0  # nothing is sealed yet
    for _ in range(2):
        await place.grow()
        await place.anchoring.round()
    assert (await place.taken("file"), await place.taken("broken")) == (place.size, 0)
    fine, bad = await place.state("file"), await place.state("broken")
    assert (fine.failing_since, fine.error) == (None, None)
    assert (bad.error, bad.failing_since is not None and bad.failing_since < bad.tried_at) == ("the disk is full", True)
    broken.fails = False
    await place.anchoring.round()
    assert await place.taken("broken") == place.size
    assert (await place.state("broken")).failing_since is None
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("ERROR", "anchor broken fails: the disk is full"),
        ("INFO", "anchor broken works again"),
    ]


async def test_one_that_hangs_is_given_up(place: Place) -> None:
    broken = place.anchoring.anchors[0]
    assert isinstance(broken, Broken)
    broken.hangs, place.anchoring.within = True, 1.0
    await place.grow()
    await place.anchoring.round()
    assert (await place.taken("file"), (await place.state("broken")).error) == (place.size, "it took more than 1 s")


async def test_it_is_told_of_again_every_hour(
    place: Place, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.use_cases.anchoring.AGAIN", 0.0)
    await place.grow()
    for _ in range(2):
        await place.anchoring.round()
    assert [record.levelname for record in caplog.records if "broken" in record.message] == ["ERROR", "ERROR"]


async def test_by_itself_and_by_one_of_two(place: Place) -> None:
    """A second process stands by."""
    other = Anchoring(place.anchoring.ctx, place.anchoring.anchors, place.anchoring.keys, every=0.02)
    await place.grow()
    tasks = [asyncio.create_task(one.run()) for one in (place.anchoring, other)]
    try:
        async for attempt in patient():
            with attempt:
                assert await place.taken("file") == place.size
        async with place.database.transaction() as session:
            owners = (await session.execute(text("select count(*) from lease where name = 'anchors'"))).scalar_one()
        assert owners == 1
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


REWRITES = {
    "another body": ("update entry set body = body || ' ' where n = 2", "does not go on from"),
    "an older database": ("delete from entry where stream = 'request:1'", "an older database"),
}
AGAIN = (
    "delete from subtree",
    "delete from checkpoint",
    "delete from leaf",
    "update sequencer_state set size = 0, horizon = '0'",
)


@pytest.mark.parametrize("rewrite", REWRITES)
async def test_a_rewritten_ledger_is_refused(place: Place, rewrite: str, caplog: pytest.LogCaptureFixture) -> None:
    """Though it is signed with the ledger's key: the anchor has the old one."""
    await place.grow()
    await place.anchoring.round()
    statement, said = REWRITES[rewrite]
    async with connected(place.url) as connection:
        for table in ("entry", "leaf", "checkpoint", "subtree"):
            await connection.execute(text(f"alter table {table} disable trigger all"))
        for one in (*AGAIN, statement):
            await connection.execute(text(one))
        await connection.commit()
    await seal_all(place.url, place.rings)
    await place.anchoring.round()
    assert said in str((await place.state("file")).error)
    assert said in caplog.text
    assert (await place.taken("file")) == place.size


async def test_an_anchor_that_was_emptied_is_told_of(place: Place, tmp_path: Path) -> None:
    await place.grow()
    await place.anchoring.round()
    next((tmp_path / "file" / folder_of(ORIGIN)).iterdir()).unlink()
    await place.grow()
    await place.anchoring.round()
    assert "who has emptied it" in str((await place.state("file")).error)
    assert list((tmp_path / "file" / folder_of(ORIGIN)).iterdir()) == []


async def test_a_note_of_another_key_in_an_anchor_is_told_of(place: Place, tmp_path: Path) -> None:
    await place.grow()
    await place.anchoring.round()
    path = next((tmp_path / "file" / folder_of(ORIGIN)).iterdir())
    forged = path.read_text().replace(f"\n{place.size}\n", "\n2\n")
    path.chmod(0o644)
    path.write_text(forged)
    await place.anchoring.round()
    assert "signature does not belong" in str((await place.state("file")).error)
