"""Parts as processes: they answer or say why not, they end, and what was left behind is ended, nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.devstack.errors import PartFailed
from app.devstack.orphans import reap, write_down
from app.devstack.process import Command, spawn
from tests.devstack.waiting import eventually, gone

PAUSE = (sys.executable, "-c", "import signal; signal.pause()")
STUBBORN = (
    sys.executable,
    "-c",
    "import signal; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True)\nwhile True: signal.pause()",
)


def command(place: Path, *argv: str, grace: float = 10) -> Command:
    return Command("part", argv, place / "part.process", place / "part.log", grace=grace)


async def yes() -> bool:
    return True


async def no() -> bool:
    return False


def left_behind(place: Path, *argv: str) -> int:
    """The pid of an orphan that runs ``argv``, written down in part.process."""
    leaver = [sys.executable, "-m", "tests.devstack.leaver", str(place / "part.process"), *argv]
    assert subprocess.run(leaver, check=False).returncode == -signal.SIGKILL
    pid: int = json.loads((place / "part.process").read_text())["pid"]
    assert not gone(pid)
    return pid


async def test_a_part_runs_in_a_session_of_its_own_and_stops(tmp_path: Path) -> None:
    child = await spawn(command(tmp_path, *PAUSE))
    await child.answers(yes, within=10)
    assert os.getsid(child.pid) == child.pid
    await child.stop()
    assert child.returncode == -signal.SIGTERM
    assert not (tmp_path / "part.process").exists()


async def test_a_part_deaf_to_sigterm_is_killed_after_its_grace(tmp_path: Path) -> None:
    child = await spawn(command(tmp_path, *STUBBORN, grace=0.2))
    await asyncio.to_thread(eventually, lambda: "deaf" in (tmp_path / "part.log").read_text())
    await child.stop()
    assert child.returncode == -signal.SIGKILL


async def test_a_part_that_ends_says_why(tmp_path: Path) -> None:
    child = await spawn(command(tmp_path, sys.executable, "-c", "raise SystemExit('no such database')"))
    with pytest.raises(PartFailed, match=r"part ended with status 1; the end of .*part\.log:\nno such database"):
        await child.answers(no, within=10)


async def test_a_part_that_never_answers_is_ended(tmp_path: Path) -> None:
    child = await spawn(command(tmp_path, *PAUSE))
    with pytest.raises(PartFailed, match=r"did not answer within 0\.1 s"):
        await child.answers(no, within=0.1)
    assert child.returncode is not None


async def test_a_part_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(PartFailed, match=r"part cannot be started: .*nowhere"):
        await spawn(command(tmp_path, str(tmp_path / "nowhere")))


async def test_an_orphan_is_ended_by_the_next_start(tmp_path: Path) -> None:
    orphan = left_behind(tmp_path, *PAUSE)
    child = await spawn(command(tmp_path, *PAUSE))
    assert gone(orphan)
    await child.stop()


async def test_an_orphan_deaf_to_sigterm_is_killed(tmp_path: Path) -> None:
    orphan = left_behind(tmp_path, *STUBBORN)
    log = tmp_path / "part.log"
    await asyncio.to_thread(eventually, lambda: "deaf" in log.read_text())
    await reap(tmp_path / "part.process", stop_signal=signal.SIGTERM, grace=0.2)
    assert gone(orphan)


@pytest.mark.parametrize("change", [{"create_time": 1.0}, {"cmdline": ["another"]}])
async def test_a_stranger_with_the_same_pid_is_let_live(tmp_path: Path, change: dict[str, object]) -> None:
    stranger = await asyncio.create_subprocess_exec(*PAUSE)
    record = tmp_path / "part.process"
    write_down(record, stranger.pid)
    record.write_text(json.dumps(json.loads(record.read_text()) | change))
    await reap(record, stop_signal=signal.SIGKILL, grace=1)
    assert not gone(stranger.pid)
    stranger.kill()
    await stranger.wait()


@pytest.mark.parametrize("text", ["", "{", '{"pid": 1}'])
async def test_a_damaged_record_harms_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "part.process").write_text(text)
    await reap(tmp_path / "part.process", stop_signal=signal.SIGKILL, grace=1)
    assert not gone(os.getpid())


@pytest.mark.skipif(sys.platform != "linux", reason="a death signal is Linux's; elsewhere the next start ends orphans")
def test_a_part_dies_with_its_supervisor(tmp_path: Path) -> None:
    code = (
        "import asyncio, signal, sys; from pathlib import Path; from app.devstack.process import Command, spawn\n"
        "async def main():\n"
        "    part = Command('part', tuple(sys.argv[2:]), Path(sys.argv[1]), Path(sys.argv[1] + '.log'))\n"
        "    print((await spawn(part)).pid, flush=True); signal.pause()\n"
        "asyncio.run(main())"
    )
    argv = [sys.executable, "-c", code, str(tmp_path / "part.process"), *PAUSE]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline())
        supervisor.kill()
    eventually(lambda: gone(pid))
