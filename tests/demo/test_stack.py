"""Two who want one directory, and parts that end by themselves."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest

from app.demo.stack import LOCK, Running, running
from app.devstack import AlreadyRunning, StackError
from app.devstack.lock import DirectoryLock
from app.devstack.process import Child, Command, spawn


async def test_a_second_one_on_the_same_directory_leaves_the_first_alone() -> None:
    with tempfile.TemporaryDirectory() as place:
        ready = Path(place) / "ready.json"
        ready.write_text("{}")
        first = DirectoryLock(Path(place), LOCK)
        first.acquire()
        with pytest.raises(AlreadyRunning, match="is in use by process"):
            async with running(Path(place), fresh_shop=False):
                pytest.fail("it started beside the first")
        assert ready.exists()
        first.release()


async def part(place: Path, name: str, code: str) -> Child:
    """A part that runs this code."""
    return await spawn(Command(name, (sys.executable, "-c", code), place / f"{name}.process", place / f"{name}.log"))


async def test_a_part_that_ends_by_itself_is_named() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        stays = await part(place, "stays", "import signal; signal.pause()")
        ends = await part(place, "ends", "pass")
        where = Running(place, "", "", "", "", parts=(stays, ends))
        with pytest.raises(StackError, match=r"^ends has ended by itself"):
            await where.until_one_ends()
        await stays.stop()
        await ends.stop()
