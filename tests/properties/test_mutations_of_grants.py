"""The same of grants: redeeming them, verifying them, and proofs of the key that one is bound to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import FIGURE
from tests.properties.catalogue_of_grants import GRANTS
from tests.properties.mutants import Mutant
from tests.properties.mutating import Ran, run


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return run(GRANTS, tmp_path_factory.mktemp("mutants") / "report.jsonl")


def test_with_nothing_taken_out_they_pass(ran: Ran, record_property: Callable[[str, object], None]) -> None:
    record_property(FIGURE, ran.whole_passes())


@pytest.mark.parametrize("mutant", GRANTS, ids=lambda mutant: mutant.name)
def test_a_guard_taken_out_is_noticed(ran: Ran, mutant: Mutant) -> None:
    """By each test that the catalogue names."""
    assert not ran.unmoved(mutant)
