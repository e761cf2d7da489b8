"""``interlock`` as a process, on an installation of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PROJECT = Path(__file__).parents[2]
RULES = PROJECT / "tests" / "rules"
EXAMPLE = PROJECT / "deploy" / "examples" / "retail"

Environ = Mapping[str, str]


def settings(database_url: str, keys: Path, **more: str) -> dict[str, str]:
    """The environment of a development installation; nothing of ours comes from outside."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("INTERLOCK_")}
    return {
        **outside,
        "INTERLOCK_ENVIRONMENT": "development",
        "INTERLOCK_DATABASE__URL": database_url,
        "INTERLOCK_KEYS__DIR": str(keys),
        "INTERLOCK_API__BASE_URL": "http://127.0.0.1:8080",
        **more,
    }


def interlock(environ: Environ, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    argv = [sys.executable, "-m", "app.cli", *arguments]
    return subprocess.run(argv, env=environ, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)


def done(environ: Environ, *arguments: str) -> str:
    """What a command prints that must succeed, silently on stderr."""
    ended = interlock(environ, *arguments)
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    return ended.stdout


def fails(environ: Environ, code: int, *arguments: str) -> str:
    """The one line that a command says on stderr which must end with this code."""
    ended = interlock(environ, *arguments)
    assert ended.returncode == code, ended
    assert ended.stdout == ""
    assert ended.stderr.startswith("interlock: ")
    assert ended.stderr.count("\n") == 1
    return ended.stderr.removeprefix("interlock: ").rstrip()
