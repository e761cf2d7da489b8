"""A pytest plugin that takes guards out of the product, one at a time: ``pytest -p tests.properties.mutants``.

Each test that the catalogue names runs once with the product whole, and once for each mutant that it must notice. A
mutant is a function whose source has a piece replaced; its code is swapped in place, so that whoever has imported it
runs the mutated one. Where the piece is not found (the product was changed), the mutant fails to be made, loudly.
"""

from __future__ import annotations
import __future__

import importlib
import inspect
import json
import os
import textwrap
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest
from hypothesis import Phase, is_hypothesis_test, settings

WHOLE = "whole"
REPORT = "INTERLOCK_MUTANTS_REPORT"
"""The file that outcomes go to, as lines of JSON: mutant, test, when and outcome."""
ONLY = "INTERLOCK_MUTANTS_ONLY"
"""The names of the mutants that a run takes out, as JSON."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One guard taken out.

    ``where``: ``module:function`` or ``module:Class.method``; ``old`` in its source becomes ``new``; ``caught_by``: the
    tests of which each must fail, as ``file::function`` below tests/.
    """

    name: str
    where: str
    old: str
    new: str
    caught_by: tuple[str, ...]


class Stale(LookupError):
    """The catalogue does not fit the product any more."""


@contextmanager
def without(mutant: Mutant) -> Iterator[None]:
    """The product without this guard, while the block runs."""
    function = _function(mutant.where)
    kept = function.__code__
    function.__code__ = mutated(function, mutant)
    try:
        yield
    finally:
        function.__code__ = kept


def _function(where: str) -> FunctionType:
    module, _, path = where.partition(":")
    found: Any = importlib.import_module(module)
    for name in path.split("."):
        found = inspect.getattr_static(found, name)
    found = inspect.unwrap(found.fget if isinstance(found, property) and found.fget else found)
    assert isinstance(found, FunctionType)
    return found


def mutated(function: FunctionType, mutant: Mutant) -> CodeType:
    """The code of the function with the piece replaced. Raises Stale when the piece is not there exactly once."""
    source = textwrap.dedent(inspect.getsource(function))
    if source.count(mutant.old) != 1:
        raise Stale(f"{mutant.name}: {mutant.old!r} is not once in {mutant.where}")
    flags = __future__.annotations.compiler_flag
    changed = source.replace(mutant.old, mutant.new)
    module = compile(changed, function.__code__.co_filename, "exec", flags, dont_inherit=True)
    codes = [const for const in module.co_consts if isinstance(const, CodeType) and const.co_name == function.__name__]
    if len(codes) != 1 or codes[0].co_freevars:
        raise Stale(f"{mutant.name}: {mutant.where} is no plain function")
    return codes[0]


def every() -> tuple[Mutant, ...]:
    """All mutants. Imported late: what it holds is data that tests may read as well."""
    from tests.properties.catalogue import INVARIANTS, RULES  # noqa: PLC0415
    from tests.properties.catalogue_of_budgets import BUDGETS  # noqa: PLC0415
    from tests.properties.catalogue_of_delegations import DELEGATIONS  # noqa: PLC0415
    from tests.properties.catalogue_of_exceptions import EXCEPTIONS  # noqa: PLC0415
    from tests.properties.catalogue_of_incidents import INCIDENTS  # noqa: PLC0415
    from tests.properties.catalogue_of_people import PEOPLE  # noqa: PLC0415
    from tests.properties.catalogue_of_permissions import PERMISSIONS  # noqa: PLC0415
    from tests.properties.catalogue_of_publications import PUBLICATIONS  # noqa: PLC0415
    from tests.properties.catalogue_of_reviews import REVIEWS  # noqa: PLC0415
    from tests.properties.catalogue_of_rollbacks import ROLLBACKS  # noqa: PLC0415
    from tests.properties.catalogue_of_steps import DECISIONS, EXECUTION  # noqa: PLC0415
    from tests.properties.catalogue_of_stops import STOPS  # noqa: PLC0415
    from tests.properties.catalogue_of_use_cases import USE_CASES  # noqa: PLC0415

    several = (
        INVARIANTS,
        RULES,
        DECISIONS,
        EXECUTION,
        ROLLBACKS,
        STOPS,
        PUBLICATIONS,
        BUDGETS,
        DELEGATIONS,
        EXCEPTIONS,
        INCIDENTS,
        PERMISSIONS,
        REVIEWS,
        PEOPLE,
        USE_CASES,
    )
    return tuple(mutant for mutants in several for mutant in mutants)


def catalogue() -> dict[str, Mutant]:
    """Those that this process is to take out (`ONLY`), by name; all of them where nobody says which."""
    only = json.loads(os.environ.get(ONLY, "null"))
    return {mutant.name: mutant for mutant in every() if only is None or mutant.name in only}


def test_of(module: str, function: str) -> str:
    """How the catalogue names a test."""
    return f"{module.removeprefix('tests.').replace('.', '/')}.py::{function}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test with the product whole, and with each mutant that it must notice."""
    name = test_of(metafunc.module.__name__, metafunc.function.__name__)
    mine = [mutant.name for mutant in catalogue().values() if name in mutant.caught_by]
    metafunc.fixturenames.append("mutant") if "mutant" not in metafunc.fixturenames else None
    metafunc.parametrize("mutant", [WHOLE, *mine], indirect=True, ids=str)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What Hypothesis finds need not be made small: that it is found is enough."""
    quick = settings(deadline=None, derandomize=True, database=None, phases=[Phase.generate])
    for function in {item.function for item in items if isinstance(item, pytest.Function)}:
        if is_hypothesis_test(function):
            quick(function)


@pytest.fixture(autouse=True)
def mutant(request: pytest.FixtureRequest) -> Iterator[str]:
    """The guard that is out during this test."""
    name: str = request.param
    if name == WHOLE:
        yield name
        return
    with without(catalogue()[name]):
        yield name


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write each outcome down."""
    report = yield
    params = item.callspec.params if hasattr(item, "callspec") else {}
    if isinstance(item, pytest.Function) and (report.when == "call" or report.failed):
        name = test_of(item.module.__name__, item.function.__name__)
        line = {"mutant": params["mutant"], "test": name, "when": report.when, "outcome": report.outcome}
        with Path(os.environ[REPORT]).open("a") as file:
            file.write(json.dumps(line) + "\n")
    return report
