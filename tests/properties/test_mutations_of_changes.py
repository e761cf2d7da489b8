"""The same of rollbacks, stops and publications, of budgets and delegations."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import FIGURE
from tests.properties.catalogue_of_budgets import BUDGETS
from tests.properties.catalogue_of_delegations import DELEGATIONS
from tests.properties.catalogue_of_publications import PUBLICATIONS
from tests.properties.catalogue_of_rollbacks import ROLLBACKS
from tests.properties.catalogue_of_stops import STOPS
from tests.properties.mutants import Mutant
from tests.properties.mutating import Ran, run

MUTANTS = (*BUDGETS, *DELEGATIONS, *PUBLICATIONS, *ROLLBACKS, *STOPS)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return run(MUTANTS, tmp_path_factory.mktemp("mutants") / "report.jsonl")


def test_with_nothing_taken_out_they_pass(ran: Ran, record_property: Callable[[str, object], None]) -> None:
    record_property(FIGURE, ran.whole_passes())


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_guard_taken_out_is_noticed(ran: Ran, mutant: Mutant) -> None:
    """By each test that the catalogue names."""
    assert not ran.unmoved(mutant)
