"""Take each guard of the catalogue out in turn: the tests that it names fail, and with nothing taken out they pass."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import FIGURE
from tests.properties.catalogue import INVARIANTS, RULES
from tests.properties.catalogue_of_budgets import BUDGETS
from tests.properties.catalogue_of_delegations import DELEGATIONS
from tests.properties.catalogue_of_permissions import PERMISSIONS
from tests.properties.catalogue_of_publications import PUBLICATIONS
from tests.properties.catalogue_of_rollbacks import ROLLBACKS
from tests.properties.catalogue_of_steps import DECISIONS, EXECUTION
from tests.properties.catalogue_of_stops import STOPS
from tests.properties.mutants import REPORT, WHOLE, Mutant

HERE = Path(__file__).parents[2]
MUTANTS = (
    *INVARIANTS,
    *RULES,
    *DECISIONS,
    *EXECUTION,
    *ROLLBACKS,
    *STOPS,
    *PUBLICATIONS,
    *BUDGETS,
    *DELEGATIONS,
    *PERMISSIONS,
)


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of all tests with all mutants. ``found``: mutant and test to what came of it, in all its parameters."""

    code: int
    said: str
    found: dict[tuple[str, str], set[str]]
    seconds: float


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """All of it in one process, beside this one: what it takes out is out nowhere else."""
    report = tmp_path_factory.mktemp("mutants") / "report.jsonl"
    tests = sorted({f"tests/{name}" for mutant in MUTANTS for name in mutant.caught_by})
    options = ["-p", "tests.properties.mutants", "-p", "no:xdist", "--no-header", "--tb=no"]
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=HERE,
        env={**os.environ, REPORT: str(report)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    found = defaultdict(set)
    for line in report.read_text().splitlines() if report.exists() else []:
        told = json.loads(line)
        found[told["mutant"], told["test"]].add(told["outcome"] if told["when"] == "call" else "error")
    return Ran(done.returncode, done.stdout[-4000:] + done.stderr[-4000:], dict(found), time.monotonic() - begun)


def test_with_nothing_taken_out_they_pass(ran: Ran, record_property: Callable[[str, object], None]) -> None:
    """And none ends in an error, with whatever taken out: what fails, fails in its own words."""
    assert ran.code == pytest.ExitCode.TESTS_FAILED, ran.said
    assert {name for mutant in MUTANTS for name in mutant.caught_by} == {test for _, test in ran.found}
    assert {
        test for (mutant, test), outcomes in ran.found.items() if mutant == WHOLE and outcomes != {"passed"}
    } == set()
    assert {key for key, outcomes in ran.found.items() if "error" in outcomes} == set(), ran.said
    caught = {mutant for (mutant, _), outcomes in ran.found.items() if mutant != WHOLE and "failed" in outcomes}
    figure = f"mutants: {len(caught)} of {len(MUTANTS)} guards taken out were noticed, in {ran.seconds:.0f} s"
    record_property(FIGURE, figure)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_guard_taken_out_is_noticed(ran: Ran, mutant: Mutant) -> None:
    """By each test that the catalogue names."""
    unmoved = [name for name in mutant.caught_by if "failed" not in ran.found.get((mutant.name, name), ())]
    assert not unmoved


def test_names_are_told_apart() -> None:
    """A mutant of the same name as another would hide it."""
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert all(mutant.caught_by for mutant in MUTANTS)
