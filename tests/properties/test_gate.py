"""No sequence of deeds reaches `executing` without the quorum that the rules demand; no final state is left."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from app.db.session import Database
from app.governance import tree
from app.keys import KeyRings
from tests.conftest import FIGURE
from tests.properties.ground import Ground
from tests.properties.machine import Gate

USUAL = 100
PARTS = 5
"""Hypothesis stays with what it has tried; begun anew a few times, it tries more."""

EXAMPLES = int(os.environ.get("INTERLOCK_PROPERTY_EXAMPLES", USUAL))
SEED = int(os.environ.get("INTERLOCK_PROPERTY_SEED", "1"))
"""Every run is the same; a long one of other lives: ``INTERLOCK_PROPERTY_SEED=7 INTERLOCK_PROPERTY_EXAMPLES=1000``."""

REACHED = {
    "started": 25,
    "started: quorum of 2": 6,
    "started: more than one stage": 6,
    "started: after being held again": 2,
    "started: run by the bot": 5,
    "started: risk critical": 2,
    "entry: vote-void": 5,
    "entry: held-again, stale-authority": 5,
    "entry: held-again, policy-stricter": 5,
    "entry: revoked, policy-stricter": 1,
    "entry: escalated, quorum-out-of-reach": 10,
    "entry: withdrawn": 3,
    "move: held > approved": 30,
    "move: held > denied": 5,
    "move: held > expired": 10,
    "move: held > cancelled": 3,
    "move: executing > succeeded": 2,
    "move: executing > failed": 2,
    "refused: self-approval": 1,
    "refused: on-behalf-of": 1,
    "refused: bot-owner": 3,
    "refused: not-eligible": 3,
    "refused: unlinked-identity": 3,
}
"""What a run of the usual length must reach at least; a machine that never gets there shows nothing."""


def read_json(path: Path) -> Any:
    """A governance file of the machine's, which is JSON: the reader of YAML takes 0.1 s for it, thousands of times."""
    return json.loads(path.read_text())


@pytest.fixture
def ground(database_url: str, rings: KeyRings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    """A database, and a loop to run steps on: Hypothesis is not asynchronous."""
    monkeypatch.setattr(tree, "read", read_json)
    loop, database = asyncio.new_event_loop(), Database(database_url, pool_size=2)
    with tempfile.TemporaryDirectory(prefix="interlock-properties-") as folder:
        yield Ground(database, rings, Path(folder), loop)
    loop.run_until_complete(database.close())
    loop.close()


def test_nothing_runs_that_the_rules_do_not_release(
    ground: Ground, record_property: Callable[[str, object], None]
) -> None:
    """Found by none of the generated lives: too few persons, a final state left, a moved expiry, a broken stream."""
    chosen = settings(
        max_examples=max(1, EXAMPLES // PARTS),
        stateful_step_count=25,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )

    class Here(Gate):
        """The gate on this ground."""

        def __init__(self) -> None:
            super().__init__(ground)

    for part in range(PARTS):
        run_state_machine_as_test(seed(SEED * 1000 + part)(Here), settings=chosen)
    told(ground.seen, record_property)
    missed = {what: ground.seen[what] for what, least in REACHED.items() if ground.seen[what] < least}
    assert EXAMPLES < USUAL or not missed, "the machine never got there"


def told(seen: Counter[str], record_property: Callable[[str, object], None]) -> None:
    """What was reached, for the reader."""
    for kind in sorted({what.partition(":")[0] for what in seen}):
        named = [f"{what.partition(': ')[2] or what} {n}" for what, n in sorted(seen.items()) if what.startswith(kind)]
        record_property(FIGURE, f"state machine, {kind}: {', '.join(named)}")
