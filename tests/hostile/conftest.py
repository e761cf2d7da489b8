"""One live API for each module."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.devstack import TemporalServer
from tests.fakes.desk import Desk
from tests.hostile.live import Live, live


@pytest.fixture(scope="module")
async def api(
    database_url: str, temporal: TemporalServer, a_desk: Desk, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Live]:
    """The API process, with everything behind it."""
    async with live(database_url, temporal.address, a_desk, tmp_path_factory.mktemp("keys")) as made:
        yield made
