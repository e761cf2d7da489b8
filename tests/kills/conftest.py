"""One place for each module of kills."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from tests.conftest import FIGURE
from tests.kills.callers import Callers
from tests.kills.place import Figure, Place, place


@pytest.fixture(scope="module")
async def here() -> AsyncIterator[Place]:
    """A place of this module's own, under the settings of a product: the sweeper is as slow as it is."""
    async with place() as made:
        yield made


@pytest.fixture
def callers(here: Place) -> Callers:
    """The callers of one test."""
    return here.callers()


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """Keeps what a test has measured, for the summary."""

    def keep(text: str) -> None:
        record_property(FIGURE, text)

    return keep
