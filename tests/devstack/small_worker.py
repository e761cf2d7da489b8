"""Stands for app.worker in tests of the supervisor: touches its ready file and waits."""

from __future__ import annotations

import signal

from app.settings import load

ready_file = load().worker.ready_file
if ready_file is not None:
    ready_file.touch()
signal.pause()
