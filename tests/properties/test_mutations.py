"""Take each guard of decisions and executions out in turn: the tests that it names fail, and without that they pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import FIGURE
from tests.properties.catalogue import INVARIANTS, RULES
from tests.properties.catalogue_of_bot_runs import BOT_RUNS
from tests.properties.catalogue_of_grant_keys import GRANT_KEYS
from tests.properties.catalogue_of_steps import DECISIONS, EXECUTION
from tests.properties.mutants import Mutant, catalogue, every
from tests.properties.mutating import Ran, run

MUTANTS = (*INVARIANTS, *RULES, *DECISIONS, *EXECUTION, *BOT_RUNS, *GRANT_KEYS)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return run(MUTANTS, tmp_path_factory.mktemp("mutants") / "report.jsonl")


def test_with_nothing_taken_out_they_pass(ran: Ran, record_property: Callable[[str, object], None]) -> None:
    record_property(FIGURE, ran.whole_passes())


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_guard_taken_out_is_noticed(ran: Ran, mutant: Mutant) -> None:
    """By each test that the catalogue names."""
    assert not ran.unmoved(mutant)


def test_names_are_told_apart() -> None:
    """A mutant of the same name as another would hide it."""
    assert set(MUTANTS) < set(every())
    assert len(catalogue()) == len(every())
    assert all(mutant.caught_by for mutant in every())
