"""Waiting for other processes, by condition."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psutil
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from app.devstack.orphans import is_gone

T = TypeVar("T")
SOON = 20.0
"""Seconds: five on a machine that does nothing else, and these tests are not alone."""


def eventually(probe: Callable[[], T], *, within: float = 30) -> T:
    """The first truthy answer of ``probe``; tenacity.RetryError if there is none in time."""
    waiting = Retrying(retry=retry_if_result(lambda it: not it), stop=stop_after_delay(within), wait=wait_fixed(0.05))
    return waiting(probe)


def gone(pid: int) -> bool:
    """Whether process ``pid`` runs no more."""
    try:
        return is_gone(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return True


def document(file: Path) -> dict[str, Any]:
    """What ``file`` holds, empty while it is absent."""
    try:
        found: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    return found
