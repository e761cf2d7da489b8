"""One process for one data directory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.devstack.errors import AlreadyRunning
from app.devstack.lock import DirectoryLock, is_held

HOLD = (
    "import signal, sys; from pathlib import Path; from app.devstack.lock import DirectoryLock\n"
    "lock = DirectoryLock(Path(sys.argv[1])); lock.acquire(); print('held', flush=True); signal.pause()"
)


def test_the_second_is_told_who_the_first_is(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path / "new")
    lock.acquire()
    assert is_held(tmp_path / "new")
    with pytest.raises(AlreadyRunning, match=f"new is in use by process {os.getpid()}: stop that one first"):
        DirectoryLock(tmp_path / "new").acquire()
    lock.release()
    assert not is_held(tmp_path / "new")


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert is_held(tmp_path)
        holder.send_signal(signal.SIGKILL)
    assert not is_held(tmp_path)


def test_nobody_holds_a_directory_that_is_not_there(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "nowhere")
