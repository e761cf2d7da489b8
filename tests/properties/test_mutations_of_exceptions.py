"""The same of exceptions, incidents, permissions and reviews, of people who leave, and of use cases."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import FIGURE
from tests.properties.catalogue_of_exceptions import EXCEPTIONS
from tests.properties.catalogue_of_incidents import INCIDENTS
from tests.properties.catalogue_of_people import PEOPLE
from tests.properties.catalogue_of_permissions import PERMISSIONS
from tests.properties.catalogue_of_reviews import REVIEWS
from tests.properties.catalogue_of_use_cases import USE_CASES
from tests.properties.mutants import Mutant
from tests.properties.mutating import Ran, run

MUTANTS = (*EXCEPTIONS, *INCIDENTS, *PEOPLE, *PERMISSIONS, *REVIEWS, *USE_CASES)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return run(MUTANTS, tmp_path_factory.mktemp("mutants") / "report.jsonl")


def test_with_nothing_taken_out_they_pass(ran: Ran, record_property: Callable[[str, object], None]) -> None:
    record_property(FIGURE, ran.whole_passes())


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_guard_taken_out_is_noticed(ran: Ran, mutant: Mutant) -> None:
    """By each test that the catalogue names."""
    assert not ran.unmoved(mutant)
