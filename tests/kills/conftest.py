"""One place for each module of kills."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.clear_text import histories, in_clear, ledger_and_outbox, of_requests
from tests.conftest import FIGURE
from tests.kills.callers import Callers
from tests.kills.place import Figure, Place, place
from tests.world import RULES

KILLS = Path(__file__).parent / "rules"


@pytest.fixture(scope="module")
async def here() -> AsyncIterator[Place]:
    """A place of this module's own, under the settings of a product: the sweeper is as slow as it is.

    In the end nothing that was asked about stands in clear anywhere, whatever was killed.
    """
    async with place() as made:
        yield made
        running = made.running
        wanted = await of_requests(running.database, [RULES, KILLS])
        hays = await histories(running.temporal) | await ledger_and_outbox(running.database) | running.logs()
        assert wanted
        assert in_clear(wanted, hays) == []


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
