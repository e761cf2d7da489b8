"""One run of all tests that a set of mutants names, with nothing and with each of them taken out; what it must show."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.properties.mutants import ONLY, REPORT, WHOLE, Mutant

HERE = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ran:
    """``found``: mutant and test to what came of it, in all its parameters."""

    mutants: Sequence[Mutant]
    code: int
    said: str
    found: dict[tuple[str, str], set[str]]
    seconds: float

    def whole_passes(self) -> str:
        """With nothing taken out all pass, and none ends in an error with whatever taken out; the figure to report."""
        assert self.code == pytest.ExitCode.TESTS_FAILED, self.said
        assert {name for mutant in self.mutants for name in mutant.caught_by} == {test for _, test in self.found}
        failed = {test for (mutant, test), came in self.found.items() if mutant == WHOLE and came != {"passed"}}
        assert failed == set()
        assert {key for key, outcomes in self.found.items() if "error" in outcomes} == set(), self.said
        caught = {mutant for (mutant, _), outcomes in self.found.items() if mutant != WHOLE and "failed" in outcomes}
        return f"mutants: {len(caught)} of {len(self.mutants)} guards taken out were noticed, in {self.seconds:.0f} s"

    def unmoved(self, mutant: Mutant) -> list[str]:
        """The tests that should have noticed it, and did not."""
        return [name for name in mutant.caught_by if "failed" not in self.found.get((mutant.name, name), ())]


def run(mutants: Sequence[Mutant], report: Path) -> Ran:
    """All of it in one process, beside this one: what it takes out is out nowhere else."""
    tests = sorted({f"tests/{name}" for mutant in mutants for name in mutant.caught_by})
    options = ["-p", "tests.properties.mutants", "-p", "no:xdist", "--no-header", "--tb=no"]
    only = json.dumps([mutant.name for mutant in mutants])
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=HERE,
        env={**os.environ, REPORT: str(report), ONLY: only},
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
    found = defaultdict(set)
    for line in report.read_text().splitlines() if report.exists() else []:
        told = json.loads(line)
        found[told["mutant"], told["test"]].add(told["outcome"] if told["when"] == "call" else "error")
    said = done.stdout[-4000:] + done.stderr[-4000:]
    return Ran(mutants, done.returncode, said, dict(found), time.monotonic() - begun)
