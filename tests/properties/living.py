"""Running a machine: many lives, the same in every run, and what they must have reached to show anything."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.conftest import FIGURE
from tests.properties.ground import Ground

PARTS = 5
"""Hypothesis stays with what it has tried; begun anew a few times, it tries more."""

SEED = int(os.environ.get("INTERLOCK_PROPERTY_SEED", "1"))
"""Every run of the same folders is the same; Hypothesis also draws constants of the modules that are loaded. A long
one of other lives: ``INTERLOCK_PROPERTY_SEED=7 INTERLOCK_PROPERTY_EXAMPLES=1000``."""

Record = Callable[[str, object], None]


def live(
    machine: type[RuleBasedStateMachine], ground: Ground, record: Record, usual: int, reached: Mapping[str, int]
) -> None:
    """Live as many lives as usual, or as are asked for. ``reached``: what as many as usual must reach at least."""
    examples = int(os.environ.get("INTERLOCK_PROPERTY_EXAMPLES", usual))
    chosen = settings(
        max_examples=max(1, examples // PARTS),
        stateful_step_count=25,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    for part in range(PARTS):
        run_state_machine_as_test(seed(SEED * 1000 + part)(machine), settings=chosen)
    told(ground.seen, record)
    missed = {what: ground.seen[what] for what, least in reached.items() if ground.seen[what] < least}
    assert examples < usual or not missed, f"the machine never got there: {missed}"


def told(seen: Counter[str], record: Record) -> None:
    """What was reached, for the reader."""
    for kind in sorted({what.partition(":")[0] for what in seen}):
        named = [f"{what.partition(': ')[2] or what} {n}" for what, n in sorted(seen.items()) if what.startswith(kind)]
        record(FIGURE, f"state machine, {kind}: {', '.join(named)}")
