"""TCP ports on loopback that stay the same from one start to the next."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from app.devstack.errors import StackError

LOOPBACK = "127.0.0.1"
_BELOW_EPHEMERAL = range(20_000, 30_000)
"""The kernel takes outgoing ports from above: a client that retries a dead port there can occupy it itself."""
_TRIES = 200


def keep_port(file: Path) -> int:
    """The port noted in ``file`` if it is free, else another one, noted there."""
    port = _noted(file)
    if port is None or not is_free(port):
        port = free_port()
        file.write_text(str(port))
    return port


def free_port() -> int:
    """A loopback port that nobody listens on. Raises `StackError` if there is none."""
    for port in random.SystemRandom().sample(_BELOW_EPHEMERAL, _TRIES):  # whatever a test has seeded
        if is_free(port):
            return port
    raise StackError(f"none of {_TRIES} loopback ports tried is free: end some other servers")


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: TIME_WAIT does not hinder
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _noted(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (FileNotFoundError, ValueError):
        return None
