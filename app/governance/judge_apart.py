"""``python -m app.governance.judge_apart``: one simulation in a process of its own, which can be ended at any time.

The engine holds the interpreter's lock for as long as one expression takes, and bounds its iterations, not its time: a
thread that judges a costly draft stops everything else in its process, and nothing can stop it.
"""

from __future__ import annotations

import json
import pickle
import resource
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from app.governance.policy import compile_policy
from app.governance.simulate import Asked, Chain, simulate

MOST_MEMORY = 4 << 30
"""Bytes of address space: what is judged may be 64 MiB of JSON, and takes several times as much when it is read."""


@dataclass(frozen=True, slots=True)
class Rules:
    """A governance document and what its version is called."""

    version: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """Two governances to judge asks by. ``outside``: chains of parents that are not among the asks."""

    in_force: Rules
    draft: Rules
    outside: Mapping[str, Chain]


def judge(task: Task, asks: Iterable[Asked], within: float | None = None) -> dict[str, Any]:
    """The counts. ``within``: seconds after which what is not judged yet is left out; they say so."""
    until = None if within is None else time.monotonic() + within
    in_force, draft = (compile_policy(rules.document, rules.version) for rules in (task.in_force, task.draft))
    tally = simulate(
        in_force, draft, asks, outside=task.outside, go_on=lambda: until is None or time.monotonic() < until
    )
    return tally.as_json()


def tell(task: Task, asks: Iterable[Asked], within: float, to: IO[bytes]) -> None:
    """Hand it to the other process, ask by ask: one large piece would hold the interpreter's lock, too."""
    for piece in (task, within, *asks, None):
        to.write(pickle.dumps(piece))
    to.flush()


def _told(stream: IO[bytes]) -> Iterator[Any]:
    """The pieces, which come from the process that began this one, up to the None that ends them."""
    while (piece := pickle.load(stream)) is not None:  # noqa: S301
        yield piece


def main() -> None:
    """From standard input to standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    pieces = _told(sys.stdin.buffer)
    task, within = next(pieces), next(pieces)
    # Whoever began this ends it; should they be gone, the kernel does.
    seconds = int(within) + 30
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    sys.stdout.write(json.dumps(judge(task, list(pieces), within)))


if __name__ == "__main__":
    main()
